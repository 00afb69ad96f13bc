"""Walking a tree of Whisper files, folder by folder, so that a tree of any size takes little memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from saltern_graphite.index.globs import Glob, compile_glob
from saltern_graphite.rules.metric_name import SUFFIX, BadName, canonical, relative_path

MAX_DEPTH = 64  # deeper folders aren't looked into: the server's index doesn't either
TAGGED_FOLDER = "_tagged"

Complain = Callable[[str, str], None]
"""Called with a path and why it can't be read."""
Asked = tuple[Glob | None, ...]
"""What a pattern asks of the elements to come, one by one; ``None`` stands for any number of them."""
State = frozenset[Asked]
"""What the patterns that can still match ask of what is below."""


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
        start: set[Asked] = set()
        for pattern in patterns:
            if ";" in pattern:
                name = canonical(pattern)
                path = relative_path(name)
                self._names[path] = name
                parts = path.removesuffix(SUFFIX).split("/")
            else:
                parts = pattern.split(".")
                if not all(parts):
                    raise BadName("empty_segment")
                if parts[-1] == "**":
                    parts.append("*")
            start |= _openings(tuple(None if part == "**" else compile_glob(part) for part in parts))
        self.start: State = frozenset(start)
        """The state before the first element."""

    def step(self, state: State, element: str) -> State:
        """Return the state after *element*; empty when nothing below can match."""
        reached: set[Asked] = set()
        for asked in state:
            if asked and asked[0] is None:
                reached |= _openings(asked)
            elif asked and asked[0] is not None and _fits(asked[0], element):
                reached |= _openings(asked[1:])
        return frozenset(reached)

    def ends(self, state: State) -> bool:
        """Return whether what led to *state* is matched."""
        return not self.patterns or () in state

    def name(self, relative: str) -> str:
        """Return the metric in the file *relative*; ``""`` for a tagged one that was not asked for by name."""
        if relative.startswith(TAGGED_FOLDER + "/"):
            return self._names.get(relative, "")
        return relative.removesuffix(SUFFIX).replace("/", ".")


def _openings(asked: Asked) -> set[Asked]:
    """Return *asked* and, as each ``**`` may stand for nothing, what is behind those it begins with."""
    found = {asked}
    while asked and asked[0] is None:
        asked = asked[1:]
        found.add(asked)
    return found


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
