"""What became of each slot, as runs of slots that had the same fate: a host that is well has one run, for years.

::

    starts   12 ……………… 480 …… 484 ………… 1207
    states   received   missing  received   missing for ever

A slot is a whole number, the multiple of its schedule's interval. Before the first start slots are missing, too.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from enum import IntEnum

MAX_RUNS = 4000
"""Over this the oldest are counted together, and are settled: their slots never change again."""


class State(IntEnum):
    """What became of a slot."""

    MISSING = 0
    RECEIVED = 1
    FAILED = 2
    SKIPPED = 3
    DROPPED = 4
    NOT_DUE = 5
    """The master's clock was set over it."""
    LOST_OVER_BOUND = 6
    LOST_DAMAGED = 7
    LOST_GONE = 8
    LOST_REFUSED = 9


LOST = tuple(state for state in State if state.name.startswith("LOST_"))


class SlotStates:
    """The state of every slot. All numbers are slots; ranges include both ends."""

    __slots__ = ("settled", "settled_to", "starts", "states")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.states: list[State] = []
        self.settled: dict[State, int] = {}
        """How many slots below ``settled_to`` had which fate."""
        self.settled_to: int | None = None

    def at(self, slot: int) -> State:
        """Return the state of a slot."""
        index = bisect_right(self.starts, slot) - 1
        return self.states[index] if index >= 0 else State.MISSING

    def received(self, first: int, last: int) -> tuple[int, int]:
        """Return how many slots of a range were received, and how many were due; a fleet asks it at every look."""
        starts, states = self.starts, self.states
        index = bisect_right(starts, first) - 1
        received, due, at, beyond = 0, max(0, last - first + 1), first, last + 1
        while at < beyond:
            state = states[index] if index >= 0 else State.MISSING
            index += 1
            end = min(starts[index], beyond) if index < len(starts) else beyond
            if state is State.RECEIVED:
                received += end - at
            elif state is State.NOT_DUE:
                due -= end - at
            at = end
        return received, due

    def runs(self, first: int, last: int) -> Iterator[tuple[int, int, State]]:
        """Yield the runs of a range, missing ones too, in order: first, last, state."""
        index = bisect_right(self.starts, first) - 1
        at = first
        while at <= last:
            end = self.starts[index + 1] - 1 if index + 1 < len(self.starts) else last
            yield at, min(end, last), self.states[index] if index >= 0 else State.MISSING
            at = end + 1
            index += 1

    def count(self, first: int, last: int) -> dict[State, int]:
        """Return how many slots of a range, and of what is settled, had which fate."""
        counts = dict(self.settled)
        if self.settled_to is not None:
            first = max(first, self.settled_to)
        for start, end, state in self.runs(first, last):
            counts[state] = counts.get(state, 0) + end - start + 1
        return counts

    def is_settled(self, slot: int) -> bool:
        """Whether a slot never changes any more."""
        return self.settled_to is not None and slot < self.settled_to

    def put(self, first: int, last: int, state: State) -> None:
        """Give a range a state; what is settled stays as it is."""
        if self.settled_to is not None:
            first = max(first, self.settled_to)
        if first > last:
            return
        after = self.at(last + 1)
        low = bisect_right(self.starts, first - 1)
        high = bisect_right(self.starts, last + 1)
        before = self.states[low - 1] if low else State.MISSING
        new = [(first, state)] if state != before else []
        if after != state:
            new.append((last + 1, after))
        self.starts[low:high] = [start for start, _ in new]
        self.states[low:high] = [one for _, one in new]

    def put_where(self, first: int, last: int, state: State, before: State) -> None:
        """Give those slots of a range a state that have the state *before*."""
        if first > last:
            return
        for start, end, found in list(self.runs(first, last)):
            if found is before:
                self.put(start, end, state)

    def settle(self, first: int) -> None:
        """Count the oldest runs together while there are too many; *first* is the first slot that counts."""
        if len(self.starts) <= MAX_RUNS:
            return
        end = self.starts[len(self.starts) // 2]
        self.settled = self.count(first, end - 1)
        self.settled_to = end
        state = self.at(end)
        keep = bisect_right(self.starts, end)
        self.starts = [end, *self.starts[keep:]]
        self.states = [state, *self.states[keep:]]

    def forget_beyond(self, last: int, horizon: int, first: int) -> None:
        """Forget what became of slots after *last*, but for how many there were, up to *horizon*, of which fate.

        They come again: the clock was set back.
        """
        begin = max(last + 1, first, self.settled_to if self.settled_to is not None else first)
        for start, end, state in self.runs(begin, horizon):
            self.settled[state] = self.settled.get(state, 0) + end - start + 1
        keep = bisect_right(self.starts, last)
        if keep < len(self.starts) or (keep and self.states[keep - 1] is not State.MISSING):
            after_missing = keep and self.states[keep - 1] is not State.MISSING
            self.starts[keep:] = [last + 1] if after_missing else []
            self.states[keep:] = [State.MISSING] if after_missing else []
