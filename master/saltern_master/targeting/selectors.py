"""Which of some minions one simple expression means: a glob, a list, a regular expression, a grain.

A selector takes a set of ids and returns those that it means, so that a compound target is operations on sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from itertools import islice
from typing import Any

import regex

from saltern.errors import TargetError
from saltern_master.targeting import pattern
from saltern_master.targeting.effort import Effort, Grains

Selector = Callable[[Set[str], Effort], Set[str]]

MAX_NAMES = 100_000
MAX_SPLITS = 16
# A minion's grains are what it claims: they must not make an honest expression dear.
MAX_MEMBERS = 1000
MAX_VALUE_CHARS = 4096

_WILD = frozenset("*?[")
_MISSING = object()


def selector(target: str, kind: str) -> Selector:
    """Return the selector of a target of a simple *kind*. Raises ``TargetError``."""
    return _KINDS[kind](target)


def _glob(target: str) -> Selector:
    if target == "*":
        return lambda minions, effort: minions
    if _WILD.isdisjoint(target):
        return lambda minions, effort: minions & {target}
    return _matching(pattern.glob(target))


def _list(target: str) -> Selector:
    if target.count(",") >= MAX_NAMES:
        raise TargetError(f"a list has at most {MAX_NAMES:,} names, not {target.count(',') + 1:,}")
    names = set(names_of(target))
    return lambda minions, effort: minions & names


def names_of(text: str) -> list[str]:
    """Return the names in a list as it is written, ``web1, web2``."""
    return [name for part in text.split(",") if (name := part.strip())]


def _pcre(target: str) -> Selector:
    return _matching(pattern.expression(target))


def _matching(compiled: regex.Pattern[str]) -> Selector:
    return lambda minions, effort: {minion for minion in minions if effort.matches(compiled, minion)}


class _Grain:
    """``name:value``, ``name:name:value`` …: keys may hold ``:`` too, so every split is tried, as Salt does."""

    def __init__(self, target: str, compiled: Callable[[str], regex.Pattern[str]]) -> None:
        colons = target.count(":")
        if not colons:
            raise TargetError(f"{target!r:.100} is not a grain target: write name:value, as in os:Debian")
        if colons > MAX_SPLITS:
            raise TargetError(f"{target!r:.100} has {colons} colons: a grain target has at most {MAX_SPLITS}")
        parts = target.split(":")
        self._splits = [(parts[:i], ":".join(parts[i:])) for i in range(1, len(parts))]
        self._compile = compiled
        self._patterns: dict[str, regex.Pattern[str] | None] = {self._splits[0][1]: compiled(self._splits[0][1])}

    def __call__(self, minions: Set[str], effort: Effort) -> Set[str]:
        return {minion for minion in minions if self._holds(effort.grains(minion), effort)}

    def _holds(self, grains: Grains, effort: Effort) -> bool:
        effort.check()
        for path, text in self._splits:
            node = _node(grains, path)
            if node is _MISSING:
                continue
            compiled = self._pattern(text)
            if compiled is not None and any(effort.matches(compiled, value) for value in _values(node)):
                return True
        return False

    def _pattern(self, text: str) -> regex.Pattern[str] | None:
        """Return the pattern of a split; ``None`` when it is none, as in the second split of ``os:(a:b)``.

        All but the first are compiled only when some minion has the grains for them.
        """
        if text not in self._patterns:
            try:
                self._patterns[text] = self._compile(text)
            except TargetError:
                self._patterns[text] = None
        return self._patterns[text]


def _node(grains: Any, path: list[str]) -> Any:
    for name in path:
        if not (isinstance(grains, Mapping) and name in grains):
            return _MISSING
        grains = grains[name]
    return grains


def _values(node: Any) -> Iterator[str]:
    """Yield what can be matched of a grain: itself, the members of a list, the keys of a map."""
    members = node if isinstance(node, (list, tuple, Mapping)) else [node]
    for member in islice(members, MAX_MEMBERS):
        if member is None or isinstance(member, (str, int, float)):
            yield str(member)[:MAX_VALUE_CHARS]


_KINDS: dict[str, Callable[[str], Selector]] = {
    "glob": _glob,
    "list": _list,
    "pcre": _pcre,
    "grain": lambda target: _Grain(target, lambda text: pattern.glob(text, ignore_case=True)),
    "grain_pcre": lambda target: _Grain(target, pattern.expression),
}
