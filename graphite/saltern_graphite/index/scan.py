"""Reading the tree of Whisper files from the disk, as a stream of messages that repeats nothing.

A folder with the same content as one before, all the way down, is told by its number alone::

    ["node", names, numbers]          the next branch, numbered from 1 on: its children's names, and of each the number
                                      of its branch, 0 for a leaf; the name "" is a metric at the branch itself
    ["graft", path, names, numbers]   these children lie at this path, a list of elements
    ["progress", metrics, folders]    seen so far
    ["passed over", path, why]        a folder that can't be read
    ["end", unfit]                    that was all; so many files and folders can't be parts of a metric's name
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from saltern_graphite.index.listing import MAX_DEPTH, sort_out

Message = tuple[object, ...]

TELL_EVERY_S = 0.1
SLICE_S, PAUSE_S = 0.002, 0.001
"""Beside other threads a scan rests this long after so much work: they get the interpreter at once."""
_SELF = ""


@dataclass(slots=True)
class _Folder:
    """A folder that is being read: what was found in it and below it, and what is still to be looked into."""

    name: str
    disk: str
    identity: tuple[int, int]
    found: dict[str, int]
    waiting: list[str] = field(default_factory=list)


class Scan:
    """One reading of the tree at *root*; :meth:`messages` does it.

    With *stop* other threads have work to do: it pauses now and then, and not once that is set.
    """

    def __init__(self, root: str, stop: threading.Event | None = None) -> None:
        self._root = root
        self._stop = stop
        self._numbers: dict[bytes, int] = {}
        self._open: list[_Folder] = []
        self._circle: set[tuple[int, int]] = set()
        self._metrics = 0
        self._folders = 0
        self._unfit = 0
        self._last_told = time.monotonic()

    def messages(self) -> Iterator[Message]:
        """Read the tree, depth first; what is known is told ten times a second, and at the end."""
        rested = time.monotonic()
        yield from self._enter("", self._root)
        while self._open:
            folder = self._open[-1]
            if folder.waiting:
                name = folder.waiting.pop()
                yield from self._enter(name, f"{folder.disk}/{name}")
            else:
                yield from self._leave()
            now = time.monotonic()
            if self._stop is not None and now - rested > SLICE_S:
                self._stop.wait(PAUSE_S)
                rested = time.monotonic()
            if now - self._last_told > TELL_EVERY_S:
                yield from self._tell()
                self._last_told = now
        yield ("progress", self._metrics, self._folders)
        yield ("end", self._unfit)

    def _enter(self, name: str, disk: str) -> Iterator[Message]:
        """Read one folder, if it is one."""
        try:
            names = os.listdir(disk)
            status = os.stat(disk)
        except (FileNotFoundError, NotADirectoryError):  # gone meanwhile; or some other file
            return
        except OSError as error:
            yield ("passed over", os.fsencode(disk).decode(errors="replace"), error.strerror)
            return
        self._folders += 1
        identity = (status.st_dev, status.st_ino)
        if len(self._open) > MAX_DEPTH or identity in self._circle:
            return  # a link that leads in circles
        leaves, below, unfit = sort_out(names, top=not self._open)
        self._unfit += unfit
        self._metrics += len(leaves)
        self._open.append(_Folder(name, disk, identity, dict.fromkeys(leaves, 0), below))
        self._circle.add(identity)

    def _leave(self) -> Iterator[Message]:
        """Close the innermost folder: it is complete but for what was told already."""
        folder = self._open.pop()
        self._circle.discard(folder.identity)
        if not folder.found:
            return
        if not self._open:
            yield ("graft", [], list(folder.found), list(folder.found.values()))
            return
        above = self._open[-1]
        if folder.name in above.found:
            folder.found[_SELF] = 0
        names = sorted(folder.found)
        numbers = list(map(folder.found.__getitem__, names))
        content = "/".join(names).encode()
        if any(numbers):
            content += array("Q", [0, *numbers]).tobytes()  # no name has a zero byte
        key = hashlib.blake2b(content, digest_size=16).digest()
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers) + 1
            yield ("node", names, numbers)
        above.found[folder.name] = number

    def _tell(self) -> Iterator[Message]:
        """Tell what was found in the folders that are still open."""
        path: list[str] = []
        for folder in self._open:
            if folder is not self._open[0]:
                path.append(folder.name)
            if folder.found:
                yield ("graft", path.copy(), list(folder.found), list(folder.found.values()))
                folder.found.clear()
        yield ("progress", self._metrics, self._folders)
