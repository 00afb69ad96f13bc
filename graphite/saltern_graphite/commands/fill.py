"""``saltern-graphite fill``: merge one tree of Whisper files into another."""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter

from saltern.errors import GraphiteError, UsageError
from saltern_graphite.commands.parsers import Commands, add_command
from saltern_graphite.commands.rewriting import add_options, count, tell
from saltern_graphite.evaluation.times import UTC, parse_time
from saltern_graphite.tools.attendance import Stop, attended
from saltern_graphite.tools.fill import Fill, Filled, Range
from saltern_graphite.tools.places import checked_tree, made_folder
from saltern_graphite.tools.tree import Selection

_EPILOG = """\
What DST lacks is taken from SRC, slot by slot; where both know a slot DST's stays (--overwrite: SRC's goes in).
Slots of coarser archives are rolled up anew, by DST's method, wherever all their finer slots can still be there: they
become what they would be had the points come in time. DST is made if it isn't there, and files that it lacks with
SRC's retentions; run resize after it to give them those of DST's rules. SRC is never written to. serve may run on DST
meanwhile.

examples:
  saltern-graphite fill /mnt/replica/whisper /var/lib/saltern/graphite/whisper
  saltern-graphite fill --dry-run --from -2d --until -1d /backup/whisper /var/lib/saltern/graphite/whisper

Times are as in /render: epoch seconds, -2d, 20240610, noon yesterday; in UTC. The exit status is 0 when all is well,
1 when a file was passed over (it is named), 2 when the command makes no sense.
"""


def add(commands: Commands) -> None:
    """Add the command and its arguments."""
    about = "Fills the gaps of the Whisper files below DST with what the same files below SRC know."
    parser = add_command(
        commands, "fill", run, help="merge one tree of files into another", about=about, epilog=_EPILOG
    )
    parser.add_argument("source", metavar="SRC", help="the tree that is read")
    parser.add_argument("target", metavar="DST", help="the tree that is filled; made if it isn't there")
    parser.add_argument("--from", dest="since", metavar="TIME", help="take no slot before it")
    parser.add_argument("--until", metavar="TIME", help="take no slot after it")
    parser.add_argument("--overwrite", action="store_true", help="where both know a slot, SRC's goes in")
    add_options(parser)


def time_range(since: str | None, until: str | None) -> Range:
    """Return the range from *since* to *until*, as a user writes times; raises :class:`UsageError`."""
    now = int(time.time())
    try:
        span = Range(
            parse_time(since, UTC, now) if since else Range().since,
            parse_time(until, UTC, now) if until else Range().until,
        )
    except GraphiteError as error:
        raise UsageError(str(error)) from None
    if span.since > span.until:
        raise UsageError(f"--from {since} is after --until {until or 'the end of time'}")
    return span


@attended
def run(arguments: argparse.Namespace, stop: Stop) -> int:
    """Fill as the command line says."""
    source, target = checked_tree(arguments.source), arguments.target
    if not target:
        raise UsageError("an empty text names no folder: DST is where the points go")
    if os.path.realpath(target) in _with_parents(source) or os.path.realpath(source) in _with_parents(target):
        raise UsageError(f"{source} and {target} are one folder, or one is in the other")
    span = time_range(arguments.since, arguments.until)
    if os.path.lexists(target):
        checked_tree(target)
    elif not arguments.dry_run:
        made_folder(target)
    fill = Fill(source, target, span, overwrite=arguments.overwrite, dry_run=arguments.dry_run)

    def summary(counts: Counter[str]) -> str:
        would = " (dry run: nothing was written)" if arguments.dry_run else ""
        told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("created", "filled", "unchanged", "failed"))
        return f"{counts['files']} files: {told}; {counts['slots']} slots{would}"

    total = count("fill", source, Selection([]), stop)
    return tell(arguments, stop, total, lambda progress: fill.run(stop, progress), _line, summary)


def _with_parents(path: str) -> list[str]:
    folders = [os.path.realpath(path)]
    while folders[-1] != os.path.dirname(folders[-1]):
        folders.append(os.path.dirname(folders[-1]))
    return folders


def _line(result: Filled) -> str:
    return "" if result.outcome == "unchanged" else f"{result.outcome}: {result.path} ({result.slots} slots)"
