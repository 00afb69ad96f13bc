"""``saltern-graphite validate``: what is wrong in the schema files, and which rules a metric would get."""

from __future__ import annotations

import argparse

from saltern.visible import visible
from saltern_graphite.metric_name import BadName, canonical
from saltern_graphite.rollup import AGGREGATION_FILE, Aggregations
from saltern_graphite.schemas import SCHEMAS_FILE, Schemas
from saltern_graphite.tools.advice import advise
from saltern_graphite.tools.attendance import CLEAN, PROBLEMS, attended
from saltern_graphite.tools.places import checked_folder

_EPILOG = """\
Wrong is what makes the server leave a section out. A warning tells of what is allowed but hardly meant: a section
that is never reached, a key that means nothing, a key said twice.

examples:
  saltern-graphite validate --conf /etc/carbon
  saltern-graphite validate --conf /var/lib/saltern/graphite/conf servers.web1.load 'disk.used;host=web1'

The exit status is 0 when nothing is wrong, 1 when something is (a warning too with --strict) or a METRIC is no name
that would be taken, 2 when the command makes no sense.
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    validate = commands.add_parser(
        "validate",
        help="check the schema files",
        description=f"Names file, line and reason for everything wrong in {SCHEMAS_FILE} and {AGGREGATION_FILE}, "
        "and shows for each METRIC which sections it would get.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    validate.set_defaults(run=run)
    validate.add_argument("--conf", metavar="DIR", default="conf", help="folder of the files (default: %(default)s)")
    validate.add_argument("--strict", action="store_true", help="a warning is a fault too")
    validate.add_argument("metrics", nargs="*", metavar="METRIC")


def run(arguments: argparse.Namespace) -> int:
    """Validate as the command line says."""
    return attended(lambda stop: validate(arguments.conf, arguments.metrics, strict=arguments.strict))


def validate(conf: str, metrics: list[str], *, strict: bool = False) -> int:
    """Print what is wrong in the schema files of the folder *conf* and what *metrics* would get; 0 if all is well.

    With *strict* a warning is wrong too. Raises ``UsageError`` when there is no such folder.
    """
    checked_folder(conf)
    schemas, aggregations = Schemas.load(conf), Aggregations.load(conf)
    problems, warnings = schemas.problems + aggregations.problems, advise(conf)
    for problem in problems:
        print(visible(str(problem)))
    for warning in warnings:
        print(visible(f"warning: {warning}"))
    refused = sum(not _show(metric, schemas, aggregations) for metric in metrics)
    wrong = problems or (strict and warnings)
    if not metrics and not wrong:
        counts = f"{len(schemas.schemas)} schemas, {len(aggregations.rules)} aggregations"
        print(visible(f"{conf}: {counts}, nothing wrong"))
    return PROBLEMS if wrong or refused else CLEAN


def _show(metric: str, schemas: Schemas, aggregations: Aggregations) -> bool:
    """Print what *metric* would get; return whether it is a name that would be taken."""
    try:
        name = canonical(metric)
    except BadName as bad:
        print(f"{visible(metric)}: refused ({bad.cause})")
        return False
    schema, rule = schemas.match(name), aggregations.match(name)
    archives = ",".join(f"{retention.step}s:{retention.points}" for retention in schema.retentions)
    rules = f"[{schema.name}] {archives}; [{rule.name}] {rule.method}, xFilesFactor {rule.x_files_factor:g}"
    print(visible(f"{name}: {rules}"))
    return True
