"""The part of the index that a restricted request sees."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Protocol

from saltern_graphite.index import Ends, Matches
from saltern_graphite.index.branch import Branch, walk
from saltern_graphite.index.match import ends, match
from saltern_graphite.index.tree import Index
from saltern_graphite.restricted.prefixes import Prefixes


class Names(Protocol):
    """Names of metrics: :class:`Index`, or a part of one."""

    def match(self, pattern: str) -> Matches:
        """Return what *pattern* matches. ``GraphiteError`` for braces that stand for too many patterns."""
        ...

    def ends(self, pattern: str) -> Ends:
        """Return what the last element of *pattern* matches, and how many paths."""
        ...

    def expand(self, pattern: str) -> list[str]:
        """Return the metrics that *pattern* matches, sorted, each once."""
        ...

    def walk(self, after: str = "") -> Iterator[list[str]]:
        """Yield every metric's name that is greater than *after*, sorted, some at a time."""
        ...


class RestrictedNames:
    """What of *index* is at *prefixes*, cut out when it is first asked for: of one request, in one thread at a time."""

    def __init__(self, index: Index, prefixes: Prefixes) -> None:
        self._index = index
        self._prefixes = prefixes

    @cached_property
    def _root(self) -> Branch:
        return self._prefixes.cut(self._index.root)

    def match(self, pattern: str) -> Matches:
        """Return what *pattern* matches; errors as those of the index."""
        return match(self._root, pattern)

    def ends(self, pattern: str) -> Ends:
        """Return what the last element of *pattern* matches, and how many paths."""
        return ends(self._root, pattern)

    def expand(self, pattern: str) -> list[str]:
        """Return the metrics that *pattern* matches, sorted, each once."""
        return self.match(pattern).leaves

    def walk(self, after: str = "") -> Iterator[list[str]]:
        """Yield every metric's name that is greater than *after*, sorted, some at a time."""
        yield from walk(self._root, after)
