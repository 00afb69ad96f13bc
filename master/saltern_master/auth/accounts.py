"""The accounts of this host: a user's name and groups, by the number that the kernel tells."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import time
from collections.abc import Callable
from typing import NamedTuple

KNOWN_FOR_S = 5.0
"""How long an answer holds: a user who leaves a group loses its rights so soon."""

MAX_KNOWN = 1000


class Account(NamedTuple):
    """A user: its name, or its number where it has none, and the names of all its groups."""

    name: str
    groups: frozenset[str] = frozenset()


class Accounts:
    """Looks accounts up when they are needed, and remembers them for a moment."""

    def __init__(
        self, look_up: Callable[[int], Account] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look_up = look_up or look_up_account
        self._clock = clock
        self._known: dict[int, tuple[float, Account]] = {}

    def of(self, uid: int) -> Account:
        """Return the account of user number *uid*."""
        now = self._clock()
        known = self._known.get(uid)
        if known is not None and now < known[0] + KNOWN_FOR_S:
            return known[1]
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        account = self._look_up(uid)
        self._known[uid] = (now, account)
        return account


def look_up_account(uid: int) -> Account:
    """Return the account that the host's user database has for *uid*; one that isn't there is in no group."""
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return Account(str(uid))
    groups = set()
    for gid in os.getgrouplist(user.pw_name, user.pw_gid):
        with contextlib.suppress(KeyError):  # a group without a name can't be granted anything
            groups.add(grp.getgrgid(gid).gr_name)
    return Account(user.pw_name, frozenset(groups))
