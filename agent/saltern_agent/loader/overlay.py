"""One mapping of several, the first of which takes what is written."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

_GONE = object()
_HOLDERS = (dict, list, set)


class Overlay(MutableMapping[Any, Any]):
    """*top*, and below it *live*, which is the same reader's, and what others have too: *before* that and *after* it.

    Nothing of others' is ever changed, nor within it: a holder of other values is copied to the top when it is read,
    for its reader may change it.
    """

    __slots__ = ("_after", "_live", "_top", "before")

    def __init__(
        self, top: dict[Any, Any], before: Mapping[Any, Any], live: Mapping[Any, Any], after: Mapping[Any, Any]
    ) -> None:
        self._top = top
        self.before = before
        self._live = live
        self._after = after

    def __getitem__(self, key: Any) -> Any:
        if key in self._top:
            found = self._top[key]
        elif key in self.before:
            found = self._copied(key, self.before[key])
        elif key in self._live:
            found = self._live[key]
        else:
            found = self._copied(key, self._after[key])
        if found is _GONE:
            raise KeyError(key)
        return found

    def __setitem__(self, key: Any, value: Any) -> None:
        self._top[key] = value

    def __delitem__(self, key: Any) -> None:
        if key not in self:
            raise KeyError(key)
        self._top[key] = _GONE

    def __contains__(self, key: object) -> bool:
        if key in self._top:
            return self._top[key] is not _GONE
        return key in self.before or key in self._live or key in self._after

    def __iter__(self) -> Iterator[Any]:
        layers = (self._after, self._live, self.before, self._top)
        seen = {key: None for layer in layers for key in list(layer)}
        return iter([key for key in seen if self._top.get(key) is not _GONE])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))

    def _copied(self, key: Any, found: Any) -> Any:
        return self._top.setdefault(key, copy.deepcopy(found)) if isinstance(found, _HOLDERS) else found
