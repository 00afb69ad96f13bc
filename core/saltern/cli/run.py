"""``saltern-run``: run a function on the master."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from saltern.arguments import parse_arguments
from saltern.cli import from_salt, watch
from saltern.cli.command import (
    EX_GENERIC,
    EX_OK,
    EX_USAGE,
    Output,
    add_output_arguments,
    command_parser,
    run_command,
    seconds,
    set_up_log,
)
from saltern.cli.tables import as_table
from saltern.config import client_config
from saltern.runner import RunnerClient
from saltern.visible import visible

EXAMPLES = """  saltern-run -d                                 what there is
  saltern-run manage.status                      who is connected
  saltern-run jobs.list_jobs limit=10
  saltern-run metrics.explain web01 stats.collect
  saltern-run metrics.account                    points expected, received, late, dropped
  saltern-run alerts.list
  saltern-run state.event 'salt/job/*' pretty=True    events as they come, until Ctrl-C
  saltern-run config.from_salt /etc/salt         Salt's configuration as ours; needs no master
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = command_parser(
        "saltern-run", "saltern-run [options] <function> [arguments]", "Run a function on the master.", EXAMPLES
    )
    parser.add_argument("-t", "--timeout", type=seconds, default=60.0, metavar="S", help="seconds to wait (60)")
    add_output_arguments(parser)
    parser.add_argument(
        "-d", "--doc", action="store_true", help="show what functions do, all or those named, and run none"
    )
    options = parser.parse(words)
    return run_command(
        "saltern-run", lambda: _run(parser, options), traceback=options.traceback, config_dir=options.config_dir
    )


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    set_up_log(options)
    words = options.words
    output = Output(options)
    if words and words[0] == from_salt.FUNCTION and not options.doc:  # it needs no master, and no configuration of ours
        print(from_salt.converted(*parse_arguments(words[1:])), end="")
        return EX_OK
    opts = client_config(options.config_dir)
    client = RunnerClient(opts)
    if options.doc:
        return _show_docs(client, options, output)
    if not words:
        parser.print_usage(sys.stderr)
        print("saltern-run: a function is needed: saltern-run -d lists them", file=sys.stderr)
        return EX_USAGE
    args, kwargs = parse_arguments(words[1:])
    if words[0] == watch.FUNCTION:
        watch.show_events(opts, args, kwargs)
        return EX_OK
    result = client.call(words[0], args, kwargs, options.timeout)
    table = None if output.chosen else as_table(words[0], result)
    if table is None:
        output.show(result)
    else:
        output.show(table, out="raw")
    return EX_OK


def _show_docs(client: RunnerClient, options: argparse.Namespace, output: Output) -> int:
    """Print what functions do, those of the modules and names among the words, or all; nothing else is run."""
    docs = {
        **client.call("doc.runner", timeout=options.timeout),
        watch.FUNCTION: watch.DOC,
        from_salt.FUNCTION: from_salt.DOC,
    }
    wanted = options.words
    shown = {
        name: text
        for name, text in sorted(docs.items())
        if not wanted or any(name == word or name.startswith(f"{word}.") for word in wanted)
    }
    if not shown:
        print(f"saltern-run: no function or module {visible(' '.join(wanted))}: -d alone lists them", file=sys.stderr)
        return EX_GENERIC
    output.show(shown)
    return EX_OK


if __name__ == "__main__":
    sys.exit(main())
