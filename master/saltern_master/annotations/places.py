"""Which minions a series is about: ``metric_pattern`` read backwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from saltern.metric_segment import owner

MAX_PLACES = 40
SUBJECT = "minion:"
"""What a tag begins with that says which minion an event is about; the store knows it too."""
_SEGMENT = r"([A-Za-z0-9_\-:%#@+=]+)"
_PLACEHOLDER = re.compile(r"\[[^\]]*\]")
_FUNCTION = re.compile(r"[A-Za-z][A-Za-z0-9]*\(")
_BETWEEN = re.compile(r"[(),\s]+")
_CONSTANT = re.compile(r"-?[0-9]+(?:\.[0-9]+)?|(['\"])-?[0-9]+[a-z]*\1|true|false|")
_NAME = re.compile(r"[A-Za-z0-9_\-:%#@+=.]+")
MAX_SERIES_CHARS = 65536


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
        segments = list(dict.fromkeys(self._pattern.findall(series[:MAX_SERIES_CHARS])))[:MAX_PLACES]
        ids = {owner(minion): minion for minion in self._minions()} if segments else {}
        return [ids.get(segment, segment) for segment in segments]

    def whose(self, series: Sequence[str]) -> list[frozenset[str] | None]:
        """Return for each of some *series* the minions that it is about, all of them; ``None``: it can't be told.

        That is so of a name with anything in it but names made by the pattern, functions around them and numbers: of
        an alias, of a glob, and of what another Carbon sender named.
        """
        ids = {owner(minion): minion for minion in self._minions()} if series else {}
        return [self._about(one, ids) for one in series]

    def _about(self, series: str, ids: Mapping[str, str]) -> frozenset[str] | None:
        if self._pattern is None or len(series) > MAX_SERIES_CHARS:
            return None
        found = set()
        for word in _BETWEEN.split(_FUNCTION.sub("(", series)):
            if _CONSTANT.fullmatch(word):
                continue
            place = self._pattern.match(word) if _NAME.fullmatch(word) else None
            minion = ids.get(place[1]) if place is not None else None
            if minion is None:
                return None
            found.add(minion)
        return frozenset(found) or None

    def subjects(self, series: str) -> list[str]:
        """Return the tags that say of an event which minions it is about, all of them; none where it can't be told."""
        (minions,) = self.whose([series])
        return sorted(f"{SUBJECT}{owner(minion)}" for minion in minions or ())

    def words(self, minion_id: str) -> list[str]:
        """Return the tags of a minion: its id, and its name in metrics when that is another."""
        return list(dict.fromkeys((minion_id, owner(minion_id))))
