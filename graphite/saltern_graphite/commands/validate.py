"""``saltern-graphite validate``: what is wrong in the schema files, and which rules a metric would get."""

from __future__ import annotations

import argparse

from saltern_graphite.metric_name import BadName, canonical
from saltern_graphite.rollup import AGGREGATION_FILE, Aggregations
from saltern_graphite.schemas import SCHEMAS_FILE, Schemas


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    validate = commands.add_parser(
        "validate",
        help="check the schema files",
        description=f"Names file, line and reason for everything wrong in {SCHEMAS_FILE} and {AGGREGATION_FILE}, "
        "and shows for each METRIC which sections it would get. The exit status is 1 if anything is wrong.",
    )
    validate.set_defaults(run=run)
    validate.add_argument("--conf", metavar="DIR", default="conf", help="folder of the files (default: %(default)s)")
    validate.add_argument("metrics", nargs="*", metavar="METRIC")


def run(arguments: argparse.Namespace) -> int:
    """Validate as the command line says."""
    return validate(arguments.conf, arguments.metrics)


def validate(conf: str, metrics: list[str]) -> int:
    """Print what is wrong in the schema files of the folder *conf* and what *metrics* would get; 0 if all is well."""
    schemas, aggregations = Schemas.load(conf), Aggregations.load(conf)
    problems = schemas.problems + aggregations.problems
    for problem in problems:
        print(problem)
    refused = 0
    for metric in metrics:
        try:
            name = canonical(metric)
        except BadName as bad:
            print(f"{metric}: refused ({bad.cause})")
            refused += 1
            continue
        schema, rule = schemas.match(name), aggregations.match(name)
        archives = ",".join(f"{retention.step}s:{retention.points}" for retention in schema.retentions)
        print(f"{name}: [{schema.name}] {archives}; [{rule.name}] {rule.method}, xFilesFactor {rule.x_files_factor:g}")
    if not metrics and not problems:
        counts = f"{len(schemas.schemas)} schemas, {len(aggregations.rules)} aggregations"
        print(f"{conf}: {counts}, nothing wrong")
    return 1 if problems or refused else 0
