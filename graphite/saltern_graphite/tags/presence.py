"""Series whose files are gone leave the tag index, and come back with them.

The name of a file is but a hash, and each is in a folder of its own: nothing short of a look at each file tells that
one is gone. It costs five microseconds a series, a sixth of a processor for 40 s with 1.6 million of them.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence

from saltern_graphite.rules.metric_name import relative_path
from saltern_graphite.tags.index import TagIndex
from saltern_graphite.tags.tagged_name import readable_path

AT_ONCE = 500
"""Series at a time: some milliseconds' work."""
REST = 5
"""So many times as long as a look at these took the processor nothing is done after it,"""
REST_OF_DISK = 2
"""or as long as it took at all: where the disk has to be read for it, others need that too."""
REMEMBERED_S = 30 * 86_400
"""For how long a file that is gone may come back, and its series with it."""
MAX_REMEMBERED = 1_000_000
"""So many series may be waited for so; the ones that went first are forgotten first."""

_SERIES = "SELECT id, path FROM series WHERE id > ? ORDER BY id LIMIT ?"
_ABSENT = "SELECT path FROM absent WHERE path > ? ORDER BY path LIMIT ?"
FORGET_EVERY_S = 3_600.0


class Presence:
    """Keeps *index* equal to the files below *whisper_dir*. For one thread.

    *waits* tells whether a series has points that are in no file yet; *forget* has those of some names announced again
    that don't wait, when they come next, and returns how many those are. *rest* is called with seconds to rest, and
    returns whether to end.
    """

    def __init__(
        self,
        index: TagIndex,
        whisper_dir: str,
        waits: Callable[[str], bool] = lambda name: False,
        forget: Callable[[Sequence[str]], int] = len,
        rest: Callable[[float], bool] = lambda seconds: False,
    ) -> None:
        self.gone = 0
        """How many series left the index because their files were gone."""
        self.found = 0
        """How many came back with their files."""
        self.looked = 0.0
        """When the last look at all ended, in epoch seconds; 0 before the first."""
        self.seconds = 0.0
        """How long it took."""
        self._index = index
        index.has_file = self.has_file
        self._prefix = f"{whisper_dir}/"
        self._waits = waits
        self._forget = forget
        self._rest = rest
        self._forget_at = 0.0
        self._ended = False

    def look(self) -> None:
        """Look at all series once, unless told to end. Raises ``StoreError``."""
        if self._index.file.ill and not self._index.file.read_only:  # memory stands in, and nothing is lost of it
            return
        began = time.monotonic()
        self._ended = False
        for some in self._rested(self._absent()):
            if present := [name for name in some if self.has_file(name)]:
                self.found += self._index.regain(present)
        for some in self._rested(self._series()):
            self._lose([name for name in some if not self.has_file(name)])
        if self._ended:
            return
        if began >= self._forget_at:
            self._forget_at = began + FORGET_EVERY_S
            self._index.forget_lost(time.time() - REMEMBERED_S, MAX_REMEMBERED)
        self.looked, self.seconds = time.time(), time.monotonic() - began

    def _lose(self, missing: list[str]) -> None:
        """Take those of *missing* out that were not entered by hand, and have no points on their way."""
        if not missing:
            return
        with self._index.file.reading() as connection:
            entered = "SELECT 1 FROM absent WHERE path = ?"
            missing = [name for name in missing if connection.execute(entered, (name,)).fetchone() is None]
        gone = [name for name in missing if not self._waits(name)]
        gone = [name for name in gone if not self.has_file(name)]  # points go from there to here
        if not gone or self._forget(gone) != len(gone):  # of some a point has come: at the next look
            return
        self.gone += self._index.lose(gone)
        # A point that came since was announced before it could be lost, or has waited since.
        if back := [name for name in gone if self._waits(name) or self.has_file(name)]:
            self._index.regain(back)

    def _series(self) -> Iterator[list[str]]:
        last = 0
        while True:
            with self._index.file.reading() as connection:
                rows = connection.execute(_SERIES, (last, AT_ONCE)).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield [path for _, path in rows]

    def _absent(self) -> Iterator[list[str]]:
        last = ""
        while True:
            with self._index.file.reading() as connection:
                names = [path for (path,) in connection.execute(_ABSENT, (last, AT_ONCE))]
            if not names:
                return
            last = names[-1]
            yield names

    def _rested(self, batches: Iterator[list[str]]) -> Iterator[list[str]]:
        """Yield *batches*, and rest after each; end when told to."""
        while not self._ended:
            began, busy = time.monotonic(), time.thread_time()
            some = next(batches, None)
            if some is None:
                return
            yield some
            self._ended = self._ended or self._rest(
                max(REST * (time.thread_time() - busy), REST_OF_DISK * (time.monotonic() - began))
            )

    def has_file(self, name: str) -> bool:
        """Whether there is a file of *name*, or none can be seen there: that is not gone."""
        path = self._prefix + relative_path(name)
        if os.access(path, os.F_OK):
            return True
        paths = [path, self._prefix + readable_path(name)] if ";" in name else [path]
        return any(map(_may_be, paths))


def _may_be(path: str) -> bool:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        return error.errno != errno.ENAMETOOLONG
    return True
