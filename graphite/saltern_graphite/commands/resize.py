"""``saltern-graphite resize``: give files that exist already the retentions and methods that the rules say."""

from __future__ import annotations

import argparse
import contextlib
from collections import Counter
from dataclasses import asdict

from saltern.errors import UsageError
from saltern_graphite.tools.attendance import CLEAN, PROBLEMS, Stop, attended
from saltern_graphite.tools.listing import Listing
from saltern_graphite.tools.places import Rules, add_conf, add_root, conf_dir, selection, whisper_dir
from saltern_graphite.tools.progress import Progress
from saltern_graphite.tools.resize import Manner, Resized, resize
from saltern_graphite.tools.tree import walk

_EPILOG = """\
A glob is a metric path: * and ? stand for anything within an element, [ab] and {one,two} for a choice, ** for
any number of elements. A tagged metric is named in full ('disk;host=web1').

Each file is replaced whole, in one step; a crash, a full disk or Ctrl-C leaves either the old one or the new one.
serve may run meanwhile: what it writes into a file while that is replaced is brought along. Every point that fits
is kept, rolled up by the new method where that changed; a point of a coarse archive goes to the archive of its step,
not to a finer one (but see --spread).

examples:
  saltern-graphite resize --root /var/lib/saltern/graphite --dry-run '**'
      What would change, file by file.
  saltern-graphite resize --root /var/lib/saltern/graphite 'servers.*.cpu.**'
  saltern-graphite resize --whisper /opt/graphite/storage/whisper --conf /opt/graphite/conf '**'

The exit status is 0 when all is well, 1 when a file could not be resized, 2 when the command makes no sense.
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "resize",
        help="apply changed schemas to existing files",
        description="Applies storage-schemas.conf and storage-aggregation.conf to files that exist already.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    add_root(parser)
    add_conf(parser)
    parser.add_argument("globs", nargs="+", metavar="GLOB", help="which metrics; '**' is all of them")
    parser.add_argument("--spread", action="store_true",
                        help="let a point of a coarse archive stand in the empty finer slots of its interval as well, "
                        "of a sum in equal shares: graphs of short ranges show it")  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done; write nothing")
    parser.add_argument("--out", choices=("text", "json"), default="text", help="(default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Resize as the command line says."""
    return attended(lambda stop: _resize(arguments, stop))


def _resize(arguments: argparse.Namespace, stop: Stop) -> int:
    root = whisper_dir(arguments)
    chosen = selection(arguments.globs)
    conf = conf_dir(arguments)
    if conf is None:
        raise UsageError("say where the schema files are: --conf DIR, or --root DIR")
    rules = Rules(conf, needed=True)
    total = sum(1 for _ in walk(root, chosen, lambda path, why: None))
    if not total:
        raise UsageError(f"{root}: no metric matches {' '.join(arguments.globs)}")
    counts: Counter[str] = Counter(files=total)
    listing = Listing("files", as_json=arguments.out == "json")
    with (
        Progress("resize", total) as progress,
        contextlib.closing(
            resize(root, chosen, rules, stop, progress, Manner(arguments.dry_run, arguments.spread))
        ) as results,
    ):
        for result in results:
            counts[result.outcome] += 1
            counts.update(kept=result.kept, outside=result.outside, impossible=result.impossible)
            if result.outcome in ("resized", "failed"):
                progress.clear()
                listing.add(asdict(result), _line(result))
    counts["stopped"] = int(bool(stop))
    listing.end(counts, _summary(counts, dry_run=arguments.dry_run))
    return PROBLEMS if counts["failed"] else CLEAN


def _line(result: Resized) -> str:
    if result.outcome == "failed":
        return f"failed: {result.error}"
    dropped = f", {result.outside} too old for it" if result.outside else ""
    impossible = f", {result.impossible} impossible" if result.impossible else ""
    return f"{result.metric}: {result.before} -> {result.after}; {result.kept} slots kept{dropped}{impossible}"


def _summary(counts: Counter[str], *, dry_run: bool) -> str:
    verb = "would be resized" if dry_run else "resized"
    tagged = f", {counts['tagged']} tagged ones passed over (name them in full)" if counts["tagged"] else ""
    text = f"{counts['files']} files: {counts['resized']} {verb}, {counts['unchanged']} fit already{tagged}"
    failed = f", {counts['failed']} failed" if counts["failed"] else ""
    stopped = "; stopped, the others are as they were" if counts["stopped"] else ""
    return f"{text}{failed}; {counts['outside']} slots too old, {counts['impossible']} impossible{stopped}"
