"""Logging in on the command line (``-a``): asked for a name and a password, or by the token that ``-T`` kept.

The token is in ``~/.saltern_token``, readable by its owner alone. A password that is an option's value can be seen by
everybody on the host while the program runs: leave ``--password`` out, and it is asked for.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Mapping
from typing import Any

from saltern.cli.command import OptionParser
from saltern.errors import ConfigError, UsageError, os_errors
from saltern.local import Access, LocalConnection

TOKEN_FILE = "~/.saltern_token"  # noqa: S105  # its name
MAX_TOKEN_BYTES = 4096


def add_login_options(parser: OptionParser) -> None:
    """Add Salt's options to log in."""
    add = parser.add_argument_group("logging in (external_auth in the master's configuration)").add_argument
    names = ("-a", "--auth", "--eauth", "--external-auth")
    add(*names, dest="eauth", default="", metavar="SYSTEM", help="as who SYSTEM knows: file, ldap, pam …")
    add("-T", "--make-token", action="store_true", help=f"keep the login in {TOKEN_FILE}, for the next times with -a")
    add("--username", default="", help="who; asked for otherwise")
    add("--password", default="", help="asked for otherwise; everybody here can see what is given")


def access_of(options: argparse.Namespace, opts: Mapping[str, Any]) -> Access:
    """Return the way to the master that the options ask for: as this user, or as who logs in.

    Raises ``UsageError``, ``NotAuthorised``, ``ConfigError`` for a token that can't be kept.
    """
    sock_dir = str(opts["sock_dir"])
    if not options.eauth:
        for name in ("make_token", "username", "password"):
            if getattr(options, name):
                raise UsageError(f"--{name.replace('_', '-')} needs -a: name what knows you, as in -a file")
        return Access(sock_dir)
    kept = "" if options.username or options.password or options.make_token else _kept()
    if kept:
        return Access(sock_dir, {"token": kept})
    username = options.username or _asked("username: ")
    auth = {"username": username, "password": options.password or _password(), "eauth": options.eauth}
    with LocalConnection(Access(sock_dir, auth)) as connection:  # one login, however many messages follow
        made = connection.call("login.token" if options.make_token else "login.passing")
    if options.make_token:
        from saltern.files import write_private  # for the few that ask

        path = os.path.expanduser(TOKEN_FILE)
        with os_errors(ConfigError, path, "the token can't be kept"):
            write_private(path, str(made["token"]).encode())
    return Access(sock_dir, {"token": made["token"]})


def _kept() -> str:
    """Return the token that is kept, if there is one."""
    with contextlib.suppress(OSError, UnicodeDecodeError), open(os.path.expanduser(TOKEN_FILE), "rb") as stream:
        return stream.read(MAX_TOKEN_BYTES).decode("ascii").strip()
    return ""


def _asked(prompt: str) -> str:
    print(prompt, end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline().rstrip("\n")
    if not answer:
        raise UsageError("no name was given: say it by --username")
    return answer


def _password() -> str:
    if sys.stdin.isatty():
        from getpass import getpass  # likewise

        return getpass("password: ")
    return sys.stdin.readline().rstrip("\n")
