"""The parts of the index: branches that may change, and frozen ones that stand at many places at once.

A branch is a dict from an element of a path to what lies below it: another branch, or None for a leaf. A branch that is
a metric too holds the key ``""``, which no path has.

The hosts of a fleet have the same metrics, so most branches are equal to others. A :class:`Frozen` one never changes
again; equal ones are one object, and whoever must change what lies there puts a copy into its place first.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Optional

Branch = dict[str, Optional["Branch"]]
SELF = ""
SOME = 1_000
"""So many names, or a branch's more, are walked at a time."""
WIDEST_SHARED = 1_000
"""A branch with more children than this is hardly ever equal to another: it is frozen, and not looked for."""


class Frozen(Branch):
    """A branch that never changes, nor does anything below it; its names are in order.

    ``leaves`` is the number of metrics in it and below.
    """

    __slots__ = ("__weakref__", "leaves")
    leaves: int


class Shelf:
    """Makes frozen branches, and gives the same one for the same content as long as anyone has it.

    Not to be used by two threads at once.
    """

    def __init__(self) -> None:
        self._kept: weakref.WeakValueDictionary[int, Frozen] = weakref.WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._kept)

    def freeze(self, branch: Mapping[str, Branch | None]) -> Frozen:
        """*branch*, all of whose children are leaves or frozen, as a frozen one."""
        frozen = Frozen((name, branch[name]) for name in sorted(branch))
        below = tuple(frozen.values())
        frozen.leaves = sum(1 if child is None else count_leaves(child) for child in below)
        if len(below) > WIDEST_SHARED:
            return frozen
        key = hash((tuple(frozen), tuple(map(id, below))))
        kept = self._kept.get(key)
        if kept is not None and kept == frozen:  # children are compared by being the same object first
            return kept
        self._kept[key] = frozen
        return frozen


def count_leaves(branch: Branch) -> int:
    """The number of metrics in *branch* and below."""
    count = 0
    waiting = [branch]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Frozen):
            count += one.leaves
            continue
        for below in one.copy().values():
            if below is None:
                count += 1
            else:
                waiting.append(below)
    return count


def owned(above: Branch, name: str, branch: Branch) -> Branch:
    """*branch*, which is *above*'s child *name*, as one that may be changed: a copy in its place if it is frozen."""
    if isinstance(branch, Frozen):
        branch = above[name] = dict(branch)
    return branch


def walk(root: Branch, after: str = "") -> Iterator[list[str]]:
    """The metrics' names that are greater than *after*, in the order of plain text, some at a time."""
    waiting = [("", _ordered(root))]
    while waiting:
        prefix, entries = waiting[-1]
        leaves = []
        for text, below in entries:
            path = prefix + text
            if below is None:
                if path > after:
                    leaves.append(path)
            elif path > after and isinstance(below, Frozen) and not any(below.values()):  # leaves alone, in order
                leaves.extend([path + name for name in below if name])
            elif path > after or after.startswith(path):
                waiting.append((path, _ordered(below)))
                break
            if len(leaves) >= SOME:
                break
        else:
            waiting.pop()
        if leaves:
            yield leaves


def _ordered(branch: Branch) -> Iterator[tuple[str, Branch | None]]:
    """What is right below: leaves by name, branches by name and dot.

    Order by elements is not order by text: ``a-b`` comes before ``a.c``. No name has a dot, so what begins with a
    branch's name and a dot is all in one place.
    """
    entries: list[tuple[str, Branch | None]] = []
    for name, below in branch.copy().items():
        if below is None:
            entries.append((name, None))
        else:
            entries.append((f"{name}.", below))
            if SELF in below:
                entries.append((name, None))
    entries.sort(key=_text)
    return iter(entry for entry in entries if entry[0])


_text = itemgetter(0)
