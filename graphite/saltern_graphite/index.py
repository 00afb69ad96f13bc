"""The index: every metric's name, in memory.

A tree of dicts, one for each branch, from an element of the path to what lies below it: a dict, or None for a leaf.
A branch that is a metric too holds the key ``""``, which no path has. Elements are interned: a fleet repeats them.

Readers take no lock. They look at a dict only by a single key or through a copy, each of which is one step for
CPython, so they see it before or after a change, never within.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Optional

from saltern_graphite.globs import compile_glob

log = logging.getLogger(__name__)

Branch = dict[str, Optional["Branch"]]
_SELF = ""
_SUFFIX = ".wsp"
_TAGGED = "_tagged"
_MAX_DEPTH = 64
"""Folders below this are not looked into: a link may lead in circles."""
_PROGRESS_EVERY_S = 5.0


class Node(NamedTuple):
    """Something a pattern matched. A name that is both a branch and a metric comes as two nodes."""

    path: str
    is_leaf: bool

    @property
    def name(self) -> str:
        """The last element of the path."""
        return self.path.rpartition(".")[2]


@dataclass(slots=True)
class Progress:
    """How far the scan of the tree is; ``running`` is False before and after."""

    running: bool = False
    complete: bool = False
    metrics: int = 0
    folders: int = 0
    seconds: float = 0.0


class Index:
    """Names by element. Any thread may call anything; changes wait for each other, readers never wait.

    Tagged names (``a;b=c``) are found by their tags, not by globs: they are not taken.
    """

    def __init__(self) -> None:
        self.progress = Progress()
        self._root: Branch = {}
        self._count = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._count

    def __contains__(self, name: str) -> bool:
        branch: Branch | None = self._root
        for element in name.split("."):
            if not branch or not element or element not in branch:
                return False
            branch = branch[element]
        return branch is None or _SELF in branch

    def add(self, name: str) -> None:
        """Take *name* in; a name that is known already, or tagged, or has an empty element, changes nothing."""
        elements = name.split(".")
        if ";" in name or not all(elements):
            return
        with self._lock:
            branch = self._root
            for element in elements[:-1]:
                below = branch.get(element)
                if below is None:
                    below = {_SELF: None} if element in branch else {}
                    branch[sys.intern(element)] = below
                branch = below
            leaf = elements[-1]
            below = branch.get(leaf)
            if leaf not in branch:
                branch[sys.intern(leaf)] = None
            elif below is not None and _SELF not in below:
                below[_SELF] = None
            else:
                return
            self._count += 1

    def remove(self, name: str) -> None:
        """Forget *name*, and branches that are empty without it; an unknown name changes nothing."""
        elements = name.split(".")
        with self._lock:
            trail: list[tuple[Branch, str]] = []
            branch: Branch | None = self._root
            for element in elements:
                if branch is None or not element or element not in branch:
                    return
                trail.append((branch, element))
                branch = branch[element]
            if branch is not None:
                if _SELF not in branch:
                    return
                trail.append((branch, _SELF))
            self._count -= 1
            while trail:
                above, element = trail.pop()
                del above[element]
                if above and list(above) != [_SELF]:
                    break
                if above and trail:  # only the branch's own metric is left: it becomes a leaf
                    parent, own = trail.pop()
                    parent[own] = None
                    break

    def find(self, pattern: str) -> list[Node]:
        """What *pattern* matches, sorted by path, a branch before the metric of the same name.

        Each element is a glob; ``**`` stands for any number of elements, none included. ``GraphiteError`` for
        braces that stand for too many patterns.
        """
        elements = pattern.replace("\\", "").split(".")
        if not all(elements):
            return []
        if elements[-1] == "**":
            elements.append("*")
        frontier: dict[str, Branch] = {"": self._root}
        for element in elements[:-1]:
            frontier = _descend(frontier, element)
        nodes = []
        for prefix, branch in frontier.items():
            for name, below in _choose(branch, elements[-1]):
                if below is None:
                    nodes.append(Node(prefix + name, True))
                else:
                    nodes.append(Node(prefix + name, False))
                    if _SELF in below:
                        nodes.append(Node(prefix + name, True))
        return sorted(nodes)

    def expand(self, pattern: str) -> list[str]:
        """The metrics that *pattern* matches, sorted, each once."""
        return [node.path for node in self.find(pattern) if node.is_leaf]

    def names(self) -> list[str]:
        """Every metric's name, sorted."""
        return sorted(_walk(self._root))

    def build(self, whisper_dir: str, stop: threading.Event | None = None) -> None:
        """Take in every Whisper file under *whisper_dir*, telling ``progress``; ends early when *stop* is set.

        A missing folder is an empty one. Folders that can't be read are named in the log and passed over.
        """
        progress = self.progress = Progress(running=True)
        began = told = time.monotonic()
        waiting = [(whisper_dir, "", 0)]
        while waiting and not (stop and stop.is_set()):
            folder, prefix, depth = waiting.pop()
            waiting.extend(self._take_in(folder, prefix, depth, progress))
            progress.folders += 1
            progress.seconds = time.monotonic() - began
            if time.monotonic() - told > _PROGRESS_EVERY_S:
                told = time.monotonic()
                log.info("index: %d metrics in %d folders so far", progress.metrics, progress.folders)
        progress.complete = not waiting
        progress.running = False
        log.info("index: %d metrics in %.1f s", progress.metrics, progress.seconds)

    def start_build(self, whisper_dir: str, stop: threading.Event | None = None) -> threading.Thread:
        """:meth:`build` in a thread of its own, which is returned started."""
        self.progress.running = True
        thread = threading.Thread(target=self.build, args=(whisper_dir, stop), name="index-build", daemon=True)
        thread.start()
        return thread

    def _take_in(self, folder: str, prefix: str, depth: int, progress: Progress) -> list[tuple[str, str, int]]:
        """Add the metrics right in *folder*; the folders in it are returned."""
        below = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.endswith(_SUFFIX):
                        self.add(prefix + entry.name[: -len(_SUFFIX)])
                        progress.metrics += 1
                    elif depth < _MAX_DEPTH and entry.is_dir() and (prefix or entry.name != _TAGGED):
                        below.append((entry.path, f"{prefix}{entry.name}.", depth + 1))
        except FileNotFoundError:
            pass  # removed meanwhile, or nothing was ever stored
        except OSError as error:
            log.warning("index: %s can't be read: %s", folder, error.strerror)
        return below


