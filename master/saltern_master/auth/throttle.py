"""How often someone may try a password: an account, and an address, each wait longer after every failure.

The first ``free`` failures cost nothing; after each further one no try is made for ``first_s``, then twice as long,
at last ``most_s``. What is quiet for ``FORGET_S`` is forgotten, as is what was heard of the longest ago where there
are too many.

An account is let in again from where it logged in before: whoever fails for it elsewhere shuts nobody out. So it is
counted for these places by themselves. It makes no difference whether an account exists.
"""

from __future__ import annotations

import math
import stringprep
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple


class Limits(NamedTuple):
    """Of failures: how many are free, and the waits after the others."""

    free: int
    first_s: float
    most_s: float


OF_AN_ACCOUNT = Limits(10, 1.0, 60.0)
OF_AN_ADDRESS = Limits(50, 1.0, 600.0)
"""A site may be behind one address."""
FORGET_S = 3600.0
MAX_KNOWN = 10_000
"""Accounts, addresses and places of success, each."""


class _Failures(NamedTuple):
    times: int
    last: float


class Failures:
    """Failures by name, of the ``MAX_KNOWN`` that failed last."""

    def __init__(self, limits: Limits, known: int = MAX_KNOWN) -> None:
        self._limits = limits
        self._known = known
        self._of: OrderedDict[str, _Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._of)

    def wait_s(self, name: str, now: float) -> float:
        """Return in how many seconds *name* may try again; 0 for now."""
        times, last = self._recent(name, now)
        over = times - self._limits.free
        if over <= 0:
            return 0.0
        wait = min(self._limits.most_s, self._limits.first_s * 2.0 ** min(over - 1, 60))
        return max(0.0, last + wait - now)

    def add(self, name: str, now: float) -> None:
        """Count a failure."""
        self._of[name] = _Failures(self._recent(name, now).times + 1, now)
        self._of.move_to_end(name)
        while len(self._of) > self._known:
            self._of.popitem(last=False)

    def clear(self, name: str) -> None:
        """Forget the failures of *name*."""
        self._of.pop(name, None)

    def _recent(self, name: str, now: float) -> _Failures:
        found = self._of.get(name)
        if found is None or now - found.last >= FORGET_S:
            return _Failures(0, now)
        return found


class Throttle:
    """Told of every login's end, asked before each."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, known: int = MAX_KNOWN) -> None:
        self._clock = clock
        self._known = known
        self._accounts = Failures(OF_AN_ACCOUNT, known)
        self._addresses = Failures(OF_AN_ADDRESS, known)
        self._places: OrderedDict[str, None] = OrderedDict()

    def wait_s(self, account: str, address: str) -> int:
        """Return in how many whole seconds *account* may be tried from *address*; 0 for now."""
        now = self._clock()
        waits = (self._accounts.wait_s(self._counted(account, address), now), self._addresses.wait_s(address, now))
        return math.ceil(max(waits))

    def failed(self, account: str, address: str) -> None:
        """Count a failure of both."""
        now = self._clock()
        self._accounts.add(self._counted(account, address), now)
        self._addresses.add(address, now)

    def succeeded(self, account: str, address: str) -> None:
        """Forget the failures of *account*; those of *address* stay: whoever has one account may be trying others."""
        self._accounts.clear(self._counted(account, address))
        place = _place(account, address)
        self._places[place] = None
        self._places.move_to_end(place)
        if len(self._places) > self._known:
            self._places.popitem(last=False)

    def knows(self, account: str, address: str) -> bool:
        """Return whether *account* logged in from *address* before."""
        return _place(account, address) in self._places

    def sizes(self) -> tuple[int, int, int]:
        """Return how many accounts, addresses and places are known."""
        return len(self._accounts), len(self._addresses), len(self._places)

    def _counted(self, account: str, address: str) -> str:
        """Return what an account's failures from *address* are counted under."""
        return _place(account, address) if self.knows(account, address) else account


def account_of(source: str, username: str) -> str:
    """Return what counts as one account, however its name is written.

    Directories don't tell ``Fred`` from ``fred``, nor either from one with signs that they leave out (RFC 4518).
    """
    name = "".join(sign for sign in username if not stringprep.in_table_b1(sign))
    return f"{source}:{' '.join(unicodedata.normalize('NFKC', name).casefold().split())}"


def _place(account: str, address: str) -> str:
    return f"{account} from {address}"
