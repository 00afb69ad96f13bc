"""How many metric names each minion may make, so that none fills the disk of all with files.

A name counts until it wasn't seen for a whole day of the clock (24 to 48 hours): hosts change. Known names stay welcome
when the budget is used up; only new ones are refused. What is known is gone when the master is restarted.

A name is remembered by the hash of its part below the prefix, 8 bytes. Minions of a kind return the same names and
share one sorted array of them; what one of them returns beyond that is in an array of its own. The usual return is
recognised by one hash over its names, and nothing is looked up.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

PERIOD_S = 86400
RECENT_SHAPES = 4
MAX_SHARED_NAMES = 1000
MAX_SHARED = 4096
"""Arrays, each of up to ``MAX_SHARED_NAMES``, that are kept for others to share."""
FEW = 8

Numbers: TypeAlias = "array[int]"
"""Hashes of names, sorted."""
NONE: Numbers = array("q")


class NameBudget:
    """The names of every minion, at most *most* for each; 0: as many as they like."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._minions: dict[str, _Minion] = {}
        self._shared: dict[int, Numbers] = {}
        self._period = 0

    def admit(self, minion_id: str, prefix: str, values: Mapping[str, float], now: float) -> Collection[str]:
        """Return those names of *values* that *minion_id* may not add; the others are its own from *now* (epoch s) on.

        Every name begins with *prefix* and a dot.
        """
        if not self.most:
            return ()
        period = int(now // PERIOD_S)
        shape = hash(tuple(values))
        minion = self._minions.get(minion_id)
        if minion is not None and minion.period == period:
            group = minion.groups.get(prefix)
            if group is not None and shape in group.shapes:
                return ()
        return self._look(minion_id, prefix, values, shape, period)

    def refused(self, minion_id: str, prefix: str, values: Mapping[str, float]) -> Collection[str]:
        """Return those names of *values* that *minion_id* may not add; nothing changes by asking."""
        minion = self._minions.get(minion_id)
        if not self.most or minion is None:
            return ()
        group = minion.groups.get(prefix, _Group())
        new = [name for name in values if not (group.has(number := _hash(name, prefix)) or group.had(number))]
        return new[self.most - minion.count :]

    def count(self, minion_id: str) -> int:
        """Return how many names are a minion's."""
        minion = self._minions.get(minion_id)
        return minion.count if minion else 0

    def _look(
        self, minion_id: str, prefix: str, values: Mapping[str, float], shape: int, period: int
    ) -> Collection[str]:
        if period != self._period:
            self._period = period
            self._minions = {name: one for name, one in self._minions.items() if one.period >= period - 1}
        minion = self._minions.setdefault(minion_id, _Minion(period))
        minion.turn(period)
        group = minion.groups.get(prefix, _Group())
        room = self.most - minion.count
        seen: list[int] = []
        new: list[int] = []
        refused: list[str] = []
        for name in values:
            number = _hash(name, prefix)
            if group.has(number):
                continue
            if group.had(number):
                seen.append(number)
            elif len(new) < room:
                new.append(number)
            else:
                refused.append(name)
        minion.count += len(new)
        if seen or new:
            group.add(array("q", sorted(seen + new)), self._share)
            minion.groups[prefix] = group
        if not refused:
            group.shapes = (shape, *group.shapes[: RECENT_SHAPES - 1])
        return refused

    def _share(self, numbers: Numbers) -> Numbers:
        """Return the one array that is for all who have these names."""
        if len(numbers) > MAX_SHARED_NAMES:
            return numbers
        if len(self._shared) >= MAX_SHARED:
            self._shared.clear()
        shared = self._shared.setdefault(hash(numbers.tobytes()), numbers)
        return shared if shared == numbers else numbers


class _Minion:
    """One minion's names, below each prefix; *count* of them are different."""

    __slots__ = ("count", "groups", "period")

    def __init__(self, period: int) -> None:
        self.period = period
        self.groups: dict[str, _Group] = {}
        self.count = 0

    def turn(self, period: int) -> None:
        """Begin *period*; what was last seen before the one that ends is forgotten. Nothing is when it is earlier."""
        for _ in range(min(period - self.period, 2)):
            for group in self.groups.values():
                group.turn()
            self.groups = {prefix: group for prefix, group in self.groups.items() if group.before != (NONE, NONE)}
            self.count = sum(len(numbers) for group in self.groups.values() for numbers in group.before)
        self.period = period


class _Group:
    """The names below one prefix: of this period, shared and own, and of the one before.

    *shapes* are hashes of the last returns of which nothing was refused.
    """

    __slots__ = ("before", "own", "shapes", "shared")

    def __init__(self) -> None:
        self.shapes: tuple[int, ...] = ()
        self.shared = self.own = NONE
        self.before = (NONE, NONE)

    def has(self, number: int) -> bool:
        """Return whether a name was seen in this period."""
        return _in(self.shared, number) or _in(self.own, number)

    def had(self, number: int) -> bool:
        """Return whether a name was seen in the period before."""
        return _in(self.before[0], number) or _in(self.before[1], number)

    def add(self, numbers: Numbers, share: Callable[[Numbers], Numbers]) -> None:
        """Add names that it doesn't have."""
        if not self.shared:
            self.shared = share(numbers)
        elif self.own and len(numbers) <= FEW:
            for number in numbers:
                insort(self.own, number)
        else:
            self.own = array("q", sorted(self.own + numbers))

    def turn(self) -> None:
        """Begin a period."""
        self.before = (self.shared, self.own)
        self.shapes, self.shared, self.own = (), NONE, NONE


def _hash(name: str, prefix: str) -> int:
    return hash(name[len(prefix) + 1 :])


def _in(numbers: Numbers, number: int) -> bool:
    at = bisect_left(numbers, number)
    return at < len(numbers) and numbers[at] == number
