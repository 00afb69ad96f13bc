"""Which of some minions one simple expression means: a glob, a list, a regular expression, a grain.

A selector takes a set of ids and returns those that it means, so that a compound target is operations on sets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from types import MappingProxyType

from saltern.errors import TargetError, TargetTooCostly
from saltern_master.targeting.addresses import Addresses
from saltern_master.targeting.effort import Effort
from saltern_master.targeting.nested import Compile, Nested
from saltern_master.targeting.pattern import Exact, Expression, Pattern, glob

Selector = Callable[[Set[str], Effort], Set[str]]

MAX_NAMES = 100_000

LETTERS: Mapping[str, str] = MappingProxyType(
    {
        "G": "grain",
        "P": "grain_pcre",
        "I": "pillar",
        "J": "pillar_pcre",
        "L": "list",
        "S": "ipcidr",
        "E": "pcre",
    }
)
"""The kinds of a compound target's words, but for nodegroups, which are other words."""
EXACT_LETTERS: Mapping[str, str] = MappingProxyType({**LETTERS, "I": "pillar_exact", "J": "pillar_exact"})
UNREAD = "pillar unread"
"""Pillar for someone who may not read it: compared exactly, so that nobody finds out a value sign by sign."""
UNREAD_LETTERS: Mapping[str, str] = MappingProxyType({**LETTERS, "I": UNREAD, "J": UNREAD})

Notes = list[str]
"""Takes a line for each part that is of no use, and means nobody."""


def selector(target: str, kind: str, delimiter: str, notes: Notes) -> Selector:
    """Return the selector of a target of a simple *kind*.

    Raises ``TargetError`` for one whose fault is the whole target's, where Salt resolves to nobody too.
    """
    if kind in _NESTED:
        return _nested(target, kind, delimiter, notes)
    return _KINDS[kind](target, notes)


def names_alone(target: str, kind: str) -> bool:
    """Return whether a target means minions by their names, or all of them: its selector makes no effort."""
    return kind == "list" or (kind == "glob" and (target == "*" or isinstance(glob(target), Exact)))


def names_of(text: str) -> list[str]:
    """Return the names in a list as it is written, ``web1,web2``. Raises ``TargetTooCostly``."""
    if text.count(",") >= MAX_NAMES:
        raise TargetTooCostly(f"a list has at most {MAX_NAMES:,} names, not {text.count(',') + 1:,}")
    return [name for name in text.split(",") if name]


def nobody(minions: Set[str], effort: Effort) -> Set[str]:
    """Mean nobody."""
    return frozenset()


def _glob(target: str, notes: Notes) -> Selector:
    if target == "*":
        return lambda minions, effort: minions
    if "," in target:
        notes.append(f"{target!r:.100} is one glob: use a list, -L or L@, for several ids")
    pattern = glob(target)
    if isinstance(pattern, Exact):
        return lambda minions, effort: minions & {target}
    return _matching(pattern)


def _list(target: str, notes: Notes) -> Selector:
    names = frozenset(names_of(target))
    return lambda minions, effort: minions & names


def _pcre(target: str, notes: Notes) -> Selector:
    return _matching(Expression(target))


def _matching(pattern: Pattern) -> Selector:
    return lambda minions, effort: frozenset(pattern.of(minions, effort))


def _nested(target: str, kind: str, delimiter: str, notes: Notes) -> Selector:
    compile_ = _NESTED[kind]
    of_pillar = kind.startswith("pillar")
    try:
        nested = Nested(target, delimiter, compile_)
        if compile_ is Expression:
            compile_(nested.last.lower())
    except TargetTooCostly:
        raise
    except TargetError as error:
        notes.append(str(error))
        if delimiter not in target:
            return nobody
    if kind == UNREAD and not _WILD.isdisjoint(nested.last):
        notes.append(f"{target!r:.100}: pillar is compared exactly for who may not run pillar.get on all these minions")
    return lambda minions, effort: nested.select(
        effort.known.pillar if of_pillar else effort.known.grains, minions, effort
    )


def _ipcidr(target: str, notes: Notes) -> Selector:
    try:
        return Addresses(target).select
    except TargetError as error:
        notes.append(str(error))
        return nobody


_KINDS: dict[str, Callable[[str, Notes], Selector]] = {
    "glob": _glob,
    "list": _list,
    "pcre": _pcre,
    "ipcidr": _ipcidr,
}
_NESTED: dict[str, Compile] = {
    "grain": glob,
    "grain_pcre": Expression,
    "pillar": glob,
    "pillar_pcre": Expression,
    "pillar_exact": Exact,
    UNREAD: Exact,
}
SIMPLE = (*_KINDS, *(kind for kind in _NESTED if kind != UNREAD))
_WILD = frozenset("*?[.+(|\\")
