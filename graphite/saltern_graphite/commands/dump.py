"""``saltern-graphite dump``: what is in a Whisper file."""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace

from saltern.errors import UsageError
from saltern_graphite.commands.fill import time_range
from saltern_graphite.commands.parsers import Commands, add_command
from saltern_graphite.rules.metric_name import SUFFIX, BadName, canonical, relative_path
from saltern_graphite.tools.attendance import CLEAN, Stop, attended
from saltern_graphite.tools.contents import load_contents
from saltern_graphite.tools.dump import FORMATS
from saltern_graphite.tools.places import add_root, whisper_dir

_EPILOG = """\
Shown is every known slot of every archive, in time order, also what is too old for its archive and not overwritten
yet; not what a server still has in its cache. 'line' is Carbon's plaintext, each time once, from the finest archive
that has it.

examples:
  saltern-graphite dump /opt/graphite/storage/whisper/servers/web1/load.wsp
  saltern-graphite dump --root /var/lib/saltern/graphite --archive 0 --from -1h servers.web1.load
  saltern-graphite dump --root /var/lib/saltern/graphite --out line servers.web1.load | nc -q0 127.0.0.1 2003
  saltern-graphite dump --whisper /backup/whisper --out json 'disk.used;host=web1'

Times are as in /render: epoch seconds, -1h, 20240610, noon yesterday; in UTC.
"""


def add(commands: Commands) -> None:
    """Add the command and its arguments."""
    about = "Shows the header and the points of one Whisper file."
    parser = add_command(commands, "dump", run, help="show a file's header and points", about=about, epilog=_EPILOG)
    parser.add_argument("what", metavar="FILE|METRIC", help="a file, or with --root or --whisper a metric's name")
    add_root(parser)
    parser.add_argument("--archive", metavar="N", type=int, help="only this one; 0 is the finest")
    parser.add_argument("--from", dest="since", metavar="TIME", help="show no slot before it")
    parser.add_argument("--until", metavar="TIME", help="show no slot after it")
    parser.add_argument("--name", metavar="METRIC", help="name in lines (default: as the path says)")
    parser.add_argument("--out", choices=tuple(FORMATS), default="text", help="(default: %(default)s)")


@attended
def run(arguments: argparse.Namespace, stop: Stop) -> int:
    """Dump as the command line says."""
    span = time_range(arguments.since, arguments.until)
    path, metric = _find(arguments)
    contents = load_contents(path, int(time.time()))
    count = len(contents.archives)
    if arguments.archive is not None and not 0 <= arguments.archive < count:
        raise UsageError(f"{path}: there is no archive {arguments.archive}: it has 0 to {count - 1}")
    inside = tuple(
        points.only((points.times >= span.since) & (points.times <= span.until)) for points in contents.archives
    )
    numbers = range(count) if arguments.archive is None else [arguments.archive]
    name = arguments.name or metric
    if arguments.out == "line" and not name:
        raise UsageError(f"{path}: its path doesn't tell the metric's name: give it with --name")
    FORMATS[arguments.out](
        sys.stdout, name if arguments.out == "line" else name or path, replace(contents, archives=inside), numbers
    )
    return CLEAN


def _find(arguments: argparse.Namespace) -> tuple[str, str]:
    """Return the path that is meant and the name of the metric in it, ``""`` when only its path is known."""
    what: str = arguments.what
    rooted = arguments.root or arguments.whisper
    if "/" in what or what.endswith(SUFFIX) or not rooted:
        if not os.path.isfile(what):
            hint = "" if rooted or "/" in what else "; for a metric say where the files are: --root DIR"
            why = "is a folder" if os.path.isdir(what) else "there is no such file"
            raise UsageError(f"{what}: {why}{hint}")
        return what, _name_below(whisper_dir(arguments), what) if rooted else ""
    try:
        name = canonical(what)
    except BadName as bad:
        raise UsageError(f"{what!r} is no metric name ({bad.cause})") from None
    path = os.path.join(whisper_dir(arguments), relative_path(name))
    if not os.path.isfile(path):
        raise UsageError(f"{name}: there is no such metric ({path})")
    return path, name


def _name_below(root: str, path: str) -> str:
    relative = os.path.relpath(os.path.realpath(path), os.path.realpath(root))
    if relative.startswith(("..", "_tagged")):
        return ""
    return relative.removesuffix(SUFFIX).replace("/", ".")
