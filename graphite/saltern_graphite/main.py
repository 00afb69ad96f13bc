"""``saltern-graphite``: the command line."""

from __future__ import annotations

import argparse
import os
import re
import sys

from saltern.__about__ import __version__
from saltern.files import UMASK
from saltern_graphite.commands import dump, fill, passwd, resize, serve, validate, verify
from saltern_graphite.commands.parsers import Parser

_EXAMPLES = """\
examples:
  saltern-graphite serve --root /var/lib/saltern/graphite
      Receive on 127.0.0.1:2003 (plaintext) and :2005 (batches), answer HTTP on 127.0.0.1:8080.
  saltern-graphite serve --root /var/lib/saltern/graphite --line 0.0.0.0:2003 --udp 0.0.0.0:2003 --http 0.0.0.0:8080
      The same for the whole network, and UDP too.
  saltern-graphite serve --root /tmp/look --whisper /opt/graphite/storage/whisper --read-only
      Look at another Carbon's files; nothing is written.
  echo "a.b 42 $(date +%s)" | nc -q0 127.0.0.1 2003
  saltern-graphite validate --conf /etc/carbon servers.web1.load
  saltern-graphite resize --root /var/lib/saltern/graphite --dry-run 'servers.**'
      What the schema files in force would change in files that exist already.
  saltern-graphite fill /mnt/replica/whisper /var/lib/saltern/graphite/whisper
  saltern-graphite verify --root /var/lib/saltern/graphite --stale 86400
  saltern-graphite dump --root /var/lib/saltern/graphite --from -1h servers.web1.load
  (umask 077; saltern-graphite passwd grafana >> /etc/saltern/graphite.auth)
      A user for serve --auth-file.
"""


def parser() -> Parser:
    """Return the command line's parser."""
    top = Parser(
        prog="saltern-graphite",
        description="Receives metrics as Carbon does, keeps them in Whisper files, answers Graphite's HTTP API.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (serve, validate, resize, fill, verify, dump, passwd):
        command.add(commands)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run the command line *argv* and return its exit status."""
    os.umask(UMASK)
    arguments = parser().parse_args(_with_times(sys.argv[1:] if argv is None else argv))
    status: int = arguments.run(arguments)
    return status


def _with_times(argv: list[str]) -> list[str]:
    """Return *argv* with ``--from -2h`` as ``--from=-2h``: argparse would take the time for an option."""
    joined: list[str] = []
    for argument in argv:
        if joined and joined[-1] in ("--from", "--until") and re.match(r"-\d", argument):
            joined[-1] += "=" + argument
        else:
            joined.append(argument)
    return joined
