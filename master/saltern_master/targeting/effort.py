"""What one resolution of a target may cost, and what it holds expressions against."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import regex

from saltern.errors import TargetTooCostly
from saltern_master.targeting.facts import NOTHING, Facts

Holds = Callable[[str], object]
"""Says whether a text matches, by what is true of its result."""


class Pattern(Protocol):
    """What texts are held against."""

    def under(self, effort: Effort) -> Holds:
        """Return what says whether a text matches, at the expense of *effort*."""


_LOCKED_S = 0.005
"""A match that takes longer begins again with the interpreter's lock released: the event loop need not wait for it.

Released at once, it would have to be taken again after every short match, which costs far more than they do."""

_MATCHES_A_LOOK = 8
"""Between two looks at the clock, which cost as much as a match: 40 ms at the most."""


class Known(NamedTuple):
    """What the master knows of its minions."""

    grains: Facts = NOTHING
    pillar: Facts = NOTHING


class Effort:
    """One resolution under way: the processor time of its thread is limited, so a busy machine refuses nothing."""

    def __init__(self, expression: str, known: Known, limit_s: float) -> None:
        """*expression* is what messages name."""
        self.known = known
        self._expression = expression
        self._limit_s = limit_s
        self._holds: dict[Pattern, Holds] = {}
        self._unlooked = _MATCHES_A_LOOK
        self._end_s = time.thread_time() + limit_s

    def check(self) -> float:
        """Return the seconds that are left. Raises ``TargetTooCostly`` when there are none."""
        left_s = self._end_s - time.thread_time()
        if left_s <= 0:
            raise self._over()
        return left_s

    def holds(self, pattern: Pattern | None) -> Holds | None:
        """Return what says whether a text matches *pattern*, at this effort's expense; ``None`` for no pattern."""
        if pattern is None:
            return None
        holds = self._holds.get(pattern)
        if holds is None:
            holds = self._holds[pattern] = pattern.under(self)
        return holds

    def matches(self, pattern: regex.Pattern[str], text: str) -> bool:
        """Return whether *pattern* matches where *text* begins. Raises ``TargetTooCostly`` when it takes too long."""
        self._unlooked += 1
        if self._unlooked >= _MATCHES_A_LOOK:
            self._unlooked = 0
            self.check()
        try:
            return pattern.match(text, timeout=_LOCKED_S) is not None
        except TimeoutError:
            pass
        try:
            return pattern.match(text, timeout=self.check(), concurrent=True) is not None
        except (TimeoutError, MemoryError):
            raise self._over() from None

    def _over(self) -> TargetTooCostly:
        return TargetTooCostly(
            f"target {self._expression!r:.100} takes over {self._limit_s:g} s of processor time: "
            "avoid repeats within repeats, or name the minions"
        )
