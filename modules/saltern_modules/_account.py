"""As whom a program runs: the account, its environment, and where it starts."""

from __future__ import annotations

import os
from typing import Any

from saltern.errors import CommandError
from saltern.named import NamedTuple
from saltern.own_environment import OF_THE_SERVICE, SHELL

ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
USER_PATH = "/usr/local/bin:/usr/bin:/bin"

LANGUAGE = ("LANG", "LANGUAGE", "TZ")
"""What another account's environment takes over from the agent's, beside ``LC_*``."""


class Account(NamedTuple):
    """A user of this host, from its database of users."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str

    @property
    def is_own(self) -> bool:
        """Whether the agent runs as this user itself."""
        return self.uid == os.geteuid()

    def credentials(self) -> dict[str, Any]:
        """Return ``subprocess.Popen``'s ``user``, ``group`` and ``extra_groups``; nothing for the agent's own user."""
        if self.is_own:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": os.getgrouplist(self.name, self.gid)}


def account(function: str, runas: object) -> Account | None:
    """Return the account that *runas* names, None for None: then the agent's own is meant.

    Raises ``CommandError`` for anything else than the name of a user, and when the agent may not become that user.
    """
    if runas is None:
        return None
    if not isinstance(runas, str) or not runas:
        raise CommandError(f"{function}: runas must be the name of a user, not {runas!r}")
    import pwd  # only runas needs it

    try:
        found = _of(pwd.getpwnam(runas))
    except (KeyError, ValueError):  # ValueError: a NUL in it
        hint = ": a name is wanted, not a number" if runas.isdigit() else ""
        raise CommandError(f"User {runas!r} is not available{hint}") from None
    if not found.is_own and os.geteuid() != 0:
        raise CommandError(f"{function}: only an agent that is root can run as {runas!r}")
    return found


def environment(account: Account | None) -> dict[str, str]:
    """Return the variables that a program of *account* starts with; of the agent's own user when it is None.

    Another account gets its own variables and nothing of the agent's but language and time zone.
    """
    if account is None:
        own = {name: value for name, value in os.environ.items() if name not in OF_THE_SERVICE}
        return {**_usual(_own()), **own}
    kept = {name: value for name, value in os.environ.items() if name in LANGUAGE or name.startswith("LC_")}
    return {**kept, **_usual(account)}


def _usual(account: Account | None) -> dict[str, str]:
    """Return what a login sets; without an account (some containers' users have none) only a path."""
    if account is None:
        return {"PATH": USER_PATH}
    return {
        "HOME": account.home,
        "USER": account.name,
        "LOGNAME": account.name,
        "SHELL": account.shell or SHELL,
        "PATH": USER_PATH if account.uid else ROOT_PATH,
    }


def _own() -> Account | None:
    import pwd

    try:
        return _of(pwd.getpwuid(os.geteuid()))
    except KeyError:
        return None


def _of(entry: Any) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell)
