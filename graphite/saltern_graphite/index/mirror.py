"""Making the index equal to the tree, one folder after the other.

A folder that is as it was costs one status. One that changed is read, and what the index has of it is compared with
what is there; folders that are new in it are to be looked at next.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
import time
from collections.abc import Callable, Sequence, Set
from typing import Protocol

from saltern.complaints import Complaints
from saltern_graphite.index.branch import SELF
from saltern_graphite.index.folders import ROOT, Folders
from saltern_graphite.index.listing import MAX_DEPTH, Listing, sort_out
from saltern_graphite.index.tree import Index
from saltern_graphite.index.watches import Watches
from saltern_graphite.rules.metric_name import relative_path

FRESH_NS = 2_500_000_000
"""A folder that changed so short a time ago may change again within one tick of its clock: it is read once more."""
AT_ONCE = 200
"""Names that are forgotten at a time: receivers wait for so long."""
NAMES_A_LOOK = 20
"""So many names in a folder are as much work as one more folder."""

log = logging.getLogger(__name__)


class Memory(Protocol):
    """Where metrics may be that have no file yet."""

    def waits(self, name: str) -> bool:
        """Return whether *name* has, or may have, points that are in no file."""
        ...

    def forget(self, names: Sequence[str]) -> int:
        """Take those of *names* out of the index that don't wait; return how many that were."""
        ...


class Mirror:
    """Keeps *index* equal to the tree at *whisper_dir*, and *memory*. For one thread.

    With *watches* the folders that are looked at are watched. *rest* is called now and then in longer work.
    """

    def __init__(
        self,
        index: Index,
        whisper_dir: str,
        memory: Memory,
        watches: Watches | None = None,
        rest: Callable[[], object] = lambda: None,
    ) -> None:
        self.folders = Folders()
        self.new: list[int] = [ROOT]
        """Folders that are to be looked at for the first time; whoever looks at them takes them out."""
        self.watches = watches
        self._index = index
        self._root = whisper_dir
        self._memory = memory
        self._rest = rest
        self._unread: set[int] = set()
        self._complaints = Complaints(log, logging.WARNING)

    @property
    def unread(self) -> int:
        """How many folders can't be read now."""
        return len(self._unread)

    def look(self, number: int) -> int:
        """Look at the folder *number*, if there is one; return how much work it was, 1 for one that is as it was."""
        if not self.folders.alive(number):
            return 0
        path = self.folders.path(number)
        disk = "/".join((self._root, *path))
        self._watch(number, disk)
        began = time.time_ns()
        try:
            status = os.stat(disk)
            if not stat.S_ISDIR(status.st_mode):
                return self._no_folder(number, path, disk)
            mark = hash((status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)) or 1
            if mark == self.folders.marks[number]:
                return 1
            identity = hash((status.st_dev, status.st_ino))
            if len(path) > MAX_DEPTH or self.folders.within(number, identity):
                return self._no_folder(number, path, disk, circle=True)
            if self.folders.identities[number] not in (0, identity):
                self._another(number, disk)
            names = os.listdir(disk)
        except (FileNotFoundError, NotADirectoryError):
            return self._no_folder(number, path, disk)
        except OSError as error:  # what can't be seen is not gone
            if number not in self._unread:  # with one folder there may be a hundred thousand
                self._unread.add(number)
                where = os.fsencode(disk).decode(errors="replace")
                self._complaints.say("unread", "index: %s can't be read: %s", where, error.strerror)
            return 1
        if self._unread:
            self._unread.discard(number)
            if not self._unread:
                self._complaints.over("unread", "index: all folders can be read")
        self.folders.identities[number] = identity
        fresh = began - max(status.st_mtime_ns, status.st_ctime_ns) < FRESH_NS
        self.folders.marks[number] = 0 if fresh else mark
        self._compare(number, path, sort_out(names, top=number == ROOT))
        return 1 + len(names) // NAMES_A_LOOK

    def named(self, number: int, names: Set[str]) -> list[int]:
        """Return the folders right below *number* that have one of *names*."""
        if not self.folders.alive(number):
            return []
        return [child for name, child in self.folders.below(number) if name in names]

    def _watch(self, number: int, disk: str) -> None:
        """Watch the folder if that can be; before it is looked at, so that nothing comes in between."""
        watches = self.watches
        if watches is not None and watches.room and not watches.has(self.folders.watches[number], number):
            self.folders.watches[number] = watches.add(number, disk)

    def _another(self, number: int, disk: str) -> None:
        """Another folder has this one's place, by a rename, a link or a mount: watch that, and look at all below."""
        for _, child in list(self.folders.below(number)):
            self._remove(child)
        if self.watches is not None:
            self.watches.remove(self.folders.watches[number], number)
            self._watch(number, disk)

    def _compare(self, number: int, path: list[str], listing: Listing) -> None:
        known = self._index.at(path)
        leaves = {name for name, below in known.items() if name and (below is None or SELF in below)}
        found = set(listing.leaves)
        if new := found - leaves:
            self._index.graft(path, dict.fromkeys(map(sys.intern, new)))
            self._index.followed.found += len(new)
        prefix = "".join(f"{element}." for element in path)
        self._forget([prefix + name for name in leaves - found])
        folders = set(listing.below)
        for name, below in known.items():
            if name and below is not None and name not in folders:
                self._forget(self._index.below([*path, name]))
        children = dict(self.folders.below(number))
        for name in children.keys() - folders:
            self._remove(children[name])
        self.new += [self.folders.add(number, name) for name in folders - children.keys()]

    def _no_folder(self, number: int, path: list[str], disk: str, *, circle: bool = False) -> int:
        """There is no folder at *path*, or one that leads in a *circle*; a link may lead to one later."""
        self.folders.marks[number] = 0
        for _, child in list(self.folders.below(number)):
            self._remove(child)
        self._forget(self._index.below(path), circle=circle)
        if number != ROOT and not os.path.islink(disk):
            self._remove(number)
        return 1

    def _remove(self, number: int) -> None:
        for one, watch in self.folders.remove(number):
            self._unread.discard(one)
            if self.watches is not None:
                self.watches.remove(watch, one)

    def _forget(self, names: list[str], *, circle: bool = False) -> None:
        """Forget those of *names* that are neither in memory nor on the disk.

        First the memory is asked and then the disk: points go from there to here.
        """
        for place in range(0, len(names), AT_ONCE):
            some = [name for name in names[place : place + AT_ONCE] if not self._memory.waits(name)]
            gone = [name for name in some if circle or not os.path.lexists(f"{self._root}/{relative_path(name)}")]
            if gone:
                self._index.followed.gone += self._memory.forget(gone)
            self._rest()
