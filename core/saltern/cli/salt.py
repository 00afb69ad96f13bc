"""``saltern``: run a function on minions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from saltern.arguments import parse_arguments
from saltern.cli.command import (
    EX_INTERRUPTED,
    EX_OK,
    EX_USAGE,
    OptionParser,
    Output,
    add_output_arguments,
    command_parser,
    run_command,
    seconds,
    set_up_log,
)
from saltern.cli.secret_args import FLAG, add_secret_arguments
from saltern.client import Job, LocalClient
from saltern.errors import UsageError
from saltern.local import LocalConnection
from saltern.visible import visible

EX_MINIONS_FAILED = 11
"""Some minion answered with a non-zero retcode, or not at all; Salt's number for it."""

EX_NOBODY = 2
"""No minion matched."""

MAX_NAMED = 20
"""Names in one line."""

EXAMPLES = """  saltern '*' test.ping
  saltern 'web*' cmd.run 'df -h'
  saltern -L web01,web02 test.arg one 2 three=3
  saltern -G os:Debian grains.item kernel
  saltern -E 'web\\d+' status.uptime
  saltern -C 'G@os:Debian and not db*' test.version
  saltern '*' test.ping,grains.item , os             several functions, arguments parted by ,
  saltern -b 10% '*' cmd.run 'apt-get -y upgrade'    a tenth of them at a time
  saltern --secret-arg-file password=pw.txt db1 mydb.set_password fred    shown as *** everywhere
  saltern --out json --static '*' stats.collect
  saltern -d cmd.run                                 what a function does; -d cmd: all of a module
"""

