"""``saltern-graphite fill``: merge one tree of Whisper files into another."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections import Counter
from dataclasses import asdict

from saltern.errors import GraphiteError, UsageError
from saltern_graphite.render.times import UTC, parse_time
from saltern_graphite.tools.attendance import CLEAN, PROBLEMS, Stop, attended
from saltern_graphite.tools.fill import Fill, Filled, Range
from saltern_graphite.tools.listing import Listing
from saltern_graphite.tools.places import checked_folder
from saltern_graphite.tools.progress import Progress
from saltern_graphite.tools.tree import Selection, walk

_EPILOG = """\
What DST lacks is taken from SRC, slot by slot; where both know a slot DST's stays (--overwrite: SRC's goes in).
Slots of coarser archives are rolled up anew, by DST's method, wherever all their finer slots can still be there: they
become what they would be had the points come in time. Files that DST lacks are created with SRC's retentions; run
resize after it to give them those of DST's rules. SRC is never written to. serve may run on DST meanwhile.

examples:
  saltern-graphite fill /mnt/replica/whisper /var/lib/saltern/graphite/whisper
  saltern-graphite fill --dry-run --from -2d --until -1d /backup/whisper /var/lib/saltern/graphite/whisper

Times are as in /render: epoch seconds, -2d, 20240610, noon yesterday; in UTC. The exit status is 0 when all is well,
1 when a file was passed over (it is named), 2 when the command makes no sense.
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "fill",
        help="merge one tree of files into another",
        description="Fills the gaps of the Whisper files below DST with what the same files below SRC know.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("source", metavar="SRC", help="the tree that is read")
    parser.add_argument("target", metavar="DST", help="the tree that is filled")
    parser.add_argument("--from", dest="since", metavar="TIME", help="take no slot before it")
    parser.add_argument("--until", metavar="TIME", help="take no slot after it")
    parser.add_argument("--overwrite", action="store_true", help="where both know a slot, SRC's goes in")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done; write nothing")
    parser.add_argument("--out", choices=("text", "json"), default="text", help="(default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Fill as the command line says."""
    return attended(lambda stop: _fill(arguments, stop))


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


def _fill(arguments: argparse.Namespace, stop: Stop) -> int:
    source, target = checked_folder(arguments.source), checked_folder(arguments.target)
    if os.path.realpath(target) in _with_parents(source) or os.path.realpath(source) in _with_parents(target):
        raise UsageError(f"{source} and {target} are one folder, or one is in the other")
    span = time_range(arguments.since, arguments.until)
    total = sum(1 for _ in walk(source, Selection([]), lambda path, why: None))
    counts: Counter[str] = Counter(files=total)
    listing = Listing("files", as_json=arguments.out == "json")
    fill = Fill(source, target, span, overwrite=arguments.overwrite, dry_run=arguments.dry_run)
    with Progress("fill", total) as progress, contextlib.closing(fill.run(stop, progress)) as results:
        for result in results:
            counts[result.outcome] += 1
            counts["slots"] += result.slots
            if result.outcome != "unchanged":
                progress.clear()
                listing.add(asdict(result), _line(result))
    counts["stopped"] = int(bool(stop))
    stopped = "; stopped, the others are as they were" if stop else ""
    would = " (dry run: nothing was written)" if arguments.dry_run else ""
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("created", "filled", "unchanged", "failed"))
    listing.end(counts, f"{total} files: {told}; {counts['slots']} slots{would}{stopped}")
    return PROBLEMS if counts["failed"] else CLEAN


def _with_parents(path: str) -> list[str]:
    folders = [os.path.realpath(path)]
    while folders[-1] != os.path.dirname(folders[-1]):
        folders.append(os.path.dirname(folders[-1]))
    return folders


def _line(result: Filled) -> str:
    return f"failed: {result.error}" if result.error else f"{result.outcome}: {result.path} ({result.slots} slots)"
