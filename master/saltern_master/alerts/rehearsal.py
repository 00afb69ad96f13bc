"""Tries a rule on real values: asks the source for no more than it can be asked for, and one rule at a time."""

from __future__ import annotations

import asyncio
from typing import Any

from saltern.errors import SalternError
from saltern_master.alerts.rule import Rule
from saltern_master.alerts.source import RenderSource, Series
from saltern_master.alerts.trial import fitted, spacing_of, span_of, tried

MAX_SERIES = 500
MAX_POINTS = 200_000
"""Of all series together: some 20 MB."""
LOOK_BACK_S = 300.0
"""In which a series must have a value to be tried."""


class Rehearsal:
    """Tries rules on *source*, as if they were looked at every *interval_s*."""

    def __init__(self, source: RenderSource, interval_s: float) -> None:
        self._source = source
        self._interval_s = interval_s
        self._turn = asyncio.Semaphore(1)

    async def run(self, rule: Rule, hours: float, now: float) -> dict[str, Any]:
        """Return what ``alerts.try`` shows; what the source says against it is the ``fault``."""
        async with self._turn:
            try:
                recent = await self._ask(rule.target, now - max(rule.window_s, LOOK_BACK_S), now)
                target = rule.target if len(recent) <= MAX_SERIES else f"limit({rule.target},{MAX_SERIES})"
                count = max(1, min(len(recent), MAX_SERIES))
                span = span_of(now, hours, self._interval_s, count)
                past = await self._ask(target, span.start - rule.window_s, now, MAX_POINTS // count)
            except SalternError as error:
                return {"series": [], "found": 0, "step": 0.0, "fault": str(error)}
            found = max(len(recent), len(past))
            past = past[:MAX_SERIES]
            rule = fitted(rule, spacing_of(recent), spacing_of(past))
            series = await asyncio.to_thread(tried, rule, past, span)
        return {"series": series, "found": found, "step": round(span.step_s, 3), "fault": ""}

    async def _ask(self, target: str, start: float, end: float, points: int = 0) -> list[Series]:
        return await self._source.render(target, int(start), int(end), points)
