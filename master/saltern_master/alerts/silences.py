"""The silences in force: in ``<cachedir>/alerts.silences``, so that a restart ends none."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, KeysView, Mapping
from dataclasses import replace
from typing import NamedTuple

from saltern.errors import ArgumentError, Busy
from saltern_master.alerts.kept_records import KeptRecords
from saltern_master.alerts.parse import MAX_DURATION_S, RuleFault, seconds_of
from saltern_master.alerts.silence import Silence, read_silence
from saltern_master.annotations.places import Places

MAX_SILENCES = 1000
MAX_OF_ONE = 200
"""Made by one user."""
MAX_NAMES_OF_ONE = 100_000
"""Minions that one user's silences are confined to, all together: what one may take of the file is a share of it."""
MAX_BYTES = 64 * 1024 * 1024

REMEMBERED_S = 60.0
"""How long it is remembered which series are silenced: a minion that comes makes another of what a series is about."""
EXAMPLE = "a time like '2h', or epoch seconds to come"


class _Last(NamedTuple):
    """What was found of all *series* of an alert, good until a time of a clock that nobody sets."""

    silences: tuple[Silence, ...]
    series: frozenset[str]
    found: Mapping[str, Silence]
    until: float


class Silences:
    """Those of the file at *path*; *places* tells which minions a series is about, *clock* the time, epoch s."""

    def __init__(self, path: str, places: Places | None, clock: Callable[[], float]) -> None:
        self.kept = KeptRecords(path, "silences", lambda one: one.id, read_silence, Silence.written, MAX_BYTES)
        self._places = places
        self._clock = clock
        self._last: dict[str, _Last] = {}

    def load(self) -> None:
        """Read those of before. One that was made in what is the future by now lasts no longer than was asked for."""
        self.kept.load()
        now = self._clock()
        ahead = {key: one for key, one in self.kept.all.items() if one.lasting and one.at > now}
        if ahead:  # and saved, else the next start would begin it once more
            self.kept.take({**self.kept.all, **{key: _moved(one, now - one.at) for key, one in ahead.items()}})

    async def tend(self, set_s: float) -> None:
        """Forget those that are over, and move those of a duration by a clock that was set by *set_s* seconds."""
        if set_s:
            self.kept.take({key: _moved(one, set_s) for key, one in self.kept.all.items()})
        left = {one.id: one for one in self.active()}
        if len(left) < len(self.kept.all):
            self.kept.take(left)
        await self.kept.tend()

    def active(self) -> list[Silence]:
        """Return those that aren't over, the one that ends last first."""
        now = self._clock()
        return sorted((one for one in self.kept.all.values() if one.ends > now), key=lambda one: -one.ends)

    def of(self, alert: str, series: Collection[str]) -> dict[str, Silence]:
        """Return for those of some *series* of an *alert* that are silenced the silence that ends last."""
        mine = self._about(alert) if series else ()
        return self._found(mine, list(series)) if mine else {}

    def of_all(self, alert: str, series: KeysView[str]) -> Mapping[str, Silence]:
        """Return the same for all *series* of an *alert*, for who asks again and again while little changes."""
        mine = self._about(alert)
        if not mine:
            self._last.pop(alert, None)
            return {}
        last = self._last.get(alert)
        now = time.monotonic()
        if last is None or now >= last.until or last.silences != mine or last.series != series:
            found = self._found(mine, list(series))
            last = self._last[alert] = _Last(mine, frozenset(series), found, now + REMEMBERED_S)
        return last.found

    def _about(self, alert: str) -> tuple[Silence, ...]:
        return tuple(one for one in self.active() if one.means_alert(alert))

    def _found(self, mine: tuple[Silence, ...], names: list[str]) -> dict[str, Silence]:
        about: list[frozenset[str] | None] = [None] * len(names)
        if self._places is not None and any(one.asks_whose for one in mine):
            about = self._places.whose(names)
        found = {}
        for name, minions in zip(names, about, strict=True):
            silence = next((one for one in mine if one.means(name, minions)), None)
            if silence is not None:
                found[name] = silence
        return found

    async def add(
        self,
        by: str,
        reason: str,
        ends: str | float,
        *,
        alert: str,
        series: str,
        minion: str,
        within: frozenset[str] | None,
    ) -> Silence:
        """Make one, and return it. Raises ``ArgumentError``, ``Busy``, or ``CommandError`` when it can't be saved."""
        now = self._clock()
        lasting = isinstance(ends, str)
        until = _until(ends, now)
        active = self.active()
        his = [one for one in active if one.by == by]
        if len(active) >= MAX_SILENCES or len(his) >= MAX_OF_ONE:
            raise Busy(f"there are {MAX_SILENCES:,} silences at most, {MAX_OF_ONE} of one user: end some first")
        if sum(len(one.within or ()) for one in his) + len(within or ()) > MAX_NAMES_OF_ONE:
            raise Busy(f"one user's silences name {MAX_NAMES_OF_ONE:,} minions at most: end some first, or narrow it")
        name = f"s{secrets.token_hex(6)}"  # which no command line takes for a number
        silence = Silence(name, alert, series, minion, reason, by, now, until, lasting=lasting, within=within)
        await self.kept.put(silence)
        return silence

    def named(self, name: str) -> Silence | None:
        """Return the one called *name* that isn't over."""
        return next((one for one in self.active() if one.id == name), None)

    async def remove(self, silence: Silence) -> None:
        """End one. Raises ``CommandError`` when that can't be saved: it goes on then."""
        await self.kept.remove(silence.id)


def _until(ends: str | float, now: float) -> float:
    if isinstance(ends, str):
        try:
            until = now + seconds_of("ends", ends, low=1.0)
        except RuleFault as fault:
            raise ArgumentError(f"ends {fault}") from None
    else:
        until = float(ends)
    if not now < until <= now + MAX_DURATION_S:
        raise ArgumentError(f"ends must be {EXAMPLE}, within {MAX_DURATION_S / 86400:.0f} days, not {ends!r:.40}")
    return until


def _moved(silence: Silence, by_s: float) -> Silence:
    return replace(silence, at=silence.at + by_s, ends=silence.ends + by_s) if silence.lasting else silence
