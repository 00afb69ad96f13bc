"""Whole answers, kept for a moment: a dashboard on many screens is worked out once."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

_ENTRY_BYTES = 1000  # an entry's key and bookkeeping, roughly
_LARGEST_SHARE = 4


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer: its body, ``encoding`` (``""`` or ``gzip``), and what it took to make it.

    Only a ``complete`` one may be given again.
    """

    body: bytes
    media_type: str
    encoding: str = ""
    etag: str | None = None
    series: int = 0
    points: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class _Entry:
    rendered: Rendered
    made: float
    expires: float


class AnswerCache:
    """Answers by what was asked, at most *most_bytes* of bodies; the oldest goes first. For one thread.

    An answer over a quarter of *most_bytes* is not kept at all.
    """

    def __init__(self, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_bytes = most_bytes
        self._clock = clock
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self.bytes = 0
        """What the entries weigh."""

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable, age_s: float) -> Rendered | None:
        """The answer to *key* if there is one that was made less than *age_s* seconds ago."""
        entry = self._entries.get(key)
        return entry.rendered if entry is not None and self._clock() - entry.made < age_s else None

    def put(self, key: Hashable, rendered: Rendered, keep_s: float) -> None:
        """Keep *rendered*, made just now, for *keep_s* seconds."""
        now = self._clock()
        self._forget(key)
        size = _size(rendered)
        if keep_s <= 0 or size * _LARGEST_SHARE > self._most_bytes:
            return
        self._entries[key] = _Entry(rendered, now, now + keep_s)
        self.bytes += size
        while self._entries:
            oldest = next(iter(self._entries))
            if self.bytes <= self._most_bytes and self._entries[oldest].expires > now:
                break
            self._forget(oldest)

    def _forget(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= _size(entry.rendered)


def _size(rendered: Rendered) -> int:
    return len(rendered.body) + _ENTRY_BYTES
