"""``salt.utils.listdiffer``: what two lists of mappings differ in, by a key that each of them has."""

from __future__ import annotations

from typing import Any

from saltern_compat.utils.dictdiffer import recursive_diff


class ListDictDiffer:
    """Which mappings, by the value of *key*, were added, removed, changed and not changed."""

    def __init__(self, current_list: list[Any], next_list: list[Any], key: str) -> None:
        self._key = key
        self._old = {one[key]: one for one in current_list}
        self._new = {one[key]: one for one in next_list}

    @property
    def added(self) -> list[Any]:
        """Values of the key that only the next list has."""
        return [name for name in self._new if name not in self._old]

    @property
    def removed(self) -> list[Any]:
        """Values of the key that only the current list has."""
        return [name for name in self._old if name not in self._new]

    @property
    def diffs(self) -> list[dict[Any, Any]]:
        """The differences of each that is in both, added and removed ones whole."""
        found: list[dict[Any, Any]] = []
        for name in {**self._old, **self._new}:
            if name not in self._new:
                found.append({name: {"old": self._old[name], "new": "_null_"}})
            elif name not in self._old:
                found.append({name: {"old": "_null_", "new": self._new[name]}})
            elif inner := recursive_diff(self._old[name], self._new[name], ignore_missing_keys=False).diffs:
                found.append({name: inner})
        return found

    @property
    def changed(self) -> list[str]:
        """Paths of what changed: ``key.name.inner``."""
        both = [name for name in self._new if name in self._old]
        found = ((name, recursive_diff(self._old[name], self._new[name], ignore_missing_keys=False)) for name in both)
        return [f"{self._key}.{name}.{path}" for name, diff in found for path in diff.changed()]


def list_diff(list_a: list[Any], list_b: list[Any], key: str) -> ListDictDiffer:
    """Return what tells the differences of two lists of mappings."""
    return ListDictDiffer(list_a, list_b, key)
