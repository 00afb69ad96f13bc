"""What was last heard of each minion and function, in bounded memory of which each minion has a share."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from saltern.wire import pack_value, unpack_value

SHARES = 16
"""One minion has one part in so many of the whole at most; a single value that is larger isn't kept."""


class LastReturns:
    """The last value for each minion and function, packed; at most *max_bytes* of them.

    Over the bound a minion that has more than its share of what all have gives its own least recent; else the least
    recent of all goes. So what many functions, or large returns, of one minion cost is its own.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._bytes_of: dict[str, int] = {}
        self._funs_of: dict[str, OrderedDict[str, None]] = {}
        self._packed: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def put(self, minion_id: str, fun: str, value: Any) -> None:
        """Remember *value* (plain), instead of the one before."""
        self.forget(minion_id, fun)
        packed = pack_value(value)
        if len(packed) > self._max_bytes // SHARES:
            return
        self._packed[minion_id, fun] = packed
        self._bytes += len(packed)
        self._bytes_of[minion_id] = self._bytes_of.get(minion_id, 0) + len(packed)
        own = self._funs_of.setdefault(minion_id, OrderedDict())
        own[fun] = None
        while self._bytes_of[minion_id] > self._max_bytes // SHARES:
            self.forget(minion_id, next(iter(own)))
        while self._bytes > self._max_bytes:
            share = self._max_bytes / len(self._bytes_of)
            loud = len(own) > 1 and self._bytes_of[minion_id] > share
            self.forget(*((minion_id, next(iter(own))) if loud else next(iter(self._packed))))

    def get(self, minion_id: str, fun: str) -> Any:
        """Return what is remembered, or ``None``."""
        packed = self._packed.get((minion_id, fun))
        return None if packed is None else unpack_value(packed)

    def forget(self, minion_id: str, fun: str) -> None:
        """Remember nothing for a minion and function."""
        packed = self._packed.pop((minion_id, fun), None)
        if packed is None:
            return
        self._bytes -= len(packed)
        self._bytes_of[minion_id] -= len(packed)
        own = self._funs_of[minion_id]
        del own[fun]
        if not own:
            del self._funs_of[minion_id], self._bytes_of[minion_id]
