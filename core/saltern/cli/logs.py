"""``saltern-logs``: the last lines of a log on many hosts, as one stream in the order of time.

Each host looks for its own (``logs.tail``) and sends so much that all of them together are bounded; the lines are
merged here. ``saltern-run logs.show`` does the same.
"""

from __future__ import annotations

import argparse
import heapq
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from zlib import crc32

from saltern.cli.command import (
    EX_GENERIC,
    EX_OK,
    OptionParser,
    command_parser,
    run_command,
    seconds,
    set_up_log,
)
from saltern.cli.salt.parser import add_target_kinds
from saltern.cli.salt.shown import EX_NOTHING, NOBODY, explain
from saltern.cli.salt.wanted import target_of
from saltern.client import LocalClient
from saltern.errors import ArgumentError
from saltern.output import look
from saltern.visible import visible

PROG = "saltern-logs"
FUNCTION = "logs.show"
TAIL = "logs.tail"
MAX_LINES = 10_000
ALL_BYTES = 32 * 1024 * 1024
"""Of what all hosts send."""
HOST_BYTES = 4096, 1 << 20
"""Of what one sends, at least and at most."""
COLORS = (look.GREEN, look.CYAN, look.MAGENTA, look.BLUE, look.LIGHT_YELLOW, look.LIGHT_GREEN, look.LIGHT_BLUE)
DOC = """Show the last lines of a log of many hosts as one, in the order of time: ``saltern-run logs.show 'web*' FILE``

*tgt*, *tgt_type*: the hosts; *path*: a file, or *unit*: one of the journal; *lines*: so many in all, 100 by default.
*since*, *until*, *match*, *ignore_case*, *rotated*: as ``logs.tail`` has them. ``saltern-logs`` is the same."""

EXAMPLES = """  saltern-logs 'web*' /var/log/nginx/error.log
  saltern-logs 'web*' /var/log/nginx/error.log --since 1h --match 'upstream*timed out' -n 500
  saltern-logs -G os:Debian --unit ssh --since today
  saltern-logs web1 /var/log/syslog --rotated --until '2026-11-28 12:00'
"""


class Asked(NamedTuple):
    """What is asked for: of whom, which lines, and how many in all."""

    tgt: Any
    tgt_type: str
    delimiter: str
    lines: int
    kwarg: dict[str, Any]
    timeout: float | None
    color: bool


class Row(NamedTuple):
    """A line of a host's: rows sort by time, then host, then as they stood there."""

    at: float
    host: str
    number: int
    text: str


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = _parser()
    options = parser.parse(sys.argv[1:] if argv is None else argv)
    if len(options.words) not in ((1, 2) if options.unit else (2,)):
        parser.error("a target and a file, or --unit, are needed")
    target, *path = options.words
    wished = {name: getattr(options, name) for name in ("since", "until", "match", "unit", "rotated", "ignore_case")}
    kwarg = {name: value for name, value in wished.items() if value}
    asked = Asked(
        target_of(target, options.kind),
        options.kind or "glob",
        options.delimiter,
        options.lines,
        {**({"path": path[0]} if path else {}), **kwarg},
        options.timeout,
        options.force_color or (sys.stdout.isatty() and not options.no_color),
    )
    work = lambda: _run(options, asked)  # noqa: E731  # it is what run_command takes
    return run_command(PROG, work, traceback=options.traceback, config_dir=options.config_dir)


def show(client: LocalClient, args: list[Any], kwargs: dict[str, Any], *, color: bool, timeout: float | None) -> int:
    """Do what ``saltern-run logs.show`` does; return the exit code. Raises ``ArgumentError``."""
    try:
        return shown(client, _bound(*args, color=color, timeout=timeout, **kwargs), FUNCTION)
    except TypeError as error:
        raise ArgumentError(
            f"{FUNCTION} was called wrongly: {str(error).partition('() ')[2] or error}: it is {FUNCTION}(tgt, path='', "
            "lines=100, since=None, until=None, match=None, unit=None, rotated=False, ignore_case=False, "
            "tgt_type='glob')"
        ) from None


def _bound(
    tgt: Any,
    path: str = "",
    lines: int = 100,
    *,
    tgt_type: str = "glob",
    color: bool,
    timeout: float | None,
    since: Any = None,
    until: Any = None,
    match: Any = None,
    unit: Any = None,
    rotated: bool = False,
    ignore_case: bool = False,
) -> Asked:
    if isinstance(lines, bool) or not isinstance(lines, int) or not 0 < lines <= MAX_LINES:
        raise ArgumentError(f"lines must be 1 to {MAX_LINES:,}, not {lines!r:.40}")
    wished = {"since": since, "until": until, "match": match, "unit": unit, "rotated": rotated}
    wished |= {"ignore_case": ignore_case, "path": path}
    kwarg = {name: value for name, value in wished.items() if value}
    return Asked(tgt, tgt_type, ":", lines, kwarg, timeout, color)


