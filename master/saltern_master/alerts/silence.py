"""A silence: whose series tell no scripts, webhooks or charts, until when, by whom and why."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from saltern.errors import ArgumentError

EVERY = "*"
MAX_GLOB_CHARS = 512
MAX_TEXT_CHARS = 1000
_UNSHOWN = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
"""Signs that steer a terminal, and halves of signs, which no file can hold."""


@dataclass(frozen=True, slots=True)
class Silence:
    """*alert*, *series* and *minion* are globs, and all of them must match; times in epoch seconds.

    *lasting*: it was asked for as a duration, and moves with a clock that is set. *within*: the minions that whoever
    made it could see, when he couldn't see all: it is for series about these alone.
    """

    id: str
    alert: str
    series: str
    minion: str
    reason: str
    by: str
    at: float
    ends: float
    lasting: bool = False
    within: frozenset[str] | None = None

    @property
    def asks_whose(self) -> bool:
        """Whether it depends on the minions that a series is about."""
        return self.minion != EVERY or self.within is not None

    def means_alert(self, alert: str) -> bool:
        """Return whether it is for some series of this alert."""
        return matcher(self.alert)(alert)

    def means(self, series: str, minions: frozenset[str] | None) -> bool:
        """Return whether it is for *series* of such an alert, which is about *minions*; ``None``: it can't be told.

        A series about several minions is meant when all of them are.
        """
        if self.asks_whose:
            if not minions or not all(map(matcher(self.minion), minions)):
                return False
            if self.within is not None and not minions <= self.within:
                return False
        return matcher(self.series)(series)

    def shown(self) -> dict[str, Any]:
        """Return it as ``alerts.silences`` shows it."""
        names = ("id", "alert", "series", "minion", "reason", "by", "at", "ends")
        return {**{name: getattr(self, name) for name in names}, "confined": self.within is not None}

    def written(self) -> dict[str, Any]:
        """Return it as a file holds it."""
        within = None if self.within is None else sorted(self.within)
        return {name: getattr(self, name) for name in Silence.__slots__} | {"within": within}


def read_silence(saved: Mapping[str, Any]) -> Silence:
    """Return the silence that a file holds. Raises ``ValueError``, ``TypeError``, ``KeyError``."""
    texts = {name: str(saved[name]) for name in ("id", "alert", "series", "minion", "reason", "by")}
    within: Collection[Any] | None = saved["within"]
    return Silence(
        **texts,
        at=float(saved["at"]),
        ends=float(saved["ends"]),
        lasting=bool(saved["lasting"]),
        within=None if within is None else frozenset(map(str, within)),
    )


def check_glob(glob: str) -> str:
    """Return *glob* if it can be one of a silence, or of a search. Raises ``ArgumentError``."""
    if not glob or len(glob) > MAX_GLOB_CHARS or _UNSHOWN.search(glob):
        raise ArgumentError(f"a glob has 1 to {MAX_GLOB_CHARS} characters in one line, not {glob!r:.60}")
    return glob


def check_text(text: str) -> str:
    """Return a comment as it is kept: in one line. Raises ``ArgumentError`` when it is too long."""
    if len(text) > MAX_TEXT_CHARS:
        raise ArgumentError(f"a reason or comment has {MAX_TEXT_CHARS:,} characters at most, not {len(text):,}")
    return " ".join(_UNSHOWN.sub(" ", text).split())


@lru_cache(4096)
def matcher(glob: str) -> Callable[[str], bool]:
    """Return what tells whether *glob* means a text."""
    # What Python makes of a glob tries no star a second time, so that no glob takes long.
    match = re.compile(fnmatch.translate(glob)).match
    return lambda text: match(text) is not None
