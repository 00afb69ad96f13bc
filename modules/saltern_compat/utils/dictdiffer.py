"""``salt.utils.dictdiffer``: what two mappings differ in."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


class DictDiffer:
    """Which keys were added, removed, changed and not changed between *past_dict* and *current_dict*."""

    def __init__(self, current_dict: Mapping[Any, Any], past_dict: Mapping[Any, Any]) -> None:
        self.current_dict, self.past_dict = current_dict, past_dict
        self.set_current, self.set_past = set(current_dict), set(past_dict)
        self.intersect = self.set_current & self.set_past

    def added(self) -> Any:
        """Return the keys that only the current one has."""
        return self.set_current - self.intersect

    def removed(self) -> Any:
        """Return the keys that only the past one has."""
        return self.set_past - self.intersect

    def changed(self) -> Any:
        """Return the keys with other values."""
        return {key for key in self.intersect if self.past_dict[key] != self.current_dict[key]}

    def unchanged(self) -> Any:
        """Return the keys with the same values."""
        return {key for key in self.intersect if self.past_dict[key] == self.current_dict[key]}


def diff(current_dict: Mapping[Any, Any], past_dict: Mapping[Any, Any]) -> DictDiffer:
    """Return what tells the differences of two mappings."""
    return DictDiffer(current_dict, past_dict)


def deep_diff(old: Any, new: Any, ignore: Iterable[Any] | None = None) -> dict[str, Any]:
    """Return ``old`` and ``new``: what only one of two mappings has, however deep. Keys in *ignore* don't count."""
    skipped = set(ignore or ())

    def without(one: Any, other: Any) -> Any:
        made = {}
        for key, value in one.items():
            if key in skipped or (key in other and other[key] == value):
                continue
            if isinstance(value, Mapping) and isinstance(other.get(key), Mapping):
                value = without(value, other[key])
            made[key] = value
        return made

    found = {"old": copy.deepcopy(without(old, new)), "new": copy.deepcopy(without(new, old))}
    return {name: value for name, value in found.items() if value}


def recursive_diff(
    past_dict: Any, current_dict: Any, ignore_missing_keys: bool = True, list_dict_matchers: Any = None
) -> RecursiveDictDiffer:
    """Return what tells the differences of two mappings, however deep."""
    return RecursiveDictDiffer(past_dict, current_dict, ignore_missing_keys, list_dict_matchers or [])