Answer = dict[str, dict[str, Any]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    options = parser.parse(words)
    return run_command(
        "saltern", lambda: _run(parser, options), traceback=options.traceback, config_dir=options.config_dir
    )


def _parser() -> OptionParser:
    parser = command_parser(
        "saltern",
        "saltern [options] '<target>' <function> [arguments]",
        "Run a function on the minions that a target means.",
        EXAMPLES,
    )
    targets = parser.add_argument_group("targets (default: a glob on minion ids)")
    kinds = targets.add_mutually_exclusive_group()
    kinds.add_argument("-L", "--list", dest="kind", action="store_const", const="list", help="a,b,c")
    kinds.add_argument("-G", "--grain", dest="kind", action="store_const", const="grain", help="name:value glob")
    kinds.add_argument("-P", "--grain-pcre", dest="kind", action="store_const", const="grain_pcre")
    kinds.add_argument("-E", "--pcre", dest="kind", action="store_const", const="pcre", help="a regular expression")
    kinds.add_argument("-C", "--compound", dest="kind", action="store_const", const="compound", help="and, or, not, G@")
    running = parser.add_argument_group("running")
    running.add_argument(
        "-t", "--timeout", type=seconds, metavar="S", help="seconds of silence before asking who still runs"
    )
    running.add_argument("-b", "--batch", "--batch-size", metavar="N", help="at most N minions (or N%%) at a time")
    running.add_argument("--async", dest="async_", action="store_true", help="start the job, print its jid, don't wait")
    running.add_argument("--isolate", action="store_true", help="run it in a child process of the agent")
    running.add_argument(
        FLAG,
        action="append",
        default=[],
        metavar="[NAME=]FILE",
        help="one more argument, a secret; - is standard input",
    )
    running.add_argument("-d", "--doc", action="store_true", help="show what functions do, and run none")
    add_output_arguments(parser)
    output = parser.add_argument_group("answers")
    output.add_argument("-s", "--static", action="store_true", help="all answers at once, as one document")
    output.add_argument("-v", "--verbose", action="store_true", help="print the jid, and who did not answer")
    output.add_argument("--summary", action="store_true", help="count the answers at the end")
    return parser


def _run(parser: OptionParser, options: argparse.Namespace) -> int:
    set_up_log(options)
    if options.doc:
        from saltern.cli.docs import show_docs

        return show_docs(options)
    words = options.words
    if len(words) < 2:
        parser.print_usage(sys.stderr)
        print("saltern: a target and a function are needed, as in: saltern '*' test.ping", file=sys.stderr)
        return EX_USAGE
    function, args, kwargs = _function(words[1], words[2:])
    if options.secret_arg_file:
        add_secret_arguments(options.secret_arg_file, function, args, kwargs)
    client = LocalClient(options.config_dir)
    kind = options.kind or "glob"
    if options.async_:
        with LocalConnection(client.opts["sock_dir"]) as connection:
            job = client.open_job(connection, words[0], function, args, kind, kwargs, options.isolate, follow=False)
        if not job.minions:
            return _nobody(job)
        print(f"Executed command with job ID: {job.jid}")
        return _unknown(job)
    if options.batch:
        from saltern.cli.batch import run_in_batches

        answers = run_in_batches(client, words[0], kind, function, args, kwargs, options)
        return _show(answers, None, options)
    with LocalConnection(client.opts["sock_dir"]) as connection:
        job = client.open_job(connection, words[0], function, args, kind, kwargs, options.isolate, options.timeout)
        if not job.minions:
            return _nobody(job)
        try:
            return _show(client.follow(connection, job), job, options)
        except KeyboardInterrupt:
            print(f"\nsaltern: job {job.jid} goes on: saltern-run jobs.lookup_jid {job.jid}", file=sys.stderr)
            return EX_INTERRUPTED


def _function(name: str, words: list[str]) -> tuple[str | list[str], list[Any], dict[str, Any]]:
    """Return functions and arguments; ``a,b`` are several functions, whose arguments a lone ``,`` parts."""
    if "," not in name:
        args, kwargs = parse_arguments(words)
        return name, args, kwargs
    names = [part for part in name.split(",") if part]
    groups: list[list[str]] = [[]]
    for word in words:
        if word == ",":
            groups.append([])
        else:
            groups[-1].append(word)
    if len(groups) > len(names):
        raise UsageError(f"{len(groups)} groups of arguments for {len(names)} functions: one group each, parted by ,")
    groups += [[] for _ in range(len(names) - len(groups))]
    several = []
    for group in groups:
        args, kwargs = parse_arguments(group)
        if kwargs:
            raise UsageError("key=value can't be used with several functions: call them one by one")
        several.append(args)
    return names, several, {}


def _nobody(job: Job | None = None) -> int:
    print("No minions matched the target. No command was sent, no jid was assigned.", file=sys.stderr)
    if job is not None:
        _unknown(job)
    return EX_NOBODY


def _unknown(job: Job) -> int:
    """Say which names of the target no minion has, and return the exit code that they make."""
    if not job.unknown:
        return EX_OK
    names = ", ".join(map(visible, job.unknown[:MAX_NAMED]))
    more = f" and {len(job.unknown) - MAX_NAMED:,} more" if len(job.unknown) > MAX_NAMED else ""
    print(f"saltern: no accepted minion has the id {names}{more}", file=sys.stderr)
    return EX_MINIONS_FAILED


def _show(answers: Iterator[Answer], job: Job | None, options: argparse.Namespace) -> int:
    output = Output(options)
    if job is not None and options.verbose:
        head = f"Executing job with jid {job.jid}"
        print(f"{head}\n{'-' * len(head)}\n")
    gathered: dict[str, Any] = {}
    failed: list[str] = []
    silent: list[str] = []
    for answer in answers:
        for minion_id, data in answer.items():
            value = data.get("ret", data.get("failed"))
            if "failed" in data:
                silent.append(minion_id)
            elif _retcode(data.get("retcode")):
                failed.append(minion_id)
            gathered[minion_id] = value
            if not options.static:
                output.show({minion_id: value})
                sys.stdout.flush()
    if not gathered:
        return _nobody()
    if options.static:
        output.show(gathered)
    if options.summary:
        _print_summary(len(gathered), failed, silent)
    if failed or silent:
        if options.verbose or options.out != "quiet":
            what = [f"{len(failed)} with a non-zero exit code"] if failed else []
            what += [f"{len(silent)} did not return"] if silent else []
            print(f"ERROR: of {len(gathered)} minions {', '.join(what)}", file=sys.stderr)
        return EX_MINIONS_FAILED
    return EX_OK


def _retcode(retcode: Any) -> bool:
    """Return whether a retcode, or any in a map of them, says failure."""
    return any(retcode.values()) if isinstance(retcode, dict) else bool(retcode)


def _print_summary(targeted: int, failed: list[str], silent: list[str]) -> None:
    line = "-" * 43
    print(f"\n{line}\nSummary\n{line}")
    print(f"# of minions targeted: {targeted}")
    print(f"# of minions returned: {targeted - len(silent)}")
    print(f"# of minions that did not return: {len(silent)}")
    print(f"# of minions with errors: {len(failed)}")
    if silent:
        print(f"Minions that did not return: {' '.join(silent)}")
    print(line)


if __name__ == "__main__":
    sys.exit(main())
