"""``key:key:value`` held against grains or pillar, by Salt's rules.

Every point at which the expression can be parted is tried, the longest path first, so a value may hold the delimiter.
A path leads through maps by key, and through lists by index or by the first map in them that has the key. What it
leads to is compared in lower case as text:

* a scalar as a whole;
* a list by its members, of which a map is looked into as below;
* a map by its keys, and by the rest of the expression as one of its own, parted by ``:``. The rest ``*`` is any map,
  ``*:rest`` is looked for in the map's values too.

``*`` in the place of the first key means all that is known of the minion. What isn't there, ``{}`` and ``[]`` never
match. A secret's text is ``***``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from itertools import islice
from typing import Any

from saltern.arguments import parse_value
from saltern.errors import TargetError, TargetTooCostly
from saltern_master.targeting.effort import Effort, Holds
from saltern_master.targeting.facts import MAX_MEMBERS, MAX_VALUE_CHARS, Every, Facts, text_of
from saltern_master.targeting.pattern import Pattern

MAX_SPLITS = 16
DELIMITER = ":"
ANY = "*"
_DEEPER = "*:"
_MISSING = object()

Compile = Callable[[str], Pattern]


class Nested:
    """One expression. It is compiled once, as far as any minion's data asks for it."""

    def __init__(self, text: str, delimiter: str, compile_: Compile) -> None:
        """Raises ``TargetError`` for what is no expression at all: it has no delimiter, or too many of them."""
        splits = text.count(delimiter)
        if not splits:
            raise TargetError(
                f"{text!r:.100} has no value: write name{delimiter:.20}value, as in os{delimiter:.20}Debian"
            )
        if splits > MAX_SPLITS:
            raise TargetTooCostly(f"{text!r:.100} has {splits} times {delimiter!r:.20}: {MAX_SPLITS} are allowed")
        parts = text.split(delimiter)
        self.name = parts[0]
        self._splits = [(parts[1:at], delimiter.join(parts[at:])) for at in range(splits, 0, -1)]
        self._compile = compile_
        self._values: dict[str, _Value] = {}
        self._text = text
        self.last = self._splits[-1][1]
        """What stands behind the first key."""
        self._by_index = splits > 1 and _index(parts[1]) is not None

    def select(self, facts: Facts, minions: Set[str], effort: Effort) -> Set[str]:
        """Return those of *minions* whose *facts* match."""
        found: set[str] = set()
        if self.name == ANY:
            rest, seen = self._value(self._text), _Seen()
            every = facts.every(minions)
            found.update(rest.in_columns(every, effort))
            for data, ids in every.others:
                if data and rest.in_map(data, effort, seen):
                    found.update(ids)
            if every.ids and (below := rest.below()):
                found |= below.select(facts, minions, effort)
        texts, boxes = facts.values(self.name, minions)
        last = self._value(self.last).pattern if texts and self.name != ANY else None
        if last is not None:
            found.update(*(texts[text] for text in last.of(texts, effort)))
        for value, ids in boxes:
            if self.holds(value, effort):
                found.update(ids)
        if self._by_index:
            for data, ids in facts.whole(minions):
                if isinstance(data.get(self.name), list) and self.holds(data[self.name], effort):
                    found.update(ids)
        return minions & found

    def holds(self, value: Any, effort: Effort) -> bool:
        """Return whether what stands under the first key matches the rest."""
        effort.check()
        for path, text in self._splits:
            if not path and self.name == ANY:
                continue
            node = _node(value, path)
            if node is not _MISSING and node != {} and self._value(text).matches(node, effort):
                return True
        return False

    def holds_all(self, data: Mapping[str, Any], effort: Effort) -> bool:
        """Return whether a map as a whole matches."""
        if self.name == ANY and data and self._value(self._text).in_map(data, effort):
            return True
        value = _node(data, [self.name])
        return value is not _MISSING and self.holds(value, effort)

    def _value(self, text: str) -> _Value:
        if text not in self._values:
            self._values[text] = _Value(text, self._compile)
        return self._values[text]


