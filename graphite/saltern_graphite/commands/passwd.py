"""``saltern-graphite passwd``: a line for the file of ``serve --auth-file``."""

from __future__ import annotations

import argparse
import getpass
import re
import secrets
import sys

from saltern_graphite.commands.parsers import Commands, add_command
from saltern_graphite.http.password import PasswordHash

MIN_PASSWORD_CHARS = 8
_TOKEN_BYTES = 32
_NAME = re.compile(r"[^:\s]{1,100}")

_EPILOG = """\
examples:
  (umask 077; saltern-graphite passwd grafana >> /etc/saltern/graphite.auth)
      Asks for the password; saltern-graphite serve --auth-file /etc/saltern/graphite.auth then knows the user.
  saltern-graphite passwd --token scripts >> /etc/saltern/graphite.auth
      A new token, for: curl -H "Authorization: Bearer ..."
"""


def add(commands: Commands) -> None:
    """Add the command and its arguments."""
    passwd = add_command(commands, "passwd", run, help="make a line for serve --auth-file", epilog=_EPILOG)
    passwd.add_argument("name", metavar="NAME", type=_name, help="of the user, or for a token: who it is for")
    passwd.add_argument("--token", action="store_true", help="make a bearer token instead of asking for a password")


def run(arguments: argparse.Namespace) -> int:
    """Print the line; return 1 with a word on stderr for a password that won't do."""
    if arguments.token:
        print(f"bearer {arguments.name}:{secrets.token_urlsafe(_TOKEN_BYTES)}")
        return 0
    password = _password()
    if len(password) < MIN_PASSWORD_CHARS:
        print(f"saltern-graphite: a password has {MIN_PASSWORD_CHARS} characters or more", file=sys.stderr)
        return 1
    print(f"basic {arguments.name}:{PasswordHash.make(password)}")
    return 0


def _password() -> str:
    """What is typed without being shown, or the first line of what is piped in."""
    return getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name: 1 to 100 characters without blanks and colons")
    return text
