"""What a pattern matched."""

from __future__ import annotations

from typing import NamedTuple

LEAF, BRANCH = 1, 2
"""What a name is somewhere; the sum of both if it is both."""


class Node(NamedTuple):
    """Something a pattern matched. A name that is both a branch and a metric comes as two nodes."""

    path: str
    is_leaf: bool

    @property
    def name(self) -> str:
        """The last element of the path."""
        return self.path.rpartition(".")[2]


class Matches(NamedTuple):
    """The paths that a pattern matched, each list sorted; a name that is both is in both."""

    branches: list[str]
    leaves: list[str]


class Ends(NamedTuple):
    """What a pattern's last element matched, without the paths there: much cheaper to say than :class:`Matches`.

    ``names``: each name with :data:`LEAF`, :data:`BRANCH` or both. ``branches`` and ``leaves``: how many paths.
    """

    names: dict[str, int]
    branches: int
    leaves: int
