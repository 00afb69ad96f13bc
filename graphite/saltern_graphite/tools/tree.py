"""Walking a tree of Whisper files, folder by folder, so that a tree of any size takes little memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from saltern_graphite.globs import Glob, compile_glob
from saltern_graphite.metric_name import SUFFIX, BadName, canonical, relative_path

MAX_DEPTH = 64  # deeper folders aren't looked into: the server's index doesn't either
TAGGED_FOLDER = "_tagged"

Complain = Callable[[str, str], None]
"""Called with a path and why it can't be read."""
State = frozenset[tuple[int, int]]
"""Which patterns can still match, by their number, and how many elements of each are matched."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file at *path*; *relative* to the tree, with slashes. *metric* is its name, ``""`` if the path can't tell."""

    path: str
    relative: str
    metric: str


class Selection:
    """Which metrics globs ask for: ``servers.*.cpu.{user,system}``; ``**`` is any number of elements, none included.

    A tagged name (``disk;host=a``) is one metric, without globs: its path is made of its digest. No glob at all is
    every metric. Raises ``GraphiteError`` for braces that stand for too many names, :class:`BadName` for tags
    that don't parse.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = tuple(patterns)
        self._names: dict[str, str] = {}
        self._elements: list[tuple[Glob | None, ...]] = []
        for pattern in patterns:
            if ";" in pattern:
                name = canonical(pattern)
                self._names[relative_path(name)] = name
                elements = [compile_glob(part) for part in (relative_path(name).removesuffix(SUFFIX)).split("/")]
                self._elements.append(tuple(elements))
            else:
                parts = pattern.split(".")
                if not all(parts):
                    raise BadName("empty_segment")
                if parts[-1] == "**":
                    parts.append("*")
                self._elements.append(tuple(None if part == "**" else compile_glob(part) for part in parts))

    @property
    def start(self) -> State:
        """The state before the first element: how far each pattern is matched."""
        return self._closure({(number, 0) for number in range(len(self._elements))})

    def step(self, state: State, element: str) -> State:
        """Return the state after *element*; empty when nothing below can match."""
        reached = set()
        for number, place in state:
            elements = self._elements[number]
            if place == len(elements):
                continue
            glob = elements[place]
            if glob is None:
                reached.add((number, place))
            elif _fits(glob, element):
                reached.add((number, place + 1))
        return self._closure(reached)

    def ends(self, state: State) -> bool:
        """Return whether what led to *state* is matched."""
        return not self.patterns or any(place == len(self._elements[number]) for number, place in state)

    def name(self, relative: str) -> str:
        """Return the metric in the file *relative*; ``""`` for a tagged one that was not asked for by name."""
        if relative.startswith(TAGGED_FOLDER + "/"):
            return self._names.get(relative, "")
        return relative.removesuffix(SUFFIX).replace("/", ".")

    def _closure(self, state: set[tuple[int, int]]) -> State:
        """Add the states behind each ``**``, which may stand for nothing."""
        waiting = list(state)
        while waiting:
            number, place = waiting.pop()
            elements = self._elements[number]
            if place < len(elements) and elements[place] is None and (number, place + 1) not in state:
                state.add((number, place + 1))
                waiting.append((number, place + 1))
        return frozenset(state)


def walk(root: str, selection: Selection, complain: Complain, *, others: bool = False) -> Iterator[Found]:
    """Yield the Whisper files below *root* that *selection* asks for, in the order of their paths in each folder.

    With *others* also the files that are none, when no glob was given. Folders that can't be read are told to
    *complain*; a link in circles is not followed.
    """
    waiting: list[tuple[str, str, State, tuple[tuple[int, int], ...]]] = [(root, "", selection.start, ())]
    while waiting:
        folder, prefix, state, above = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
            identity = _identity(folder)
        except OSError as error:
            complain(folder, error.strerror or str(error))
            continue
        if identity in above:
            continue
        below: list[tuple[str, str, State, tuple[tuple[int, int], ...]]] = []
        for entry in found:
            relative = prefix + entry.name
            if entry.name.endswith(SUFFIX):
                if selection.ends(selection.step(state, entry.name.removesuffix(SUFFIX))):
                    yield Found(entry.path, relative, selection.name(relative))
            elif _is_folder(entry):
                after = selection.step(state, entry.name)
                if (after or not selection.patterns) and len(above) < MAX_DEPTH:
                    below.append((entry.path, relative + "/", after, (*above, identity)))
            elif others and not selection.patterns:
                yield Found(entry.path, relative, "")
        waiting.extend(reversed(below))


def _fits(glob: Glob, element: str) -> bool:
    if glob.literals is not None:
        return element in glob.literals
    return glob.expression is None or glob.expression.match(element) is not None


def _identity(folder: str) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
