"""The account of one schedule on one minion.

A slot is due two intervals after its time (one for the schedule's phase, one for the way). From then on it is
expected, and is one of: received, failed (it ran and made no sample), skipped or dropped (as its agent tells), lost
(it was received, and lost behind that), or missing. So at any time, of the slots that are expected::

    expected = received + missing + lost + dropped + skipped + failed
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from saltern_master.account.slot_states import LOST, SlotStates, State

DUE_INTERVALS = 2
COMPLETENESS_WINDOW_S = 3600
MAX_AGE_S = 30 * 86400
"""Of a slot that is still counted when its return comes."""
AHEAD_S = 60.0
"""By so much an agent's clock may be ahead, over two intervals: what is said of later slots is not counted."""

STEP_BACK_S = 45.0
"""An agent waits so long, or one interval, for its clock to come to where it was."""

_SKIPPED_OR_DROPPED = {"skipped": State.SKIPPED, "dropped": State.DROPPED}
_INSTEAD_OF = {"skipped": (State.MISSING,), "dropped": (State.MISSING, State.NOT_DUE)}
"""A slot that was dropped was run, whatever the master's clock said then."""


class Tally:
    """Which slots came, and what became of the others. Times are epoch seconds, slots multiples of ``seconds``."""

    __slots__ = ("first", "floor", "late", "seconds", "states")

    def __init__(self, seconds: float, first: int, floor: int | None = None) -> None:
        """*first*: the first slot that is expected; one that comes earlier makes it earlier, but not below *floor*."""
        self.seconds = seconds
        self.first = first
        self.floor = floor
        self.late = 0
        self.states = SlotStates()

    @classmethod
    def begun(cls, seconds: float, now: float, *, instead: bool = False) -> Tally:
        """Return one that expects every slot from now on; *instead* of another interval: what was before is no slot."""
        first = math.ceil(now / seconds)
        return cls(seconds, first, first if instead else None)

    def ran(self, at: Any, received: float, *, failed: bool) -> None:
        """Count the return of the run for the slot *at*, which came at *received*. Of twins one that went well counts.

        A slot of another interval, too far ahead or too long ago, is not counted.
        """
        slot = self._slot(at, received)
        if slot is None or self.states.is_settled(slot) or (self.floor is not None and slot < self.floor):
            return
        before = self.states.at(slot)
        if before is State.RECEIVED or (failed and before is State.FAILED):
            return
        self.first = min(self.first, slot)
        self.states.put(slot, slot, State.FAILED if failed else State.RECEIVED)
        if not failed and received > (slot + DUE_INTERVALS) * self.seconds:
            self.late += 1
        self.states.settle(self.first)

    def absent(self, kind: str, spans: Iterable[tuple[Any, Any]], received: float) -> None:
        """Note that no return comes for some slots, *spans* (first, last): they were ``skipped`` or ``dropped``."""
        found = []
        for first, last in spans:
            begin, end = self._slot(first, received), self._slot(last, received)
            if end is not None:
                found.append((self.first if begin is None else max(begin, self.first), end))
        done = self.first - 1
        for begin, end in sorted(found):  # what lies over one another is looked at once
            for before in _INSTEAD_OF[kind]:
                self.states.put_where(max(begin, done + 1), end, _SKIPPED_OR_DROPPED[kind], before)
            done = max(done, end)
        self.states.settle(self.first)

    def lost(self, at: Any, cause: State) -> None:
        """Note that the return for the slot *at* was lost after it was received."""
        slot = self._slot(at, at)
        if slot is not None and self.states.at(slot) in (State.RECEIVED, State.FAILED):
            self.states.put(slot, slot, cause)
            self.states.settle(self.first)

    def stepped(self, before: float, after: float) -> None:
        """Take note that the master's clock was set from *before* to *after*.

        Slots that it jumped over, and those that were not due yet, are not expected, unless they come all the same.
        Slots that it will see again are counted up to now, and forgotten; but for a small step back, after which agents
        run none of them again.
        """
        if 0 < before - after <= max(STEP_BACK_S, self.seconds):
            return
        now, then = self._current(before), self._current(after)
        if then > now:
            self.states.put_where(max(now - DUE_INTERVALS + 1, self.first), then, State.NOT_DUE, State.MISSING)
        elif then < now:
            self.states.forget_beyond(then, self._horizon(before), self.first)
            self.first = min(self.first, then + 1)

    def numbers(self, now: float) -> dict[str, float]:
        """Return the account: expected, received, missing, late, dropped, skipped, failed, lost, completeness.

        Of what was lost also how much for each cause, where there was any.
        """
        counts = self.states.count(self.first, self._horizon(now))
        counts.pop(State.NOT_DUE, 0)
        lost = {state.name.lower(): count for state in LOST if (count := counts.get(state, 0))}
        numbers: dict[str, float] = {
            "expected": sum(counts.values()),
            "received": counts.get(State.RECEIVED, 0),
            "missing": counts.get(State.MISSING, 0),
            "late": self.late,
            "dropped": counts.get(State.DROPPED, 0),
            "skipped": counts.get(State.SKIPPED, 0),
            "failed": counts.get(State.FAILED, 0),
            "lost": sum(lost.values()),
            **lost,
        }
        completeness = self._completeness(now)
        if completeness is not None:
            numbers["completeness"] = completeness
        return numbers

    def newest(self) -> float | None:
        """Return the last slot that was received, epoch s; ``None``: none that is remembered one by one."""
        states = self.states
        for index in range(len(states.states) - 2, -1, -1):  # the last has no end: missing
            if states.states[index] is State.RECEIVED:
                return (states.starts[index + 1] - 1) * self.seconds
        return None

    def last_hour(self, now: float) -> tuple[int, int]:
        """Return how many slots of the last hour were received, and how many were expected."""
        due = self._current(now) - DUE_INTERVALS
        first = max(due - (int(COMPLETENESS_WINDOW_S / self.seconds) or 1) + 1, self.first)
        return self.states.received(first, due)

    def packed(self) -> dict[str, Any]:
        """Return what ``restored`` makes it of again."""
        states = self.states
        return {
            "seconds": self.seconds,
            "first": self.first,
            "floor": self.floor,
            "late": self.late,
            "starts": states.starts,
            "states": [int(state) for state in states.states],
            "settled": {int(state): count for state, count in states.settled.items()},
            "settled_to": states.settled_to,
        }

    @classmethod
    def restored(cls, fields: dict[str, Any]) -> Tally:
        """Return the tally of ``packed``. Raises ``KeyError``, ``TypeError``, ``ValueError``."""
        floor = fields["floor"]
        tally = cls(float(fields["seconds"]), int(fields["first"]), None if floor is None else int(floor))
        if not tally.seconds > 0:
            raise ValueError(f"{tally.seconds} seconds")
        tally.late = int(fields["late"])
        states = tally.states
        states.starts = [int(start) for start in fields["starts"]]
        states.states = [State(state) for state in fields["states"]]
        states.settled = {State(state): int(count) for state, count in fields["settled"].items()}
        states.settled_to = None if fields["settled_to"] is None else int(fields["settled_to"])
        if len(states.starts) != len(states.states) or states.starts != sorted(states.starts):
            raise ValueError("runs that are none")
        return tally

    def _completeness(self, now: float) -> float | None:
        received, expected = self.last_hour(now)
        return 100.0 * received / expected if expected else None

    def _horizon(self, now: float) -> int:
        """Return the last slot that is expected: the last one due, or a later one of which something is known."""
        current = self._current(now)
        states = self.states
        due = current - DUE_INTERVALS
        known = states.starts[-1] - 1 if states.starts else due
        return max(due, min(known, current))

    def _current(self, now: float) -> int:
        return math.floor(now / self.seconds)

    def _slot(self, at: Any, received: float) -> int | None:
        if type(at) not in (int, float) or not -AHEAD_S - DUE_INTERVALS * self.seconds <= received - at <= MAX_AGE_S:
            return None
        slot = round(at / self.seconds)
        return slot if abs(slot * self.seconds - at) < self.seconds / 100 else None
