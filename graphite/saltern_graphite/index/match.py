"""Matching patterns against branches, level by level.

At each level there is, for each different branch that was reached, the list of paths it was reached by. A fleet's
hosts share their branches, so what lies below a thousand hosts is looked at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from saltern_graphite.index.branch import SELF, Branch, Frozen, walk
from saltern_graphite.index.globs import Glob, compile_glob

ANY_DEPTH = "**"

Reached = dict[int, tuple[Branch, list[str]]]
"""Branches by identity, each with the paths it was reached by, which end with a dot."""


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


class Names(ABC):
    """Names of metrics that are looked for: all those of an index, or a part of them."""

    @property
    @abstractmethod
    def root(self) -> Branch:
        """The branch that holds all; what is in it may change at any time."""

    def match(self, pattern: str) -> Matches:
        """What *pattern* matches.

        Each element is a glob; ``**`` stands for any number of elements, none included. ``GraphiteError`` for
        braces that stand for too many patterns.
        """
        return match(self.root, pattern)

    def ends(self, pattern: str) -> Ends:
        """What the last element of *pattern* matches, and how many paths; this costs least."""
        return ends(self.root, pattern)

    def expand(self, pattern: str) -> list[str]:
        """The metrics that *pattern* matches, sorted, each once."""
        return self.match(pattern).leaves

    def walk(self, after: str = "") -> Iterator[list[str]]:
        """Every metric's name that is greater than *after*, sorted, some at a time.

        What is added or removed meanwhile may be in it or not.
        """
        return walk(self.root, after)


def steps_of(pattern: str) -> list[str]:
    """The elements of *pattern*; none if it can match nothing. ``**`` at the end gets a ``*`` that it applies to."""
    steps: list[str] = []
    for element in pattern.replace("\\", "").split("."):
        if not element:
            return []
        if element != ANY_DEPTH or steps[-1:] != [ANY_DEPTH]:
            steps.append(element)
    if steps[-1] == ANY_DEPTH:
        steps.append("*")
    return steps


def match(root: Branch, pattern: str) -> Matches:
    """What *pattern* matches below *root*. ``GraphiteError`` for braces that stand for too many patterns."""
    found = Matches([], [])
    steps = steps_of(pattern)
    if not steps:
        return found
    reached: Reached = {id(root): (root, [""])}
    for step in steps[:-1]:
        reached = _all_below(reached) if step == ANY_DEPTH else _below(reached, compile_glob(step))
    last = compile_glob(steps[-1])
    for branch, prefixes in reached.values():
        for name, below in choose(branch, last):
            paths = [prefix + name for prefix in prefixes]
            if below is None or SELF in below:
                found.leaves.extend(paths)
            if below is not None:
                found.branches.extend(paths)
    found.leaves.sort()
    found.branches.sort()
    return found


def ends(root: Branch, pattern: str) -> Ends:
    """What the last element of *pattern* matches below *root*, and how often; errors as :func:`match`."""
    steps = steps_of(pattern)
    if steps.count(ANY_DEPTH) > 1:  # one path may be reached in several ways, which only paths can tell
        return _ends_of(match(root, pattern))
    counted = {id(root): (root, 1)} if steps else {}
    for step in steps[:-1]:
        if step == ANY_DEPTH:
            level = counted = dict(counted)
            while level:
                level = _count_below(level.values(), compile_glob("*"))
                for key, (branch, count) in level.items():
                    counted[key] = (branch, counted[key][1] + count if key in counted else count)
        else:
            counted = _count_below(counted.values(), compile_glob(step))
    names: dict[str, int] = {}
    leaves = branches = 0
    for branch, count in counted.values():
        for name, below in choose(branch, compile_glob(steps[-1])):
            kind = 0 if below is None else BRANCH
            branches += count if kind else 0
            if below is None or SELF in below:
                kind |= LEAF
                leaves += count
            names[name] = names.get(name, 0) | kind
    return Ends(names, branches, leaves)


def choose(branch: Branch, glob: Glob) -> list[tuple[str, Branch | None]]:
    """The children of *branch* that *glob* matches."""
    if glob.literals is not None:
        chosen = []
        for name in glob.literals:
            below = branch.get(name, branch)  # the branch itself stands for "not there"
            if name and below is not branch:
                chosen.append((name, below))
        return chosen
    children = branch if isinstance(branch, Frozen) else branch.copy()
    if SELF in children:
        children = children.copy()
        del children[SELF]
    if glob.expression is None:
        return list(children.items())
    matches = glob.expression.match
    return [child for child in children.items() if matches(child[0])]


def _below(reached: Reached, glob: Glob) -> Reached:
    """The branches one element further down."""
    further: Reached = {}
    for branch, prefixes in reached.values():
        for name, below in choose(branch, glob):
            if below is None:
                continue
            element = f"{name}."
            paths = [prefix + element for prefix in prefixes]
            if id(below) in further:
                further[id(below)][1].extend(paths)
            else:
                further[id(below)] = (below, paths)
    return further


def _all_below(reached: Reached) -> Reached:
    """All branches further down, and these themselves; a path that is reached in several ways is there once."""
    anything = compile_glob("*")
    everything: Reached = {}
    while reached:
        for key, (branch, prefixes) in reached.items():
            everything.setdefault(key, (branch, []))[1].extend(prefixes)
        reached = _below(reached, anything)
    return {key: (branch, list(dict.fromkeys(prefixes))) for key, (branch, prefixes) in everything.items()}


def _count_below(counted: Iterable[tuple[Branch, int]], glob: Glob) -> dict[int, tuple[Branch, int]]:
    further: dict[int, tuple[Branch, int]] = {}
    for branch, count in counted:
        for _, below in choose(branch, glob):
            if below is not None:
                known = further.get(id(below))
                further[id(below)] = (below, count + known[1] if known else count)
    return further


def _ends_of(found: Matches) -> Ends:
    names: dict[str, int] = {}
    for paths, kind in ((found.leaves, LEAF), (found.branches, BRANCH)):
        for name in {path.rpartition(".")[2] for path in paths}:
            names[name] = names.get(name, 0) | kind
    return Ends(names, len(found.branches), len(found.leaves))
