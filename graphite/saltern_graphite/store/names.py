"""The names of all metrics seen by this process, each with a number.

Points are carried, logged and cached under these numbers: four bytes instead of a text. A metric keeps its number for
the life of the process. A name costs one dictionary look-up for each point; only one not met before, or one that is to
be announced again, is checked, spelled and numbered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from saltern_graphite.rules.metric_name import BadName, canonical

MAX_OTHERS = 100_000
"""Other spellings, and refused names, that are remembered; beyond that they are forgotten and looked at again."""

Ids = npt.NDArray[np.uint32]


class Refusals:
    """Counts refused points by cause, and keeps one name of each."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.samples: dict[str, str] = {}

    def add(self, cause: str, name: str, points: int = 1) -> None:
        """Count *points* refused because of *cause*; *name* is kept if it is the first."""
        self.counts[cause] = self.counts.get(cause, 0) + points
        self.samples.setdefault(cause, name)


class Names:
    """Numbers names from 0 on. One thread adds; any may ask for :meth:`find`, :meth:`name` and ``len``.

    *refuse* may turn down a canonical name by returning a cause, such as a deny list does.
    """

    def __init__(self, refuse: Callable[[str], str | None] = lambda name: None) -> None:
        self.on_new: Callable[[str], None] = lambda name: None
        """Called with every canonical name that is given a number, or comes after :meth:`announce_again`."""
        self.on_many_new: Callable[[Sequence[str]], None] = lambda names: None
        """Called, instead, with those of :meth:`add_all`."""
        self._refuse = refuse
        self._names: list[str] = []
        self._ids: dict[str, int] = {}
        self._others: list[str] = []
        self._refused: dict[str, str] = {}
        self._resting: dict[str, int] = {}  # to be announced when they come
        self._following = 0  # the number behind that of the last name of the last many
        self._lock = threading.Lock()  # of changes to the tables

    def __len__(self) -> int:
        return len(self._names)

    def name(self, number: int) -> str:
        """Return the canonical name with this *number*."""
        return self._names[number]

    def find(self, name: str) -> int | None:
        """Return the number of a canonical *name*, ``None`` if it was never seen."""
        for table in (self._ids, self._resting, self._ids):  # it may be on its way back from the second
            if (number := table.get(name)) is not None:
                return number
        return None

    def awake(self) -> list[str]:
        """Return all canonical names but those that wait to be announced again. For any thread."""
        return [name for name in self.of(range(len(self._names))) if name not in self._resting]

    def announce_again(self, names: Iterable[str]) -> None:
        """Have :attr:`on_new` called for canonical *names* when they come next; unknown ones are anyway.

        For any thread. It costs nothing until then: they are out of the table that each point's name is looked up in.
        """
        with self._lock:
            known = {name: number for name in names if (number := self._ids.get(name)) is not None}
            self._resting.update(known)
            for name in known:
                del self._ids[name]
            numbers = set(known.values())
            others = [raw for raw in self._others if self._ids.get(raw) in numbers]
            for raw in others:
                del self._ids[raw]
            if others:
                self._others = [raw for raw in self._others if raw in self._ids]

    def of(self, numbers: Iterable[int]) -> list[str]:
        """Return the canonical names with these *numbers*."""
        return list(map(self._names.__getitem__, numbers))

    def numbers(self, names: Sequence[str], refusals: Refusals) -> tuple[Ids, npt.NDArray[np.bool_] | None]:
        """Return the number of each name, and a mask of those that are good, ``None`` if all are.

        A refused name is counted in *refusals* and has number 0 behind the mask.
        """
        try:
            return np.fromiter(map(self._ids.__getitem__, names), np.uint32, len(names)), None
        except KeyError:
            pass
        found = [self._number(name, refusals) for name in names]
        good = np.array([number is not None for number in found], dtype=np.bool_)
        numbers = np.array([number or 0 for number in found], dtype=np.uint32)
        return numbers, None if good.all() else good

    def add(self, name: str) -> int:
        """Return the number of a canonical *name*, a new one if it was never seen."""
        return self._add(name, name)

    def add_all(self, names: list[str]) -> Ids:
        """Return the numbers of canonical *names*, new ones for those that were never seen.

        Quickest where they follow those of the last call as they did before.
        """
        begin, end = self._following, self._following + len(names)
        if not self._resting and self._names[begin:end] == names:
            self._following = end
            return np.arange(begin, end, dtype=np.uint32)
        found: list[int | None] = list(map(self._ids.get, names))
        if None in found:
            new: list[str] = []
            with self._lock:
                for place, name in enumerate(names):
                    if found[place] is None:
                        number = self._ids.get(name)  # by another thread, or above
                        if number is None:
                            number = self._number_new(name)
                            new.append(name)
                        found[place] = number
            self.on_many_new(new)
        numbers = np.array(found, np.uint32)
        self._following = int(numbers[-1]) + 1 if len(numbers) else 0
        return numbers

    def check_again(self) -> None:
        """Ask *refuse* again about every name: its rules have changed."""
        self._refused.clear()
        with self._lock:
            self._forget_others()
            for name in [name for name in self._ids if self._refuse(name) is not None]:
                del self._ids[name]

    def _number(self, raw: str, refusals: Refusals) -> int | None:
        number = self._ids.get(raw)
        if number is not None:
            return number
        cause = self._refused.get(raw)
        if cause is None:
            try:
                name = canonical(raw)
                cause = None if name in self._ids else self._refuse(name)
            except BadName as bad:
                cause = bad.cause
        if cause is not None:
            if len(self._refused) >= MAX_OTHERS:
                self._refused.clear()
            self._refused[raw] = cause
            refusals.add(cause, raw)
            return None
        return self._add(name, raw)

    def _add(self, name: str, raw: str) -> int:
        """Return the number of a canonical *name*, spelled *raw* here; tell of it if it is new or was resting."""
        with self._lock:
            number = self._ids.get(name)
            new = number is None
            if number is None:
                number = self._number_new(name)
            if raw != name:
                self._remember_spelling(raw, number)
        if new:
            self.on_new(name)
        return number

    def _number_new(self, name: str) -> int:
        """Return the number of a canonical *name* that is new, or was resting; the lock is ours."""
        number = self._resting.get(name, len(self._names))
        if number == len(self._names):
            self._names.append(name)
        self._ids[name] = number  # before it is out of the other table
        self._resting.pop(name, None)
        return number

    def _remember_spelling(self, raw: str, number: int) -> None:
        if len(self._others) >= MAX_OTHERS:
            self._forget_others()
        self._others.append(raw)
        self._ids[raw] = number

    def _forget_others(self) -> None:
        for raw in self._others:
            self._ids.pop(raw, None)
        self._others.clear()
