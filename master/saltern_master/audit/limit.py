"""How many records others may cause by what they may not do: so many a minute each, the rest by its number."""

from __future__ import annotations

import time
from collections.abc import Callable

from saltern_master.audit.record import Record

MINUTE_S = 60.0
A_MINUTE = 20
"""Refusals of one principal that are recorded each."""
A_MINUTE_OF_ALL = 600
MAX_PRINCIPALS = 1000
"""Told apart in a minute: a name costs who can't log in nothing."""
OTHERS = "others"


class Limit:
    """Asked before each refusal is recorded; not safe for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._counts: dict[str, int] = {}
        self._all = 0
        self._more: dict[str, Record] = {}

    def allows(self, record: Record) -> bool:
        """Return whether *record* is to be kept by itself; otherwise it is counted, for ``over``."""
        known = record.who in self._counts or len(self._counts) < MAX_PRINCIPALS
        who = record.who if known else OTHERS
        count = self._counts[who] = self._counts.get(who, 0) + 1
        if count <= A_MINUTE and self._all < A_MINUTE_OF_ALL:
            self._all += 1
            return True
        more = self._more.get(who)
        self._more[who] = (
            Record(record.time, who, record.what, record.result, via=record.via, more=1)
            if more is None
            else more._replace(time=record.time, what=record.what, more=more.more + 1)
        )
        return False

    def over(self, *, at_once: bool = False) -> list[Record]:
        """Return a record for each that was counted, once the minute is over, or *at_once*; a new one begins then."""
        now = self._clock()
        if not at_once and now - self._began < MINUTE_S:
            return []
        told = list(self._more.values())
        self._began, self._counts, self._all, self._more = now, {}, 0, {}
        return told
