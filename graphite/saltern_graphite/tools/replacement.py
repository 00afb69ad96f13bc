"""Replacing Whisper files while a server may be writing to them.

The server opens a file by its path for each update, so a renamed one is seen at the next. What it writes into the old
file between our reading and its last update of it would be lost; nothing locks. So the old file stays open for a
while after the rename, and is read again until it stands still; what came meanwhile is brought into the new one.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from saltern.errors import StoreError
from saltern_graphite.tools.contents import Contents, load_contents, opened, read_contents
from saltern_graphite.tools.points import Points
from saltern_graphite.tools.rebuilt_file import rebuilt, write_slots
from saltern_graphite.whisper.durability import sync_folder
from saltern_graphite.whisper.file import Layout
from saltern_graphite.whisper.update import update

GRACE_S = 0.5  # a server that had opened the old file has written to it by then
MAX_ROUNDS = 100  # of reading an old file again; the server stops writing to it at the rename
MAX_OPEN = 128
MAX_BYTES = 64_000_000  # of points kept for comparison

Derive = Callable[[Contents], Sequence[Points]]
"""What the new file holds, worked out from the old one's contents; called again when these have changed."""


@dataclass(slots=True)
class _Replaced:
    path: str
    fd: int
    before: Contents
    derive: Derive
    due: float


class Replacements:
    """Replaces files one after the other, and settles each some time later; :meth:`close` settles the rest.

    Not for several threads.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._open: deque[_Replaced] = deque()
        self._bytes = 0
        self.late_points = 0
        """Points that came into an old file while it was being replaced, and were brought along."""
        self.failures: list[tuple[str, str]] = []
        """Files, and why they could not be settled: what came into the old one at the very end may be missing."""

    def replace(
        self, path: str, fd: int, before: Contents, layout: Layout, archives: Sequence[Points], derive: Derive
    ) -> None:
        """Put a file of *layout* with *archives*, which are ``derive(before)``, in the place of *path*.

        *fd* is that file, open. Raises ``OSError`` or ``StoreError``; the old file then stays in its place.
        """
        path = os.path.realpath(path)  # a link stays one
        kept = os.dup(fd)
        try:
            with rebuilt(path, layout, archives, os.fstat(fd)) as unfinished:
                os.rename(unfinished, path)
        except BaseException:
            os.close(kept)
            raise
        self._open.append(_Replaced(path, kept, before, derive, time.monotonic() + GRACE_S))
        self._bytes += before.size
        while self._open and (
            len(self._open) >= MAX_OPEN or self._bytes > MAX_BYTES or self._open[0].due <= time.monotonic()
        ):
            self._settle_first()

    def close(self) -> None:
        """Settle what is not settled yet. What goes wrong is in :attr:`failures`."""
        while self._open:
            self._settle_first()

    def _settle_first(self) -> None:
        replaced = self._open.popleft()
        self._bytes -= replaced.before.size
        folder = os.path.dirname(replaced.path)
        try:
            time.sleep(max(0.0, replaced.due - time.monotonic()))
            self._settle(replaced)
            if not any(os.path.dirname(other.path) == folder for other in self._open):
                sync_folder(folder)  # once for all of its files
        except StoreError as error:
            self.failures.append((replaced.path, str(error)))
        except OSError as error:
            self.failures.append((replaced.path, f"{replaced.path}: could not be finished: {error.strerror}"))
        finally:
            os.close(replaced.fd)

    def _settle(self, replaced: _Replaced) -> None:
        """Bring what the old file got since it was read into the new one, until the old one stands still."""
        before = replaced.before
        for _ in range(MAX_ROUNDS):
            after = read_contents(replaced.fd, replaced.path, self._now())
            if after.archives == before.archives:
                return
            self._bring(replaced, before, after)
            before = after
        raise StoreError(f"{replaced.path}: the file it replaced is still written to, by a program that keeps it open")

    def _bring(self, replaced: _Replaced, before: Contents, after: Contents) -> None:
        """Write into the new file by how much *after* differs from *before*; what the server wrote there stays."""
        then, wanted = replaced.derive(before), replaced.derive(after)
        present = load_contents(replaced.path, self._now())
        finest = _owed(then[0], wanted[0], present.archives[0])
        self.late_points += len(finest)
        if len(finest):
            points = list(zip(finest.times.tolist(), finest.values.tolist(), strict=True))
            update(replaced.path, points, self._now())
        with opened(replaced.path, os.O_RDWR) as fd:
            for place, archive in enumerate(present.layout.archives[1:], start=1):
                owed = _owed(then[place], wanted[place], present.archives[place])
                rolled = finest.times - finest.times % archive.step  # update() has seen to those
                write_slots(fd, replaced.path, archive, owed.not_at(rolled))


def _owed(then: Points, wanted: Points, present: Points) -> Points:
    """Return what is in *wanted* and not in *then*, where *present* is as it was *then*."""
    changed = wanted.without(then)
    touched = present.without(then)
    return changed.not_at(touched.times)
