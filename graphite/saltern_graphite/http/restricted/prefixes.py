"""Which series a restricted request sees: those at or below some places in the tree of names.

A place is written as a name's beginning, ``saltern.web01``: it stands for itself and all below it. ``*`` in an element
is any run of characters, so ``stats.*.web01`` is below every element that has a ``web01``. Of a tagged series the name
before its tags counts.

The places are a tree of their own, walked beside that of the index: a thousand hosts are a thousand look-ups, however
many metrics they have, and what is cut out shares all that it shows with the index.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from saltern.errors import GraphiteError
from saltern_graphite.index.branch import SELF, Branch, Frozen
from saltern_graphite.index.globs import Glob, compile_glob
from saltern_graphite.index.match import Names
from saltern_graphite.index.tree import Index

MAX_PLACES = 50_000
MAX_ELEMENTS = 32
_ELEMENT = re.compile(r"(?:[^\s\x00-\x1f\x7f.*?\[\]{}\\/;]|\*(?!\*))+")
"""Of wildcards ``*`` alone: nothing else may be meant by what a host is called."""
_BEHIND_TAGS = "<"
"""Greater than the dot and the semicolon that may follow a name's beginning."""


class _Place:
    """What may follow a beginning of names; ``whole``: all that does."""

    __slots__ = ("named", "whole", "wild")

    def __init__(self) -> None:
        self.whole = False
        self.named: dict[str, _Place] = {}
        self.wild: dict[str, tuple[Glob, _Place]] = {}

    def child(self, element: str) -> _Place:
        """Return the place of *element* below, made if need be."""
        if "*" not in element:
            return self.named.setdefault(element, _Place())
        return self.wild.setdefault(element, (compile_glob(element), _Place()))[1]


class Prefixes:
    """Places in the tree of names. Any thread may ask."""

    def __init__(self, places: Iterable[str]) -> None:
        """Raises ``GraphiteError`` for what is none, and for too many."""
        self._top = _Place()
        for count, written in enumerate(places):
            if count >= MAX_PLACES:
                raise GraphiteError(f"a request may see {MAX_PLACES} places, no more")
            elements = written.split(".")
            if len(elements) > MAX_ELEMENTS or not all(map(_ELEMENT.fullmatch, elements)):
                raise GraphiteError(f"{written[:200]!r} is no place of metrics: write it as saltern.web01")
            place = self._top
            for element in elements:
                place = place.child(element)
            place.whole = True

    def __bool__(self) -> bool:
        """Return whether there is any place."""
        return bool(self._top.named or self._top.wild)

    def allows(self, name: str) -> bool:
        """Return whether the series *name*, tagged or not, is at or below one of the places."""
        reached = [self._top]
        for element in name.partition(";")[0].split("."):
            reached = _further(reached, element)
            if any(place.whole for place in reached):
                return True
        return False

    def cut(self, root: Branch) -> Branch:
        """Return what an index with the branches *root* would be if it held nothing else."""
        return _cut(root, [self._top], {})

    @property
    def span(self) -> tuple[str, str] | None:
        """From where, and to before where, all series are that these places allow, tagged or not, by text.

        ``None``: anywhere.
        """
        elements: list[str] = []
        place = self._top
        while not place.whole and not place.wild and len(place.named) == 1:
            element, place = next(iter(place.named.items()))
            elements.append(element)
        beginning = ".".join(elements)
        return (beginning, beginning + _BEHIND_TAGS) if beginning else None


class RestrictedNames(Names):
    """What of *index* is at *prefixes*, cut out when it is first asked for: of one request, in one thread at a time."""

    def __init__(self, index: Index, prefixes: Prefixes) -> None:
        self._index = index
        self._prefixes = prefixes

    @cached_property
    def root(self) -> Branch:
        """The branch that holds all that is seen."""
        return self._prefixes.cut(self._index.root)


def _further(places: list[_Place], element: str) -> list[_Place]:
    """Return where *element* leads to from *places*."""
    found: list[_Place] = []
    for place in places if element else ():
        if (named := place.named.get(element)) is not None:
            found.append(named)
        found += [below for glob, below in place.wild.values() if _fits(glob, element)]
    return found


def _fits(glob: Glob, element: str) -> bool:
    return glob.expression is None or glob.expression.match(element) is not None


_Cut = dict[tuple[int, ...], tuple[Branch, Branch]]
"""What was cut out of a branch, by its identity and that of the places; the branch too, so that it stays the same."""


def _cut(branch: Branch, places: list[_Place], known: _Cut) -> Branch:
    key = (id(branch), *map(id, places))
    if key in known:
        return known[key][1]
    kept: Branch = {}
    for name, below in _candidates(branch, places):
        further = _further(places, name)
        if any(place.whole for place in further):
            kept[name] = below
        elif further and below is not None and (part := _cut(below, further, known)):
            kept[name] = part
    known[key] = branch, kept
    return kept


def _candidates(branch: Branch, places: list[_Place]) -> Iterator[tuple[str, Branch | None]]:
    """Yield the children of *branch* that may be allowed, each once; a branch may change meanwhile."""
    named = sum(len(place.named) for place in places)
    if named > len(branch) or any(place.wild for place in places):
        children = branch if isinstance(branch, Frozen) else branch.copy()
        yield from ((name, below) for name, below in children.items() if name != SELF)
        return
    for name in dict.fromkeys(name for place in places for name in place.named):
        below = branch.get(name, branch)  # the branch itself stands for "not there"
        if below is not branch:
            yield name, below
