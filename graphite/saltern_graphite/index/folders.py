"""The folders of the tree, as they were when they were last looked at: some forty bytes for each.

A folder has a number, 0 is the root. Its relations are numbers in columns; the folders right below one are a chain,
each with the one before and the one after it.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator

ROOT = 0
NO_WATCH = -1
_NONE = 0  # the root is below nothing and beside nothing
_DEAD = 2**32 - 1


class Folders:
    """For one thread. A number that was removed is given again."""

    def __init__(self) -> None:
        self.marks = array("q", [0])
        """What a folder's status said when it was last read, as one number; 0: it is to be read again."""
        self.identities = array("q", [0])
        """Device and inode, as one number."""
        self.watches = array("i", [NO_WATCH])
        """The watch on each."""
        self._names = [""]
        self._above = array("I", [_NONE])
        self._first = array("I", [_NONE])
        self._before = array("I", [_NONE])
        self._after = array("I", [_NONE])
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._names) - len(self._free)

    @property
    def end(self) -> int:
        """All numbers are below this."""
        return len(self._names)

    def alive(self, number: int) -> bool:
        """Return whether there is a folder with this *number*."""
        return number < len(self._names) and self._above[number] != _DEAD

    def add(self, above: int, name: str) -> int:
        """Return the number of a new folder, *name* in the folder *above*."""
        first = self._first[above]
        if self._free:
            number = self._free.pop()
            self._names[number] = sys.intern(name)
            self._above[number], self._before[number], self._after[number] = above, _NONE, first
        else:
            number = len(self._names)
            self._names.append(sys.intern(name))  # the hosts of a fleet have the same folders
            for column, value in ((self._above, above), (self._before, _NONE), (self._after, first)):
                column.append(value)
            self._first.append(_NONE)
            self.marks.append(0)
            self.identities.append(0)
            self.watches.append(NO_WATCH)
        if first != _NONE:
            self._before[first] = number
        self._first[above] = number
        return number

    def below(self, number: int) -> Iterator[tuple[str, int]]:
        """Yield name and number of the folders right below *number*, which must not change meanwhile."""
        child = self._first[number]
        while child != _NONE:
            yield self._names[child], child
            child = self._after[child]

    def path(self, number: int) -> list[str]:
        """Return the elements of the path from the root to *number*."""
        elements = []
        while number != ROOT:
            elements.append(self._names[number])
            number = self._above[number]
        elements.reverse()
        return elements

    def within(self, number: int, identity: int) -> bool:
        """Return whether a folder above *number* has this *identity*."""
        while number != ROOT:
            number = self._above[number]
            if self.identities[number] == identity:
                return True
        return False

    def remove(self, number: int) -> list[tuple[int, int]]:
        """Forget *number*, not the root, and all below; return their numbers and the watches that were on them."""
        above, before, after = self._above[number], self._before[number], self._after[number]
        if before != _NONE:
            self._after[before] = after
        else:
            self._first[above] = after
        if after != _NONE:
            self._before[after] = before
        removed = []
        waiting = [number]
        while waiting:
            one = waiting.pop()
            waiting += [child for _, child in self.below(one)]
            removed.append((one, self.watches[one]))
            self._names[one] = ""
            self._above[one] = _DEAD
            self._first[one] = _NONE
            self.marks[one] = self.identities[one] = 0
            self.watches[one] = NO_WATCH
            self._free.append(one)
        return removed
