"""Frames of keys that aren't accepted: which of them are looked at.

Anyone can make a key and connect to the ret port; that is how agents introduce themselves. Until a key is accepted
its frames are judged here before anything else is done with them, by what is known without reading them: length, key
and address. A frame takes tokens, one for each 8 kB that it begins, from the bucket of its key and from that of its
address; buckets fill up again with time::

    bucket    tokens left | when that was (monotonic seconds)

Buckets are kept for the keys and addresses seen last. Whoever has many keys is held by his address; of an IPv6
address the network (/64) counts, since one host has all the addresses in it.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable

from saltern_master.line_limit import LineLimit
from saltern_master.network import network_of

log = logging.getLogger(__name__)

MAX_FRAME_BYTES = 64 * 1024
TOKEN_BYTES = 8 * 1024


class Buckets:
    """Token buckets by name: *rate* tokens a second, *burst* at most, for the *known* names seen last."""

    def __init__(self, rate: float, burst: float, known: int) -> None:
        self._rate = rate
        self._burst = burst
        self._known = known
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def take(self, name: str, tokens: int, now: float) -> bool:
        """Take *tokens* from the bucket of *name*; ``False``, and none is taken, when it holds less."""
        left, then = self._left.get(name, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._rate)
        enough = left >= tokens
        self._left[name] = (left - tokens if enough else left, now)
        self._left.move_to_end(name)
        if len(self._left) > self._known:
            self._left.popitem(last=False)
        return enough


class Strangers:
    """Decides about frames of keys that aren't accepted, counts what is dropped and says so once a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._keys = Buckets(rate=5, burst=20, known=10_000)
        self._addresses = Buckets(rate=500, burst=5000, known=10_000)  # a site behind one address joins at once
        self._limit = LineLimit("keys that aren't accepted", clock)
        self._unsaid = 0
        self.too_long = 0
        self.too_many = 0

    def admit(self, key: str, address: str, length: int) -> bool:
        """Say whether a frame of *length* bytes may be unpacked."""
        if length > MAX_FRAME_BYTES:
            self.too_long += 1
            self.complain(address, f"a frame of {length:,} bytes")
            return False
        tokens = 1 + length // TOKEN_BYTES
        now = self._clock()
        if self._keys.take(key, tokens, now) and self._addresses.take(network_of(address), tokens, now):
            return True
        self.too_many += 1
        self.complain(address, "more frames than are looked at")
        return False

    def complain(self, address: str, what: str) -> None:
        """Say what is wrong with a stranger's frame: one line a minute for all of them together."""
        self._unsaid += 1
        if self._limit.allows("", ""):
            where = address or "an unknown address"
            log.warning("keys that aren't accepted: %d frames dropped, the last from %s: %s", self._unsaid, where, what)
            self._unsaid = 0

    def metrics(self) -> dict[str, float]:
        """Return what was dropped, by the reason."""
        return {"strangers_too_long": self.too_long, "strangers_too_many": self.too_many}
