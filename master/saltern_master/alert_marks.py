"""The worst state that alerts have about each minion, made of the engine's listing now and then.

A series about one minion marks that minion. What is about several together marks each of them, to who may see all of
these: ``shared`` says so apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from saltern_master.alerts.rule import CRIT, NODATA, OK, WARN
from saltern_master.annotations.places import Places

WORSE = {OK: 1, NODATA: 2, WARN: 3, CRIT: 4}
"""The order of states, as a fleet is looked over: that nothing is known comes before that all is well."""
MAX_REMEMBERED = 200_000
"""Series of which it is remembered whom they are about."""
NOBODY: frozenset[str] = frozenset()


class Mark(NamedTuple):
    """The worst *state* that isn't silenced, ``None`` where there is none; whether any is *silenced*."""

    state: str | None = None
    silenced: bool = False

    def with_state(self, state: str, *, silenced: bool) -> Mark:
        """Return the mark with one more series."""
        if silenced:
            return Mark(self.state, silenced=True)
        if self.state is None or WORSE.get(state, 0) > WORSE.get(self.state, 0):
            return Mark(state, self.silenced)
        return self


class Marks(NamedTuple):
    """The marks by minion of what is about one, and what is about several: whom, its state, whether silenced."""

    own: Mapping[str, Mark]
    shared: Sequence[tuple[frozenset[str], str, bool]]

    def seen(self, sees: Callable[[Iterable[str]], bool]) -> Mapping[str, Mark]:
        """Return the marks for who *sees* some minions: whether all of some is asked of it."""
        if not self.shared:
            return self.own
        found = dict(self.own)
        for minions, state, silenced in self.shared:
            if sees(minions):
                for minion in minions:
                    found[minion] = found.get(minion, Mark()).with_state(state, silenced=silenced)
        return found


class AlertMarks:
    """Makes ``Marks`` of what *listing* returns; *places* tells whom a series is about."""

    def __init__(self, listing: Callable[[], list[dict[str, Any]]], places: Places) -> None:
        """Any thread may ask *listing*."""
        self._listing = listing
        self._places = places
        self._about: dict[str, frozenset[str]] = {}
        self._minions: Sequence[str] = ()

    def look(self, minions: Sequence[str]) -> Marks:
        """Return the marks as they are now, of *minions*, all that are accepted. Takes a while: call it in a thread."""
        if minions != self._minions or len(self._about) > MAX_REMEMBERED:
            self._minions, self._about = minions, {}
        series = [one for rule in self._listing() for one in rule["series"]]
        about = self._about
        new = [str(one["series"]) for one in series if one["series"] not in about]
        about.update((name, minions or NOBODY) for name, minions in zip(new, self._places.whose(new), strict=True))
        own: dict[str, Mark] = {}
        shared: list[tuple[frozenset[str], str, bool]] = []
        for one in series:
            whose, state, silenced = about[one["series"]], one["state"], bool(one.get("silenced"))
            if len(whose) == 1:
                (minion,) = whose
                mark = own.get(minion)
                if mark is None or silenced or state != mark.state:
                    own[minion] = (mark or Mark()).with_state(state, silenced=silenced)
            elif whose:
                shared.append((whose, state, silenced))
        return Marks(own, shared)
