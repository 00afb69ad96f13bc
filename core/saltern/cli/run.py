"""``saltern-run``: run a function on the master."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from saltern.arguments import keywords_among, parse_arguments
from saltern.cli import from_salt, watch
from saltern.cli.command import (
    EX_GENERIC,
    EX_OK,
    OptionParser,
    Output,
    add_argument_options,
    add_output_arguments,
    command_parser,
    run_command,
    seconds,
    set_up_log,
)
from saltern.cli.login import access_of, add_login_options
from saltern.cli.tables import as_table
from saltern.config import client_config
from saltern.errors import ArgumentError, ChannelError, FunctionNotFound, SalternError
from saltern.local import Access, LocalConnection
from saltern.runner import RunnerClient
from saltern.visible import visible, visible_lines

EXAMPLES = """  saltern-run -d                                 what there is
  saltern-run manage.status                      who is connected
  saltern-run jobs.list_jobs limit=10
  saltern-run metrics.explain web01 stats.collect
  saltern-run metrics.account                    points expected, received, late, dropped
  saltern-run alerts.list
  saltern-run logs.show 'web*' /var/log/syslog since=1h   lines of many hosts as one
  saltern-run state.event 'salt/job/*' pretty=True    events as they come, until Ctrl-C
  saltern-run config.from_salt /etc/salt         Salt's configuration as ours; needs no master
"""


LOGS = "logs.show"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    options = parser.parse(words)
    if options.doc and len(options.words) > 1:
        parser.error("You can only get documentation for one method at one time")
    return run_command("saltern-run", lambda: _run(options), traceback=options.traceback, config_dir=options.config_dir)


def _parser() -> OptionParser:
    parser = command_parser(
        "saltern-run", "saltern-run [options] <function> [arguments]", "Run a function on the master.", EXAMPLES
    )
    parser.add_argument("-t", "--timeout", type=seconds, default=60.0, metavar="S", help="seconds to wait (60)")
    parser.add_argument(
        "-d", "--doc", "--documentation", action="store_true", help="show what functions do, all or one's, and run none"
    )
    parser.add_argument("--async", dest="async_", action="store_true", help="start it, say under which tag, don't wait")
    parser.add_argument("--skip-grains", action="store_true", help="changes nothing: no grains are collected for it")
    add_argument_options(parser)
    add_login_options(parser)
    add_output_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="don't show what the function returns")
    return parser


def _run(options: argparse.Namespace) -> int:
    set_up_log(options)
    output = Output(options)
    function, *words = options.words or [""]
    function = watch.FUNCTION if function == watch.ALIAS else function
    args, kwargs = parse_arguments(words, options.no_parse)
    args, more = keywords_among(args)
    kwargs |= more
    if function == from_salt.FUNCTION and not options.doc:  # it needs no master, and no configuration of ours
        print(from_salt.converted(args, kwargs), end="")
        return EX_OK
    opts = client_config(options.config_dir)
    access = access_of(options, opts)
    client = RunnerClient(opts)
    client.auth = access.auth
    if options.doc or not function:
        return _show_docs(client, function, options, output)
    try:
        if function == watch.FUNCTION:
            watch.show_events(access, args, kwargs)
            return EX_OK
        if function == LOGS:
            return _show_logs(options, access, output, args, kwargs)
        if options.async_:
            return _start(access, function, args, kwargs)
        data = client.whole(function, args, kwargs, options.timeout)
        for line in visible_lines(str(data.get("printed", ""))):
            print(line)
        value, code = data["return"], _code(data["return"])
    except ChannelError:  # the master isn't there, is busy, or says no: nothing was run
        raise
    except SalternError as error:
        value, code = _in_place_of_a_value(error, function, client)
    if not options.quiet:
        table = None if output.chosen else as_table(function, value)
        output.show(value if table is None else table, out=None if table is None else "raw", retcode=code)
    return code


def _show_logs(
    options: argparse.Namespace, access: Access, output: Output, args: list[Any], kwargs: dict[str, Any]
) -> int:
    from saltern.cli import logs  # the others start without it
    from saltern.client import LocalClient

    color = output.color if output.color is not None else sys.stdout.isatty()
    client = LocalClient(options.config_dir)
    client.auth = access.auth
    return logs.show(client, args, kwargs, color=color, timeout=None)


def _start(access: Access, function: str, args: list[Any], kwargs: dict[str, Any]) -> int:
    """Start *function*, say where its return will be, and return the exit code."""
    with LocalConnection(access) as connection:
        started = connection.call("runner.async", function, args, kwargs)
    print(
        "[WARNING ] Running in asynchronous mode. Results of this execution may be collected by attaching to the "
        "master event bus or by examining the master job cache, if configured. This execution is running under tag "
        f"{visible(str(started['tag']))}",
        file=sys.stderr,
    )
    return EX_OK


def _in_place_of_a_value(error: SalternError, function: str, client: RunnerClient) -> tuple[str, int]:
    """Return what is shown where *function* couldn't be run, or failed, and the exit code."""
    if isinstance(error, ArgumentError):
        return f"\nPassed invalid arguments: {error}\n\nUsage:\n{_docs(client).get(function, '')}", EX_OK
    if isinstance(error, FunctionNotFound) and function not in _docs(client):
        print(f"saltern-run: {visible(str(error))}", file=sys.stderr)
        return f"'{function}' is not available.", EX_OK
    return f"Exception occurred in runner {function}: {error}", EX_GENERIC


def _code(value: Any) -> int:
    """Return the exit code that *value* asks for, as ``{"retcode": n}`` or ``{"data": {"retcode": n}}``."""
    for asks in (value, value.get("data") if isinstance(value, dict) else None):
        if isinstance(asks, dict) and isinstance(asks.get("retcode"), int):
            return int(asks["retcode"]) & 0xFF
    return EX_OK


def _docs(client: RunnerClient) -> dict[str, str]:
    from saltern.cli import logs

    docs: dict[str, str] = client.call("doc.runner")
    return {**docs, watch.FUNCTION: watch.DOC, LOGS: logs.DOC, from_salt.FUNCTION: from_salt.DOC}


def _show_docs(client: RunnerClient, wanted: str, options: argparse.Namespace, output: Output) -> int:
    """Print what functions do: all, those of the module *wanted*, or that one; nothing is run."""
    docs = {
        name: text
        for name, text in sorted(_docs(client).items())
        if not wanted or name == wanted or name.startswith(f"{wanted.removesuffix('.')}.")
    }
    if not docs:
        print(f"saltern-run: no function or module {visible(wanted)}: -d alone lists them", file=sys.stderr)
    elif output.chosen or not options.doc:
        output.show(docs)
    else:
        for name, text in docs.items():
            print("\n".join([f"{visible(name)}:", *map(visible, text.split("\n"))]))
    return EX_OK


if __name__ == "__main__":
    sys.exit(main())
