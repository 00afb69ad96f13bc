"""``saltern-run``: run a function on the master."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from saltern.arguments import parse_arguments
from saltern.cli.command import EX_OK, EX_USAGE, command_parser, run_command, seconds, wants_versions
from saltern.config import client_config
from saltern.output import OUTPUTS, display
from saltern.runner import RunnerClient

EXAMPLES = """  saltern-run -d                                 what there is
  saltern-run manage.status                      who is connected
  saltern-run jobs.list_jobs limit=10
  saltern-run metrics.explain web01 stats.collect
  saltern-run metrics.account                    points expected, received, late, dropped
  saltern-run alerts.list
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if wants_versions(words):
        return EX_OK
    parser = command_parser(
        "saltern-run", "saltern-run [options] <function> [arguments]", "Run a function on the master.", EXAMPLES
    )
    parser.add_argument("-t", "--timeout", type=seconds, default=60.0, metavar="S", help="seconds to wait (60)")
    parser.add_argument("--out", "--output", default="nested", choices=OUTPUTS, metavar="FORM", help=", ".join(OUTPUTS))
    parser.add_argument("-d", "--doc", action="store_true", help="list the functions with what they do")
    parser.add_argument("words", nargs="*", metavar="function [arguments]")
    options = parser.parse_intermixed_args(words)
    return run_command("saltern-run", lambda: _run(parser, options), traceback=options.traceback)


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    words = ["doc.runner"] if options.doc else options.words
    if not words:
        parser.print_usage(sys.stderr)
        print("saltern-run: a function is needed: saltern-run -d lists them", file=sys.stderr)
        return EX_USAGE
    args, kwargs = parse_arguments(words[1:])
    client = RunnerClient(client_config(options.config_dir))
    result = client.cmd(words[0], args, kwargs, options.timeout)
    display(result, options.out, color=False if options.no_color else None)
    return EX_OK


if __name__ == "__main__":
    sys.exit(main())
