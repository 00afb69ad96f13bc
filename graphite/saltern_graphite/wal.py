"""The write-ahead log: every accepted point is here until it is in a Whisper file.

What it promises: an accepted point survives ``kill -9`` of the server, always, because it was handed to the kernel in
one ``write()`` before it was acknowledged. A power cut loses at most the last second with ``--fsync interval`` (the
default), nothing with ``always``, and whatever the kernel hadn't written yet with ``never``.

The log is a folder of numbered segments (:mod:`saltern_graphite.wal_record` has their bytes). Points go to the newest;
a segment is closed when it is large or a minute old, and deleted once no point in it is unwritten. At the next
start the segments that are left are read back into the cache. Writing a point twice changes nothing in Whisper, so
reading back more than needed does no harm.

What can't be read is kept (:mod:`saltern_graphite.wal_unreadable`): a segment of another version or with a damaged head
at once, one that is damaged further on when its points before that are in Whisper. Only what a crash leaves of the very
last record is cut off.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from saltern.errors import StoreError, os_errors
from saltern.files import make_folder
from saltern_graphite.durability import SYNC_INTERVAL_S, sync_folder, write_all
from saltern_graphite.generation import Seconds, Values
from saltern_graphite.names import Ids
from saltern_graphite.notices import Notices
from saltern_graphite.wal_record import MAGIC, Record, encode, is_torn
from saltern_graphite.wal_segment import read_points, why_not_read
from saltern_graphite.wal_unreadable import Unreadable

MAX_BYTES = 1024 * 1024 * 1024
SEGMENT_BYTES = 64 * 1024 * 1024
SEGMENT_AGE_S = 60.0
SUFFIX = ".wal"
_NUMBER = re.compile(r"[0-9]{10}|[1-9][0-9]{10,}")  # as _path writes it

log = logging.getLogger(__name__)


class Replayed(NamedTuple):
    """A record read back from *segment*. *places* are in *names*, a list that grows from record to record."""

    segment: int
    names: list[str]
    places: npt.NDArray[np.int64]
    times: Seconds
    values: Values


class Wal:
    """The log in *folder*; :meth:`open` it first. ``append`` and ``rotate`` may come from different threads.

    Metrics go by numbers; *names_of* turns some of them into names. *fsync* is one of
    :data:`saltern_graphite.durability.FSYNC_POLICIES`; *max_bytes* is where :attr:`full` begins.
    """

    def __init__(
        self,
        folder: str,
        names_of: Callable[[Sequence[int]], list[str]],
        *,
        fsync: str = "interval",
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._names_of = names_of
        self._named = np.zeros(1024, np.bool_)  # the numbers whose names are in the current segment
        self.folder = folder
        self.fsync = fsync
        self.max_bytes = max_bytes
        self.segment_bytes = min(SEGMENT_BYTES, max(max_bytes // 4, 1))
        self._lock = threading.Lock()
        self._notices = Notices(log)
        self._lock_fd = -1
        self._fd = -1
        self._current = 0
        self._opened_at = 0.0
        self._size = 0
        self._closed: dict[int, int] = {}
        self._damaged: set[int] = set()  # of the closed ones, those to be kept when they are released
        self.unreadable = Unreadable(folder)
        """What could not be read, of this run and of earlier ones."""
        self._dirty = False
        self._stopping = threading.Event()
        self._syncer: threading.Thread | None = None

    @property
    def current(self) -> int:
        """The number of the segment that points go to now."""
        return self._current

    @property
    def bytes(self) -> int:
        """The size of all segments together."""
        return self._size + sum(self._closed.copy().values())

    @property
    def full(self) -> bool:
        """Whether the bound is reached: nothing more should be received until segments are freed."""
        return self.bytes >= self.max_bytes

    def open(self) -> None:
        """Take the folder for this process alone and start a new segment.

        Raises ``StoreError`` when another process has it or it can't be written.
        """
        with os_errors(StoreError, self.folder, "can't be used", called=f"log folder {self.folder}"):
            make_folder(self.folder, 0o750)
            self._lock_fd = os.open(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock_fd)
            why = "stop the saltern-graphite that uses it, or choose another --root"
            raise StoreError(f"log folder {self.folder} is in use: {why}") from error
        self.unreadable.look()
        for name in sorted(os.listdir(self.folder)):
            stem, suffix = os.path.splitext(name)
            if suffix == SUFFIX and _NUMBER.fullmatch(stem):
                self._closed[int(stem)] = os.path.getsize(os.path.join(self.folder, name))
        try:
            self._start_segment(max(self._closed, default=0) + 1)
        except OSError as error:
            os.close(self._lock_fd)
            raise StoreError(f"no log can be written in {self.folder}: {error.strerror}") from error
        if self.fsync == "interval":
            self._syncer = threading.Thread(target=self._sync_forever, name="log-sync", daemon=True)
            self._syncer.start()

    def replay(self) -> Iterator[Replayed]:
        """Yield every record left by earlier runs, in the order they were written.

        A torn tail of the last segment is cut off. What else can't be read is kept. One log line says either.
        """
        last = max(self._closed, default=0)
        for segment in sorted(self._closed):
            try:
                with open(self._path(segment), "rb") as file:
                    data = file.read()
            except OSError as error:
                self._set_aside(segment, f"it can't be read: {error.strerror}")
                continue
            why, help_ = why_not_read(data)
            if why:
                self._set_aside(segment, why, help_)
                continue
            end = len(MAGIC)
            for read in read_points(data):
                end = read.end
                yield Replayed(segment, read.names, read.places, read.times, read.values)
            if end >= len(data):
                continue
            if segment == last and is_torn(memoryview(data)[end:]):
                self._cut(segment, end, len(data))
            else:
                self._keep_later(segment, end, len(data))

    def append(self, ids: Ids, times: Seconds, values: Values) -> int:
        """Write points, three columns of one length, and return the number of the segment they are in.

        When it returns they survive ``kill -9`` (and, with ``always``, a power cut). Raises ``StoreError`` when
        they can't be written; then nothing of them is in the log.
        """
        with self._lock:
            new = self._not_named(ids)
            record = encode(Record(ids, times, values, new, self._names_of(new.tolist())))
            try:
                write_all(self._fd, record)
                if self.fsync == "always":
                    os.fdatasync(self._fd)
            except OSError as error:
                self._undo()
                raise StoreError(f"log {self._path(self._current)} can't be written: {error.strerror}") from error
            self._named[new] = True
            self._size += len(record)
            self._dirty = True
            return self._current

    def rotate(self) -> None:
        """Close the current segment and start the next when it is large or old enough; errors are only logged."""
        with self._lock:
            age = time.monotonic() - self._opened_at
            if self._size <= len(MAGIC) or (self._size < self.segment_bytes and age < SEGMENT_AGE_S):
                return
            old, fd, size = self._current, self._fd, self._size
            try:
                self._start_segment(old + 1)
            except OSError as error:
                self._notices.warn("rotate", "no new log segment in %s: %s", self.folder, error.strerror)
                return
            self._closed[old] = size
        self._sync(fd)
        os.close(fd)

    def releasable(self, before: int) -> bool:
        """Return whether there are closed segments numbered below *before*."""
        return any(segment < before for segment in self._closed.copy())

    def release(self, before: int) -> None:
        """Delete the closed segments numbered below *before*, but keep the damaged: their points are in Whisper."""
        for segment in sorted(self._closed.copy()):
            if segment >= before:
                break
            path = self._path(segment)
            try:
                if segment in self._damaged:
                    self.unreadable.keep(path)
                    self._damaged.discard(segment)
                else:
                    os.unlink(path)
            except OSError as error:
                self._notices.warn("unlink", "log segment %s stays: %s", path, error.strerror)
                return
            del self._closed[segment]

    def close(self) -> None:
        """Sync what is written and give the folder free. The segments stay for the next start."""
        self._stopping.set()
        if self._syncer is not None:
            self._syncer.join()
        self._sync(self._fd)
        os.close(self._fd)
        os.close(self._lock_fd)

    def _path(self, segment: int) -> str:
        return os.path.join(self.folder, f"{segment:010d}{SUFFIX}")

    def _start_segment(self, number: int) -> None:
        fd = os.open(self._path(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        try:
            write_all(fd, MAGIC)
            if self.fsync != "never":
                sync_folder(self.folder)
        except OSError:
            os.close(fd)
            os.unlink(self._path(number))
            raise
        self._fd, self._current = fd, number
        self._named[:] = False
        self._size, self._opened_at = len(MAGIC), time.monotonic()

    def _not_named(self, ids: Ids) -> Ids:
        """Return those of *ids*, each once, whose names the current segment doesn't have yet."""
        highest = int(ids.max(initial=0))
        if highest >= len(self._named):
            more = np.zeros(max(highest + 1, 2 * len(self._named)), np.bool_)
            more[: len(self._named)] = self._named
            self._named = more
        new = ids[~self._named[ids]]
        return np.unique(new) if len(new) else new

    def _undo(self) -> None:
        """Cut a half-written record off, so that later ones can be read."""
        try:
            os.ftruncate(self._fd, self._size)
        except OSError as error:
            self._notices.warn("undo", "log %s: %s", self._path(self._current), error.strerror)

    def _cut(self, segment: int, end: int, size: int) -> None:
        path = self._path(segment)
        log.warning("log segment %s: %d bytes after the last whole record are damaged and cut off", path, size - end)
        try:
            os.truncate(path, end)
        except OSError as error:
            log.warning("log segment %s can't be cut: %s", path, error.strerror)
        self._closed[segment] = end

    def _set_aside(self, segment: int, why: str, help_: str = "") -> None:
        """Take *segment*, of which nothing could be read, out of the log: nothing here may ever delete it."""
        path, size = self._path(segment), self._closed.pop(segment)
        try:
            aside = self.unreadable.keep(path)
        except OSError as error:
            self.unreadable.add(path)
            log.error("log segment %s: %s; it stays there, for it can't be renamed: %s", path, why, error.strerror)
            return
        log.error("log segment %s: %s; its %d bytes are kept as %s%s", path, why, size, aside, help_)

    def _keep_later(self, segment: int, end: int, size: int) -> None:
        path = self._path(segment)
        self._damaged.add(segment)
        log.error(
            "log segment %s: %d bytes from byte %d on are damaged; the points before them are read, and once these are"
            " in files it is kept as %s",
            path, size - end, end, self.unreadable.name_for(path),
        )  # fmt: skip

    def _sync_forever(self) -> None:
        while not self._stopping.wait(SYNC_INTERVAL_S):
            with self._lock:
                if not self._dirty:
                    continue
                try:
                    fd = os.dup(self._fd)  # a rotation may close the segment meanwhile
                except OSError as error:  # no descriptor is left: it stays dirty, and is tried again
                    self._notices.warn("sync", "log in %s can't be synced to disk: %s", self.folder, error.strerror)
                    continue
                self._dirty = False
            self._sync(fd)
            os.close(fd)

    def _sync(self, fd: int) -> None:
        if self.fsync == "never":
            return
        try:
            os.fdatasync(fd)
        except OSError as error:
            self._dirty = True  # to be tried again, even if nothing more comes
            self._notices.warn("sync", "log in %s can't be synced to disk: %s", self.folder, error.strerror)