def shown(client: LocalClient, asked: Asked, prog: str = PROG) -> int:
    """Ask, print the lines of all hosts in the order of time, say on stderr which failed; return the exit code."""
    rows: list[list[Row]] = []
    failed = 0
    with client.connect() as connection:
        meant = connection.call("target.preview", tgt=asked.tgt, tgt_type=asked.tgt_type, delimiter=asked.delimiter)
        explain(meant["problem"], (), prog)
        if not meant["minions"]:
            print(NOBODY, file=sys.stderr)
            return EX_NOTHING
        least, most = HOST_BYTES
        share = max(least, min(most, ALL_BYTES // len(meant["minions"])))
        kwarg = {**asked.kwarg, "lines": asked.lines, "max_bytes": share, "stamped": True}
        whom, kind = (asked.tgt, asked.tgt_type) if asked.delimiter == ":" else (meant["minions"], "list")
        job = client.open_job(connection, whom, TAIL, (), kind, kwarg, timeout=asked.timeout)
        for answer in client.follow(connection, job):
            for host, data in answer.items():
                found = data.get("ret", data.get("failed"))
                if not isinstance(found, dict) or data.get("retcode") or "lines" not in found:
                    failed += 1
                    print(f"{prog}: {visible(host)}: {visible(_why(found))}", file=sys.stderr)
                    continue
                rows.append(_rows(host, found["lines"]))
                if found.get("cut"):
                    print(f"{prog}: {visible(host)}: there is more: {visible(str(found['cut']))}", file=sys.stderr)
    width = max((len(host) for host in meant["minions"]), default=0)
    for row in merged(rows, asked.lines):
        print(_line(row, min(width, 40), color=asked.color))
    return EX_GENERIC if failed else EX_OK


def merged(rows: Iterable[Iterable[Row]], lines: int) -> Iterator[Row]:
    """Yield the last *lines* of the rows of several hosts, in the order of time."""
    yield from deque(heapq.merge(*rows), maxlen=lines)


def _rows(host: str, lines: Any) -> list[Row]:
    """Return the rows of one host, whose times never go back: what it wrote stays in its order."""
    rows: list[Row] = []
    at = float("-inf")
    for number, pair in enumerate(lines if isinstance(lines, list) else ()):
        if isinstance(pair, list) and len(pair) == 2:
            if isinstance(pair[0], (int, float)):
                at = max(at, float(pair[0]))
            rows.append(Row(at, host, number, str(pair[1])))
    return rows


def _line(row: Row, width: int, *, color: bool) -> str:
    host = f"{visible(row.host):<{width}}"
    if color:
        host = f"{COLORS[crc32(row.host.encode()) % len(COLORS)]}{host}{look.RESET}"
    return f"{host}  {visible(row.text)}"


def _why(found: Any) -> str:
    text = found if isinstance(found, str) else "its answer is none"
    return text.removeprefix("ERROR: ").removeprefix(f"ERROR executing '{TAIL}': ").strip()


def _run(options: argparse.Namespace, asked: Asked) -> int:
    set_up_log(options)
    return shown(LocalClient(options.config_dir), asked)


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text[:9]) <= MAX_LINES:
        raise argparse.ArgumentTypeError(f"must be 1 to {MAX_LINES:,}, not {text!r:.40}")
    return int(text)


def _parser() -> OptionParser:
    usage = f"{PROG} [options] '<target>' FILE"
    parser = command_parser(PROG, usage, "Show the last lines of a log of many hosts as one.", EXAMPLES)
    add_target_kinds(parser)
    add = parser.add_argument_group("lines").add_argument
    add("-n", "--lines", type=_count, default=100, metavar="N", help="so many in all (100)")
    add("--since", metavar="T", help="from then on: 10m, 2h, today, 2026-11-29, 2026-11-29T16:22:41Z")
    add("--until", metavar="T", help="until then")
    add("-m", "--match", metavar="TEXT", help="lines with this in them; * stands for anything")
    add("-i", "--ignore-case", action="store_true", help="small and capital letters are the same to --match")
    add("-u", "--unit", metavar="UNIT", help="of the journal, in the place of FILE")
    add("--rotated", action="store_true", help="also what FILE was before it was rotated")
    add("-t", "--timeout", type=seconds, metavar="S", help="seconds of silence before asking who still runs")
    add("--no-color", "--no-colour", action="store_true", help="no colours")
    add("--force-color", "--force-colour", action="store_true", help="colours, on a terminal or not")
    return parser


if __name__ == "__main__":
    sys.exit(main())