def _descend(frontier: dict[str, Branch], element: str) -> dict[str, Branch]:
    """The branches one *element* further down; by ``**`` all branches further down, and these themselves."""
    below: dict[str, Branch] = {}
    if element != "**":
        for prefix, branch in frontier.items():
            for name, child in _choose(branch, element):
                if child is not None:
                    below[f"{prefix}{name}."] = child
        return below
    while frontier:
        below.update(frontier)
        frontier = _descend(frontier, "*")
    return below


def _choose(branch: Branch, element: str) -> Iterator[tuple[str, Branch | None]]:
    """The children of *branch* that *element* matches."""
    glob = compile_glob(element)
    if glob.literals is not None:
        for name in glob.literals:
            below = branch.get(name, branch)  # the branch itself stands for "not there"
            if name and below is not branch:
                yield name, below
        return
    expression = glob.expression
    for name, below in branch.copy().items():
        if name and (expression is None or expression.match(name)):
            yield name, below


def _walk(root: Branch) -> Iterator[str]:
    waiting = [("", root)]
    while waiting:
        prefix, branch = waiting.pop()
        for name, below in branch.copy().items():
            if not name:
                yield prefix[:-1]
            elif below is None:
                yield prefix + name
            else:
                waiting.append((f"{prefix}{name}.", below))
