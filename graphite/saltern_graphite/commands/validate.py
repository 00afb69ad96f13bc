"""``saltern-graphite validate``: what is wrong in the schema files, and which rules a metric would get."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import partial

from saltern.errors import UsageError
from saltern.visible import visible
from saltern_graphite.commands.parsers import Commands, add_command
from saltern_graphite.rules.conf_file import Problem
from saltern_graphite.rules.metric_name import BadName, canonical
from saltern_graphite.rules.name_lists import BLACKLIST_FILE, WHITELIST_FILE, read_list, refusal
from saltern_graphite.rules.rollup import AGGREGATION_FILE, DEFAULT_METHOD, DEFAULT_X_FILES_FACTOR, Aggregations
from saltern_graphite.rules.schemas import DEFAULT_RETENTIONS_TEXT, SCHEMAS_FILE, Schemas
from saltern_graphite.tools.advice import advise
from saltern_graphite.tools.attendance import CLEAN, PROBLEMS, Stop, attended
from saltern_graphite.tools.places import checked_folder, conf_dir

_BUILT_IN = f"every metric gets {DEFAULT_RETENTIONS_TEXT}, {DEFAULT_METHOD}, xFilesFactor {DEFAULT_X_FILES_FACTOR:g}"
_EPILOG = """\
Wrong is what makes the server leave a section out. A warning tells of what is allowed but hardly meant: a section
that is never reached, a key that means nothing, a key said twice.

examples:
  saltern-graphite validate --conf /etc/carbon
  saltern-graphite validate --root /var/lib/saltern/graphite servers.web1.load 'disk.used;host=web1'

The exit status is 0 when nothing is wrong, 1 when something is (a warning too with --strict) or a METRIC is no name
that would be taken, 2 when the command makes no sense.
"""


def add(commands: Commands) -> None:
    """Add the command and its arguments."""
    about = (
        f"Names file, line and reason for everything wrong in {SCHEMAS_FILE}, {AGGREGATION_FILE}, {WHITELIST_FILE} and "
        f"{BLACKLIST_FILE}, and shows for each METRIC which sections it would get."
    )
    validate = add_command(commands, "validate", run, help="check the schema files", about=about, epilog=_EPILOG)
    validate.add_argument("--root", metavar="DIR", help="the folder that serve has as its --root")
    validate.add_argument("--conf", metavar="DIR", help="folder of the files (default: ROOT/conf, else conf)")
    validate.add_argument("--strict", action="store_true", help="a warning is a fault too")
    validate.add_argument("metrics", nargs="*", metavar="METRIC")


@attended
def run(arguments: argparse.Namespace, stop: Stop) -> int:
    """Validate as the command line says."""
    conf = conf_dir(arguments)
    for what in arguments.metrics:
        if conf is None and (os.path.isdir(what) or what.endswith(".conf")):
            folder = what if os.path.isdir(what) else os.path.dirname(what) or "."
            raise UsageError(f"{what!r} should be the name of a metric; for the files of a folder: --conf {folder}")
    return validate(conf or "conf", arguments.metrics, strict=arguments.strict)


def validate(conf: str, metrics: list[str], *, strict: bool = False) -> int:
    """Print what is wrong in the files of the folder *conf* and what *metrics* would get; 0 if all is well.

    With *strict* a warning is wrong too. No such folder is wrong as well: what holds is what is built in. Raises
    ``UsageError`` when it is something else.
    """
    schemas, aggregations = Schemas.load(conf), Aggregations.load(conf)
    white, black = (read_list(os.path.join(conf, name)) for name in (WHITELIST_FILE, BLACKLIST_FILE))
    problems = [*schemas.problems, *aggregations.problems, *white.problems, *black.problems]
    warnings = advise(conf)
    if not os.path.lexists(conf):
        problems, warnings = [Problem(conf, 0, f"there is no such folder: {_BUILT_IN}")], []
    else:
        checked_folder(conf)
    for problem in problems:
        print(visible(str(problem)))
    for warning in warnings:
        print(visible(f"warning: {warning}"))
    turned_down = partial(refusal, white, black)
    refused = sum(not _show(metric, schemas, aggregations, turned_down) for metric in metrics)
    wrong = problems or (strict and warnings)
    if not metrics and not wrong:
        counts = f"{len(schemas.schemas)} schemas, {len(aggregations.rules)} aggregations"
        built_in = "" if schemas.schemas else f"; {_BUILT_IN}"
        print(visible(f"{conf}: {counts}, nothing wrong{built_in}"))
    return PROBLEMS if wrong or refused else CLEAN


def _show(metric: str, schemas: Schemas, aggregations: Aggregations, turned_down: Callable[[str], str | None]) -> bool:
    """Print what *metric* would get; return whether it is a name that would be taken."""
    try:
        name = canonical(metric)
        cause = turned_down(name)
    except BadName as bad:
        cause = bad.cause
    if cause is not None:
        print(f"{visible(metric)}: refused ({cause})")
        return False
    schema, rule = schemas.match(name), aggregations.match(name)
    archives = ",".join(f"{retention.step}s:{retention.points}" for retention in schema.retentions)
    rules = f"[{schema.name}] {archives}; [{rule.name}] {rule.method}, xFilesFactor {rule.x_files_factor:g}"
    print(visible(f"{name}: {rules}"))
    return True