class RecursiveDictDiffer(DictDiffer):
    """The differences of two mappings, however deep: ``diffs`` is ``{key: {'old': …, 'new': …}}``, or nested.

    *ignore_missing_keys*: what only the past one has is no difference. *list_dict_matchers*: keys by which mappings in
    lists are compared with each other. Keys in what methods return are written ``a.b``.
    """

    NONE_VALUE = "<_null_>"

    def __init__(
        self, past_dict: Any, current_dict: Any, ignore_missing_keys: bool = True, list_dict_matchers: Any = ()
    ) -> None:
        super().__init__(current_dict, past_dict)
        self._matchers = list(list_dict_matchers or ())
        self._ignore_missing = ignore_missing_keys
        self._diffs = self._compared(current_dict, past_dict)
        self.ignore_unset_values = True

    def _compared(self, new: Any, old: Any) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for key, value in new.items():
            if key not in old:
                made[key] = {"new": value, "old": self.NONE_VALUE}
            elif value != old[key]:
                if isinstance(value, dict) and isinstance(old[key], dict):
                    inner: Any = self._compared(value, old[key])
                elif isinstance(value, list) and isinstance(old[key], list):
                    inner = self._of_lists(value, old[key])
                else:
                    inner = None
                if inner is None:
                    made[key] = {"new": value, "old": old[key]}
                elif inner:
                    made[key] = inner
        if not self._ignore_missing:
            made.update({key: {"new": self.NONE_VALUE, "old": old[key]} for key in old if key not in new})
        return made

    def _of_lists(self, new: list[Any], old: list[Any]) -> dict[Any, Any] | None:
        every = [*new, *old]
        if not new or not old or not all(isinstance(one, dict) for one in every):
            return None
        key = next((matcher for matcher in self._matchers if all(matcher in one for one in every)), None)
        if key is None:
            return None
        before = {one[key]: one for one in old}
        found = {one[key]: self._compared(one, before[one[key]]) for one in new if one[key] in before}
        return {name: inner for name, inner in found.items() if inner}

    @property
    def diffs(self) -> dict[Any, Any]:
        """All differences."""
        return self._diffs

    @property
    def new_values(self) -> dict[Any, Any]:
        """The new values alone."""
        return self._values(self._diffs, "new")

    @property
    def old_values(self) -> dict[Any, Any]:
        """The old values alone."""
        return self._values(self._diffs, "old")

    @property
    def changes_str(self) -> str:
        """The differences in words, a line each."""
        return "\n".join(self._told(self._diffs))

    def _values(self, diffs: Mapping[Any, Any], kind: str) -> dict[Any, Any]:
        made = {}
        for key, value in diffs.items():
            if kind not in value:
                made[key] = self._values(value, kind)
            else:
                made[key] = value[kind]
        return made

    def _told(self, diffs: Mapping[Any, Any]) -> Iterator[str]:
        for key in sorted(diffs):
            if set(diffs[key]) == {"new", "old"}:
                yield f"{key} from {self._shown(diffs[key]['old'])} to {self._shown(diffs[key]['new'])}"
            elif lines := list(self._told(diffs[key])):
                yield f"{key}:"
                yield from (f"  {line}" for line in lines)

    def _shown(self, value: Any) -> Any:
        if isinstance(value, list):
            return f"'{', '.join(map(str, value))}'"
        return "nothing" if value == self.NONE_VALUE else f"'{value}'" if isinstance(value, str) else value

    def _named(self, wanted: str, separator: str, diffs: Mapping[Any, Any] | None = None, above: str = "") -> list[str]:
        found = []
        for key, value in (self._diffs if diffs is None else diffs).items():
            if not (isinstance(value, dict) and set(value) == {"new", "old"}):
                found += self._named(wanted, separator, value, f"{above}{key}{separator}")
                continue
            gone, came = value["new"] == self.NONE_VALUE, value["old"] == self.NONE_VALUE
            kind = "added" if came else "removed" if gone else "changed"
            if kind == wanted:
                found.append(f"{above}{key}")
            elif kind == "changed" and wanted in ("added", "removed"):
                side, other = ("new", "old") if wanted == "added" else ("old", "new")
                if isinstance(value[side], dict) and not isinstance(value[other], dict):
                    found += [f"{above}{key}{separator}{inner}" for inner in value[side]]
        return found

    def added(self, include_nested: bool = False, separator: str = ".") -> list[str]:
        """Return the keys that were added; with *include_nested* those in added mappings too."""
        return sorted([*self._named("added", separator), *self._below("old", "new", include_nested, separator)])

    def removed(self, include_nested: bool = False, separator: str = ".") -> list[str]:
        """Return the keys that were removed; with *include_nested* those in removed mappings too."""
        return sorted([*self._named("removed", separator), *self._below("new", "old", include_nested, separator)])

    def changed(self, separator: str = ".") -> list[str]:
        """Return the keys with other values."""
        extra = [] if self.ignore_unset_values else [*self._named("added", "."), *self._named("removed", ".")]
        return sorted([*self._named("changed", separator), *extra])

    def unchanged(self, separator: str = ".") -> list[str]:
        """Return the keys with the same values."""

        def same(new: Any, old: Any, above: str = "") -> Iterator[str]:
            for key in new:
                if key not in old:
                    continue
                if isinstance(new[key], dict) and isinstance(old[key], dict):
                    yield from same(new[key], old[key], f"{above}{key}{separator}")
                elif new[key] == old[key]:
                    yield f"{above}{key}"

        return sorted(same(self.current_dict, self.past_dict))

    def _below(self, absent: str, there: str, wanted: bool, separator: str) -> Iterator[str]:
        def go(value: Any, above: str) -> Iterator[str]:
            for key, inner in value.items() if isinstance(value, dict) else ():
                yield f"{above}{separator}{key}"
                yield from go(inner, f"{above}{separator}{key}")

        def find(diffs: Mapping[Any, Any], above: str = "") -> Iterator[str]:
            for key, value in diffs.items():
                if set(value) != {"new", "old"}:
                    yield from find(value, f"{above}{key}{separator}")
                elif value[absent] == self.NONE_VALUE:
                    yield from go(value[there], f"{above}{key}")

        return find(self._diffs) if wanted else iter(())
