"""What the minions say their clocks are ahead of the master's, and when that is too much.

Their word is a claim, like grains: nothing but a line, an event and a metric hangs on it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from saltern_master.bus import EventBus
from saltern_master.fleet import Fleet
from saltern_master.line_limit import LineLimit

log = logging.getLogger(__name__)

RIGHT_AGAIN = 0.8  # of the limit: a skew about it is said once, not again and again


class Clocks:
    """The skews of a fleet; one over *limit_s* seconds is said in the log and on the bus, and when it is over."""

    def __init__(self, fleet: Fleet, bus: EventBus, limit_s: float) -> None:
        self._fleet = fleet
        self._bus = bus
        self._limit_s = limit_s
        self._limit = LineLimit("minions' clocks")
        self._skews_s: dict[str, float] = {}
        self._over: dict[str, int] = {}  # 1: ahead of us, -1: behind

    def told(self, minion_id: str, skew_s: float) -> None:
        """Note by how much a minion says its clock is ahead of ours."""
        self._skews_s[minion_id] = skew_s
        side = 1 if skew_s > 0 else -1
        before = self._over.get(minion_id, 0)
        now = side if abs(skew_s) > self._limit_s * (RIGHT_AGAIN if side == before else 1) else 0
        if now == before:
            return
        if now:
            self._over[minion_id] = now
        else:
            del self._over[minion_id]
        data = {"id": minion_id, "skew": round(skew_s, 3), "max_clock_skew": self._limit_s, "over": now != 0}
        self._bus.publish(f"salt/minion/{minion_id}/clock", data)
        if self._limit.allows(f"{minion_id} {now}", minion_id):
            if now:
                where = "ahead of" if now > 0 else "behind"
                text = "minion %s: its clock is %.1f s %s the master's (max_clock_skew: %g)"
                log.warning(text, minion_id, abs(skew_s), where, self._limit_s)
            else:
                log.info("minion %s: its clock is right again", minion_id)

    def forget(self, minion_id: str) -> None:
        """Forget a minion whose key was taken away."""
        self._skews_s.pop(minion_id, None)
        self._over.pop(minion_id, None)

    def skews_s(self) -> Iterator[tuple[str, float]]:
        """Yield the minions that are there, with what their clocks are ahead of ours; one that hasn't said is left out.

        It may be followed by turns, while others join and leave.
        """
        for minion_id in sorted(self._skews_s):
            if self._fleet.is_present(minion_id) and minion_id in self._skews_s:
                yield minion_id, self._skews_s[minion_id]

    def metrics(self) -> dict[str, float]:
        """Return how many minions are over the limit, present ones alone."""
        return {"over_limit": sum(1 for minion_id in self._over if self._fleet.is_present(minion_id))}
