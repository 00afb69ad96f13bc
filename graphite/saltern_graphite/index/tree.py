"""The index: every metric's name, in memory, as branches that share what is equal.

Readers take no lock. They look at a branch only by a single key or through a copy, each of which is one step for
CPython, so they see it before or after a change, never within; and a frozen branch does not change at all.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from itertools import repeat

from saltern_graphite.index.branch import SELF, Branch, Frozen, count_leaves, owned, walk
from saltern_graphite.index.build import build, build_beside
from saltern_graphite.index.match import Names, Node
from saltern_graphite.index.progress import Followed, Progress
from saltern_graphite.index.tidy import Tidier


class Index(Names):
    """Names by element. Any thread may call anything; changes wait for each other, readers never wait.

    Tagged names (``a;b=c``) are found by their tags, not by globs: they are not taken.
    """

    def __init__(self) -> None:
        self.progress = Progress()
        self.followed = Followed()
        self._top: Branch = {SELF: {}}  # one branch, the root, so that it can be replaced like any other
        self._count = 0
        self._lock = threading.Lock()
        self._tidier = Tidier(self._top, self._lock)

    def __len__(self) -> int:
        return self._count

    def __contains__(self, name: str) -> bool:
        branch: Branch | None = self.root
        for element in name.split("."):
            if not branch or not element or element not in branch:
                return False
            branch = branch.get(element)
        return branch is None or SELF in branch

    def add(self, name: str) -> None:
        """Take *name* in; a name that is known already, or tagged, or has an empty element, changes nothing."""
        elements = name.split(".")
        if ";" in name or not all(elements) or name in self:
            return
        with self._lock:
            branch = self._own(elements[:-1])
            leaf = sys.intern(elements[-1])
            if leaf not in branch:
                branch[leaf] = None
            else:
                below = branch[leaf]
                if below is None or SELF in below:  # another thread was quicker
                    return
                owned(branch, leaf, below)[SELF] = None
            self._count += 1
        self._tidier.changed(self._count)

    def remove(self, name: str) -> None:
        """Forget *name*, and branches that are empty without it; an unknown name changes nothing."""
        elements = name.split(".")
        with self._lock:
            if name not in self:
                return
            branch = owned(self._top, SELF, self.root)
            trail: list[tuple[Branch, str]] = []
            for element in elements:
                trail.append((branch, element))
                below = branch[element]
                if below is not None:
                    branch = owned(branch, element, below)
            if trail[-1][0] is not branch:
                trail.append((branch, SELF))
            self._count -= 1
            _take_out(trail)
        self._tidier.changed(self._count)

    def graft(self, path: Sequence[str], children: Mapping[str, Frozen | None]) -> None:
        """Take in what lies at *path*: leaves, and frozen branches, which are taken as they are where nothing is yet.

        The elements must be fit for names: not empty, without dots and semicolons.
        """
        waiting: list[tuple[Sequence[str], Mapping[str, Branch | None]]] = [(path, children)]
        while waiting:
            path, new = waiting.pop()
            with self._lock:  # for one branch at a time: a whole tree would make receivers wait
                branch = self._own(path)
                for name, below in new.items():
                    known = branch.get(name)
                    if name not in branch or (known is None and below is not None):
                        self._count += (1 if below is None else count_leaves(below)) - (name in branch)
                        if name in branch and below is not None and SELF not in below:
                            self._count += 1
                            below = {SELF: None, **below}
                        branch[name] = below
                    elif known is not None and below is None and SELF not in known:
                        owned(branch, name, known)[SELF] = None
                        self._count += 1
                    elif known is not None and below is not None and known is not below:
                        waiting.append(([*path, name] if name else path, below))
        self._tidier.changed(self._count, len(children))

    def at(self, path: Sequence[str]) -> Branch:
        """Return a copy of the branch at *path*, a list of elements; an empty one if there is none."""
        branch = self._branch(path)
        return branch.copy() if branch else {}

    def below(self, path: Sequence[str]) -> list[str]:
        """Return every metric's name below *path*, a list of elements; that of *path* itself is not one of them."""
        branch = self._branch(path)
        prefix = "".join(f"{element}." for element in path)
        return [prefix + name for some in walk(branch) for name in some] if branch else []

    def find(self, pattern: str) -> list[Node]:
        """What *pattern* matches (see :meth:`match`), sorted by path, a branch before the metric of the same name."""
        branches, leaves = self.match(pattern)
        nodes = list(map(Node._make, zip(branches, repeat(False))))
        nodes += map(Node._make, zip(leaves, repeat(True)))
        return nodes if not branches or not leaves else sorted(nodes)

    def names(self) -> list[str]:
        """Every metric's name, sorted."""
        return [name for some in walk(self.root) for name in some]

    def tidy(self) -> None:
        """Share what is equal, now; it is done in the background by itself when enough has changed."""
        self._tidier.run()

    def build(self, whisper_dir: str, stop: threading.Event | None = None) -> None:
        """Take in every Whisper file under *whisper_dir*, telling ``progress``; ends early when *stop* is set.

        A missing folder is an empty one. Folders that can't be read are named in the log and passed over.
        """
        build(self, whisper_dir, stop or threading.Event())

    def start_build(self, whisper_dir: str, stop: threading.Event | None = None) -> threading.Thread:
        """:meth:`build` beside all else, in a thread that is returned started.

        A tree that is not through in a moment is read by a process of its own, so that nothing here has to wait.
        """
        self.progress.running = True
        arguments = (self, whisper_dir, stop or threading.Event())
        thread = threading.Thread(target=build_beside, args=arguments, name="index-build", daemon=True)
        thread.start()
        return thread

    @property
    def root(self) -> Branch:
        """The branch that holds all; what is in it may change at any time."""
        root = self._top[SELF]
        assert root is not None
        return root

    def _branch(self, path: Sequence[str]) -> Branch | None:
        branch: Branch | None = self.root
        for element in path:
            branch = branch.get(element) if branch else None
        return branch

    def _own(self, path: Sequence[str]) -> Branch:
        """The branch at *path*, made if need be, ready to be changed. The lock must be held."""
        branch = owned(self._top, SELF, self.root)
        for element in path:
            below = branch.get(element)
            if below is None:
                below = {SELF: None} if element in branch else {}
                branch[sys.intern(element)] = below
            else:
                below = owned(branch, element, below)
            branch = below
        return branch


def _take_out(trail: list[tuple[Branch, str]]) -> None:
    """Delete the last of *trail*, and above it what is empty then; what has only its own metric becomes a leaf."""
    while trail:
        above, element = trail.pop()
        del above[element]
        if above and (len(above) > 1 or SELF not in above):
            return
        if above and trail:
            parent, own = trail.pop()
            parent[own] = None
            return
