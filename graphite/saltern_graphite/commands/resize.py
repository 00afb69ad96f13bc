"""``saltern-graphite resize``: give files that exist already the retentions and methods that the rules say."""

from __future__ import annotations

import argparse
from collections import Counter

from saltern.errors import UsageError
from saltern_graphite.commands.parsers import Commands, add_command
from saltern_graphite.commands.rewriting import add_options, count, tell
from saltern_graphite.tools.attendance import Stop, attended
from saltern_graphite.tools.places import Rules, add_conf, add_root, conf_dir, selection, whisper_dir
from saltern_graphite.tools.resize import Resize, Resized

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


def add(commands: Commands) -> None:
    """Add the command and its arguments."""
    about = "Applies storage-schemas.conf and storage-aggregation.conf to files that exist already."
    parser = add_command(
        commands, "resize", run, help="apply changed schemas to existing files", about=about, epilog=_EPILOG
    )
    add_root(parser)
    add_conf(parser)
    parser.add_argument("globs", nargs="+", metavar="GLOB", help="which metrics; '**' is all of them")
    parser.add_argument("--spread", action="store_true",
                        help="let a point of a coarse archive stand in the empty finer slots of its interval as well, "
                        "of a sum in equal shares: graphs of short ranges show it")  # fmt: skip
    add_options(parser)


@attended
def run(arguments: argparse.Namespace, stop: Stop) -> int:
    """Resize as the command line says."""
    root = whisper_dir(arguments)
    chosen = selection(arguments.globs)
    conf = conf_dir(arguments)
    if conf is None:
        raise UsageError("say where the schema files are: --conf DIR, or --root DIR")
    resize = Resize(Rules(conf, needed=True), arguments.dry_run, arguments.spread)
    total = count("resize", root, chosen, stop)
    if not total and not stop:
        raise UsageError(f"{root}: no metric matches {' '.join(arguments.globs)}")

    def summary(counts: Counter[str]) -> str:
        verb = "would be resized" if arguments.dry_run else "resized"
        tagged = f", {counts['tagged']} tagged ones passed over (name them in full)" if counts["tagged"] else ""
        failed = f", {counts['failed']} failed" if counts["failed"] else ""
        return (
            f"{total} files: {counts['resized']} {verb}, {counts['unchanged']} fit already{tagged}{failed}; "
            f"{counts['outside']} slots too old, {counts['impossible']} impossible"
        )

    return tell(arguments, stop, total, lambda progress: resize.run(root, chosen, stop, progress), _line, summary)


def _line(result: Resized) -> str:
    if result.outcome != "resized":
        return ""
    dropped = f", {result.outside} too old for it" if result.outside else ""
    impossible = f", {result.impossible} impossible" if result.impossible else ""
    return f"{result.metric}: {result.before} -> {result.after}; {result.kept} slots kept{dropped}{impossible}"