class _Value:
    """What is left of an expression after a path."""

    def __init__(self, text: str, compile_: Compile) -> None:
        self._deeper = text.startswith(_DEEPER)
        self._text = text.removeprefix(_DEEPER)
        self._compile = compile_
        self.pattern = _compiled(text, compile_)
        self._key = _compiled(self._text, compile_) if self._deeper else self.pattern
        self._below: Nested | None = None
        self._next: _Value | None = None
        self._known = False

    def matches(self, node: Any, effort: Effort) -> bool:
        """Return whether a value is what is looked for, or holds it: a map below it, a list among its members."""
        if isinstance(node, Mapping):
            return self.in_map(node, effort)
        whole = effort.holds(self.pattern)
        if isinstance(node, (list, tuple)):
            return any(
                (isinstance(member, Mapping) and self.in_map(member, effort)) or _holds(whole, member)
                for member in islice(node, MAX_MEMBERS)
            )
        return _holds(whole, node)

    def in_map(self, node: Mapping[Any, Any], effort: Effort, seen: _Seen | None = None) -> bool:
        """Return whether a map matches; *seen* remembers for other maps what was found out."""
        if self._text == ANY or self._text in node:
            return True
        key = effort.holds(self._key)
        seen = seen or _Seen()
        if seen.names(node, key):
            return True
        below = self.below()
        if below is not None and below.holds_all(node, effort):
            return True
        return self._deeper and self._deeper_in(node, key, effort, seen)

    def in_columns(self, every: Every, effort: Effort) -> Set[str]:
        """Return whose names or values match, of all that is known by name: what ``in_map`` finds but for ``below``."""
        if self._text == ANY:
            return set(every.ids)
        found: set[str] = set()
        key = effort.holds(self._key)
        for name, (texts, boxes) in every.columns.items():
            effort.check()
            if name == self._text or _holds(key, name):
                found.update(*(texts[text] for text in texts), *(ids for _, ids in boxes))
                continue
            if not self._deeper:
                continue
            if self._key is not None:
                found.update(*(texts[text] for text in self._key.of(texts, effort)))
            for value, ids in boxes:
                effort.check()
                if self._one_down(value, key, effort):
                    found.update(ids)
        return found

    def _deeper_in(self, node: Mapping[Any, Any], key: Holds | None, effort: Effort, seen: _Seen) -> bool:
        effort.check()
        known = seen.texts
        for value in islice(node.values(), MAX_MEMBERS):
            if type(value) is str:
                matches = known.get(value)
                if matches is None:
                    matches = known[value] = _holds(key, value)
            else:
                matches = self._one_down(value, key, effort)
            if matches:
                return True
        return False

    def _one_down(self, value: Any, key: Holds | None, effort: Effort) -> bool:
        if isinstance(value, Mapping):
            if self._next is None:
                self._next = _Value(self._text, self._compile)
            return self._next.in_map(value, effort)
        if isinstance(value, list):
            return any(_holds(key, member) for member in islice(value, MAX_MEMBERS))
        return _holds(key, value)

    def below(self) -> Nested | None:
        """Return the rest as an expression for the map's own keys; ``None`` when it is none."""
        if not self._known:
            self._known = True
            if 0 < self._text.count(DELIMITER) <= MAX_SPLITS:
                self._below = Nested(self._text, DELIMITER, self._compile)
        return self._below


class _Seen:
    """Which texts, and which maps by their keys, a pattern was found to match."""

    def __init__(self) -> None:
        self.texts: dict[str, bool] = {}
        self._names: dict[tuple[Any, ...], bool] = {}

    def names(self, node: Mapping[Any, Any], key: Holds | None) -> bool:
        """Return whether one of a map's keys matches."""
        names = tuple(islice(node, MAX_MEMBERS))
        found = self._names.get(names)
        if found is None:
            found = self._names[names] = any(_holds(key, name) for name in names)
        return found


def _compiled(text: str, compile_: Compile) -> Pattern | None:
    """Return the pattern of a part; ``None`` when it is none, as the second part of ``os:(a:b)``."""
    try:
        return compile_(text.lower())
    except TargetError:
        return None


def _holds(pattern: Holds | None, value: Any) -> bool:
    if pattern is None:
        return False
    text = text_of(value)
    return text is not None and bool(pattern(text))


def _node(node: Any, path: Iterable[str]) -> Any:
    """Return what stands below *node* at the end of *path*."""
    for name in path:
        if isinstance(node, list):
            node = _in_list(node, name)
        elif isinstance(node, Mapping):
            node = node[name] if name in node else _by_number(node, name)
        else:
            return _MISSING
        if node is _MISSING:
            return _MISSING
    return node


def _in_list(node: list[Any], name: str) -> Any:
    """Return the value of *name* in the first map of a list that has it, else the member with that index."""
    index = _index(name)
    key: Any = name if index is None else index
    for member in islice(node, MAX_MEMBERS):
        if isinstance(member, Mapping) and key in member:
            return member[key]
    if index is not None and -len(node) <= index < len(node):
        return node[index]
    return _MISSING


def _index(name: str) -> int | None:
    """Return the number that *name* is."""
    try:
        return int(name)
    except ValueError:
        return None


def _by_number(node: Mapping[Any, Any], name: str) -> Any:
    """Return the value of the key that isn't a text but is written like *name*: ``8080``, ``true``."""
    if all(isinstance(key, str) for key in islice(node, MAX_MEMBERS)):
        return _MISSING
    key = parse_value(name[:MAX_VALUE_CHARS])
    return _MISSING if isinstance(key, (dict, list)) else node.get(key, _MISSING)
