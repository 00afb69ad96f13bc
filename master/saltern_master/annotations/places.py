"""Which minions a series is about: ``metric_pattern`` read backwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from saltern.metric_segment import owner

MAX_PLACES = 40
_SEGMENT = r"([A-Za-z0-9_\-:%#@+=]+)"
_PLACEHOLDER = re.compile(r"\[[^\]]*\]")


class Places:
    """Finds the minions of names made by *pattern*, of which *minions* tells the ids at any time."""

    def __init__(self, pattern: str, minions: Callable[[], Iterable[str]]) -> None:
        """A pattern without ``[minion_id]`` finds none."""
        before, found, _ = pattern.partition("[minion_id]")
        fixed = _PLACEHOLDER.split(before)
        wanted = r"[^.()]+".join(re.escape(part) for part in fixed)
        self._pattern = re.compile(rf"(?<![\w.\-]){wanted}{_SEGMENT}(?=[.)]|$)") if found else None
        self._minions = minions

    def of(self, series: str) -> list[str]:
        """Return the ids of the minions in the name of a *series*, a function's around it too: up to 40.

        A segment in a minion's place that is none's is returned as it is: a host that another Carbon sender names.
        """
        if self._pattern is None:
            return []
        segments = list(dict.fromkeys(self._pattern.findall(series[:65536])))[:MAX_PLACES]
        ids = {owner(minion): minion for minion in self._minions()} if segments else {}
        return [ids.get(segment, segment) for segment in segments]

    def words(self, minion_id: str) -> list[str]:
        """Return the tags of a minion: its id, and its name in metrics when that is another."""
        return list(dict.fromkeys((minion_id, owner(minion_id))))
