"""What becomes of a return: points by name at its slot, and what is left out of it and why.

A minion writes at its own names alone, so many of them and no more, at times that its spool can explain. What it sends
beyond that is refused and counted, and ``metrics.explain`` names it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from saltern_master.complaints import Complaints
from saltern_master.record import METRICS, read_record, write_record
from saltern_master.shipping.last_returns import LastReturns
from saltern_master.shipping.name_budget import NameBudget
from saltern_master.shipping.names import Flat, Pattern, flatten, masters_own

AHEAD_S = 86400
EXPLAIN_BYTES = 16 * 1024 * 1024
MAX_REFUSED_NAMED = 200
FAILURES_BYTES = 4 * 1024 * 1024
MAX_FUN_CHARACTERS = 200

Refuse = Callable[[str, str, Mapping[str, float]], Collection[str]]
"""Returns which names, of values below a prefix, a minion may not add."""


class Made(NamedTuple):
    """Values by metric name, their time (epoch s), and whether there were others, all of which are refused."""

    values: dict[str, float]
    time: int
    in_vain: bool


class Found(NamedTuple):
    """A return's numbers, and why some are refused: names to reasons, and a reason for all."""

    flat: Flat
    refused: dict[str, str]
    misdated: str


class MetricReturns:
    """Makes points of returns."""

    def __init__(self, pattern: Pattern, budget: NameBudget, max_age_s: float) -> None:
        """*max_age_s*: how old a slot may be when its return comes."""
        self._pattern = pattern
        self._budget = budget
        self._max_age_s = max_age_s
        self._last = LastReturns(EXPLAIN_BYTES)
        self._failures = LastReturns(FAILURES_BYTES)
        self._complaints = Complaints("points that are refused")
        self.not_numbers = 0
        self.names_refused = 0
        self.times_refused = 0

    def points(self, minion_id: str, body: dict[str, Any], received: float, payload: bytes = b"") -> Made:
        """Return the points of a return that came at *received* (epoch s), *payload* being its record as it is."""
        fun = str(body["fun"])[:MAX_FUN_CHARACTERS]
        self._last.put(minion_id, fun, payload or write_record(METRICS, minion_id, received, body))
        self._failures.forget(minion_id, fun)

        def admit(minion_id: str, prefix: str, values: Mapping[str, float]) -> Collection[str]:
            return self._budget.admit(minion_id, prefix, values, received)

        flat, refused, misdated = self._look(minion_id, body, received, admit)
        self.not_numbers += flat.skipped_count
        if misdated:
            self.times_refused += len(flat.values)
            self._complaints.say(f"minion {minion_id}", "time", f"{len(flat.values)} points refused: {misdated}")
            return Made({}, 0, bool(flat.values))
        if refused:
            self.names_refused += len(refused)
            name, why = next(iter(refused.items()))
            text = f"{len(refused)} metric names refused, {name} first: {why}"
            self._complaints.say(f"minion {minion_id}", "name", text)
            for name in refused:
                del flat.values[name]
        return Made(flat.values, int(body.get("slot", received)), bool(refused) and not flat.values)

    def failed(self, minion_id: str, fun: str, why: str, received: float) -> None:
        """Take note of a run that made no sample, for ``explain``."""
        self._failures.put(minion_id, fun[:MAX_FUN_CHARACTERS], (why, received))

    def explain(self, minion_id: str, fun: str) -> dict[str, Any] | None:
        """Return what the last return of *fun* became: metrics by name, and what was left out and why.

        Where its last run made no sample, that comes first: ``failed``, the reason, and ``failed_at`` (epoch s).
        """
        fun = fun[:MAX_FUN_CHARACTERS]
        failure = self._failures.get(minion_id, fun)
        failed = {"failed": failure[0], "failed_at": failure[1]} if failure else {}
        payload = self._last.get(minion_id, fun)
        last = read_record(payload, METRICS) if payload else None
        if last is None:
            return {"minion": minion_id, "fun": fun, **failed, "metrics": {}} if failed else None
        body, received = last.body, last.received
        flat, refused, misdated = self._look(minion_id, body, received, self._budget.refused)
        if misdated:
            refused = dict.fromkeys(flat.values, misdated)
        return {
            "minion": minion_id,
            "fun": fun,
            **failed,
            "jid": body.get("jid"),
            "slot": body.get("slot"),
            "metrics": {name: value for name, value in flat.values.items() if name not in refused},
            "not_numbers": dict(flat.skipped),
            "not_numbers_count": flat.skipped_count,
            "refused": dict(list(refused.items())[:MAX_REFUSED_NAMED]),
            "refused_count": len(refused),
            "names_of_minion": self._budget.count(minion_id),
        }

    def metrics(self) -> dict[str, float]:
        """Return the counters."""
        return {
            "not_numbers": self.not_numbers,
            "names_refused": self.names_refused,
            "times_refused": self.times_refused,
        }

    def _look(self, minion_id: str, body: dict[str, Any], received: float, refuse: Refuse) -> Found:
        fun = str(body["fun"])
        prefix = self._pattern.prefix(minion_id, fun, str(body.get("schedule") or ""))
        flat = flatten(prefix, fun, body.get("return"))
        misdated = self._misdated(body.get("slot", received), received)
        if misdated:
            return Found(flat, {}, misdated)
        refused = dict.fromkeys(masters_own(prefix, flat.values), "it is the master's to write")
        rest = {name: value for name, value in flat.values.items() if name not in refused} if refused else flat.values
        over = refuse(minion_id, prefix, rest)
        if over:
            refused |= dict.fromkeys(over, f"the minion has {self._budget.most:,} others (max_metric_names)")
        return Found(flat, refused, "")

    def _misdated(self, slot: Any, received: float) -> str:
        """Return what is wrong with a slot, if anything."""
        if type(slot) not in (int, float) or not math.isfinite(slot) or slot <= 0:
            return f"{slot!r:.40} is no time"
        age = received - slot
        if age > self._max_age_s:
            return f"they are {age / 3600:.1f} hours old (max_point_age_hours)"
        return f"they are {-age / 3600:.1f} hours ahead of the master's clock" if -age > AHEAD_S else ""
