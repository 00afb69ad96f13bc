"""``saltern-graphite verify``: what is wrong in a tree of Whisper files."""

from __future__ import annotations

import argparse
import contextlib
from collections import Counter
from dataclasses import asdict

from saltern.errors import UsageError
from saltern_graphite.commands.argument_types import seconds
from saltern_graphite.commands.parsers import Commands, add_command, add_out
from saltern_graphite.tools.attendance import CLEAN, PROBLEMS, Stop, attended
from saltern_graphite.tools.listing import Listing
from saltern_graphite.tools.places import (
    add_conf,
    add_root,
    checked_folder,
    checked_tree,
    conf_dir,
    said_rules,
    selection,
    whisper_dir,
)
from saltern_graphite.tools.progress import Progress
from saltern_graphite.tools.verify import KINDS, Verify

_EPILOG = """\
Reported are: corrupt files (a header that makes no sense, a file shorter than it says), timestamps that can't be
where they are, files whose layout is not what the rules say (with --root or --conf; see resize), temporary files
left behind, damaged files set aside by the server, and with --stale what has no new points. Nothing is written, and
a server may run meanwhile. Headers are read, and every archive's first slot; --deep reads every slot.

examples:
  saltern-graphite verify /opt/graphite/storage/whisper
  saltern-graphite verify --root /var/lib/saltern/graphite --deep --out json
  saltern-graphite verify --root /var/lib/saltern/graphite --stale 86400 'servers.*.cpu.**'

The exit status is 0 when nothing is wrong, 1 when something is, 2 when the command makes no sense.
"""


def add(commands: Commands) -> None:
    """Add the command and its arguments."""
    about = "Looks through the Whisper files below a folder, or those that a GLOB selects there."
    parser = add_command(
        commands, "verify", run, help="look for corrupt, stale and mismatched files", about=about, epilog=_EPILOG
    )
    parser.add_argument("arguments", nargs="*", metavar="DIR|GLOB",
                        help="the tree, unless --root or --whisper names it; then which metrics")  # fmt: skip
    add_root(parser)
    add_conf(parser)
    parser.add_argument("--stale", metavar="SECONDS", type=seconds, default=0.0,
                        help="also report files without a point younger than this")  # fmt: skip
    parser.add_argument("--deep", action="store_true", help="look at every slot")
    add_out(parser)


@attended
def run(arguments: argparse.Namespace, stop: Stop) -> int:
    """Verify as the command line says."""
    patterns = list(arguments.arguments)
    if arguments.root or arguments.whisper:
        root = whisper_dir(arguments)
    elif patterns:
        root = checked_tree(patterns.pop(0))
    else:
        raise UsageError("say which tree to look through: a folder, or --root DIR")
    conf = conf_dir(arguments)
    rules = said_rules(checked_folder(conf) if arguments.conf else conf) if conf else None
    verify = Verify(root, selection(patterns), rules, arguments.stale, arguments.deep)
    counts: Counter[str] = Counter()
    with Progress("verify") as progress, contextlib.closing(verify.run(stop, progress)) as findings:
        listing = Listing("problems", progress, as_json=arguments.out == "json")
        for finding in findings:
            counts[finding.kind] += 1
            listing.add(asdict(finding), f"{finding.path}: {finding.kind}: {finding.why}")
        files = progress.files
    if patterns and not files and not stop:
        raise UsageError(f"{root}: no metric matches {' '.join(patterns)}")
    told = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind]) or "nothing wrong"
    listing.end({"files": files} | {kind: counts[kind] for kind in KINDS}, f"{files} files: {told}")
    return PROBLEMS if counts.total() else CLEAN
