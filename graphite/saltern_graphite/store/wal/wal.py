"""The write-ahead log: every accepted point is here until it is in a Whisper file.

What it promises: an accepted point survives ``kill -9`` of the server, always, because it was handed to the kernel in
one ``write()`` before it was acknowledged. A power cut loses at most the last second with ``--fsync interval`` (the
default), nothing with ``always``, and whatever the kernel hadn't written yet with ``never``.

The log is a folder of numbered segments (:mod:`saltern.segments` draws them, :mod:`saltern_graphite.store.wal.record`
what the records hold). Points go to the newest; a segment is closed when it is large or a minute old, and deleted once
no point in it is unwritten. At the next start the segments that are left are read back into the cache, from the place
on up to which all was in files (:mod:`saltern_graphite.store.wal.mark`).

A write that failed is cut off again, and nobody is told that its points are kept. Where the disk has refused to make
bytes last, it isn't known which it has: what comes next goes to another segment, and each write is synced before it is
acknowledged until one sync has worked. A folder that can't be written is tried again at each write.

What can't be read is kept (:mod:`saltern_graphite.store.wal.unreadable`), and counted: what damage took, and segments
that are gone.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import numpy as np

from saltern.complaints import Complaints
from saltern.errors import StoreError
from saltern.files import make_folder
from saltern.segments import Segment
from saltern_graphite.store.names import Ids
from saltern_graphite.store.numbers import Numbers
from saltern_graphite.store.packed import Seconds, Values
from saltern_graphite.store.wal.mark import Looks, MarkFile, Place
from saltern_graphite.store.wal.record import KEPT_BYTES, KIND, Bodies, PointsBody, encode_names, encode_points
from saltern_graphite.store.wal.replay import Closed, Replay, Replayed, segment_path
from saltern_graphite.store.wal.segment import Points
from saltern_graphite.store.wal.unreadable import Unreadable
from saltern_graphite.whisper.durability import SYNC_INTERVAL_S, sync_folder, write_all

__all__ = ["MAX_BYTES", "Place", "Replayed", "Wal"]

MAX_BYTES = 4 * 1024 * 1024 * 1024
SEGMENT_BYTES = 256 * 1024 * 1024
SEGMENT_AGE_S = 60.0

log = logging.getLogger(__name__)


class Wal:
    """The log in *folder*; :meth:`open` it first. ``append`` and ``rotate`` may come from different threads.

    Metrics go by numbers; *names_of* turns some of them into names. *fsync* is one of
    :data:`saltern_graphite.whisper.durability.FSYNC_POLICIES`; *max_bytes* is where :attr:`full` begins.
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
        self._named = Numbers()  # those whose names are in the current segment
        self.folder = folder
        self.fsync = fsync
        self.max_bytes = max_bytes
        self.segment_bytes = min(SEGMENT_BYTES, max(max_bytes // 4, 1))
        self.most_kept = self.segment_bytes // (2 * KEPT_BYTES)
        """So many late points may be kept, as each segment has all of them."""
        self._lock = threading.Lock()
        self._notices = Complaints(log, logging.WARNING)
        self._folder_fd = -1  # locked; -1 until there is a folder
        self._fd = -1  # of the current segment; -1 until it is begun
        self._segment = Segment(KIND, "")
        self._current = 1
        self._opened_at = 0.0
        self._first_own = 0
        self._own_again = False  # what this run appended is to be read back too
        self._closed: dict[int, Closed] = {}
        self._mark = MarkFile(folder)
        self._replay = Replay(folder, self._closed)
        self._points = 0  # appended by this run
        self._looks = Looks()
        self._ended = False
        self.unreadable = Unreadable(folder)
        """What could not be read, of this run and of earlier ones."""
        self.lost = 0
        """Points that damage took, or segments that are gone, as far as that can be told."""
        self._dirty = False
        self._doubtful = False  # the last sync failed
        self.refused = 0
        """So many bytes could not be written at once, and as many were not written since; 0: all is well."""
        self._stopping = threading.Event()
        self._syncer: threading.Thread | None = None

    @property
    def current(self) -> int:
        """The number of the segment that points go to now, or will."""
        return self._current

    @property
    def end(self) -> Place:
        """The place that the next record gets, or one before it."""
        return Place(self._current, self._segment.next_number if self._fd >= 0 else 0)

    @property
    def gone(self) -> int:
        """How many segments were missing when the folder was taken."""
        return self._replay.gone

    @property
    def bytes(self) -> int:
        """The size of all segments together."""
        return self._size + sum(one.size for one in self._closed.copy().values())

    @property
    def full(self) -> bool:
        """Whether the bound is reached: nothing more should be received until segments are freed."""
        return self.bytes >= self.max_bytes

    @property
    def unread(self) -> bool:
        """Whether there are segments of earlier runs that :meth:`replay` has not read yet."""
        return bool(self._replay.unread) or self._own_again

    @property
    def unread_why(self) -> str:
        """Why :meth:`replay` could not read one of them; empty when it could."""
        return self._replay.why

    def open(self) -> str:
        """Take the folder for this process alone; return why nothing can be written to it, or ``""``.

        What can't be now is tried again with each :meth:`append`. Raises ``StoreError`` when another process has the
        folder, or it can never be one.
        """
        why = ""
        try:
            with self._lock:
                self._ready()
        except (NotADirectoryError, FileExistsError) as error:
            raise StoreError(f"log folder {self.folder} can't be used: {error.strerror}") from error
        except OSError as error:
            why = f"log {error.filename or self.folder} can't be written: {error.strerror}"
        if self.fsync == "interval":
            self._syncer = threading.Thread(target=self._sync_forever, name="log-sync", daemon=True)
            self._syncer.start()
        return why

    def replay(self) -> Iterator[Replayed]:
        """Yield what earlier runs left, in the order it was written: points that are in no file, and those kept.

        A segment that can't be read just now ends it, and :attr:`unread` says so: the next call goes on there. What was
        appended by then is newer, and comes once more at the end.

        The torn end of a segment is cut off. What else can't be read is kept and counted; one log line says either.
        """
        if self._points and self._replay.unread:  # it may be in files already: it is to come behind what is older
            self._own_again = True
        yield from self._replay.read()
        if self._own_again and not self._replay.unread:
            self._meet_own()
            yield from self._replay.read()
        self.unreadable.look()
        self.lost += self._replay.lost
        self._replay.lost = 0
        if self._replay.why:
            self._notices.say("read", "%s: it is tried again; what comes meanwhile is kept", self._replay.why)
        else:
            self._notices.over("read", "log in %s: all of it could be read", self.folder)

    def kept(self) -> Iterator[tuple[int, list[Points]]]:
        """Yield the late points kept in each segment that :meth:`replay` is not through with, and its number."""
        yield from self._replay.kept()

    def append(self, ids: Ids, times: Seconds, values: Values, widths: Seconds | None = None) -> Place:
        """Write points, columns of one length, and return the place they are behind.

        When it returns they survive ``kill -9`` (and, with ``always``, a power cut). With *widths* they are not points
        to be written but late ones kept. Raises ``StoreError`` when they can't be written; then nothing of them is in
        the log.
        """
        with self._lock:
            try:
                self._ready()
            except OSError as error:
                path = error.filename or self.folder
                raise StoreError(f"log {path} can't be written: {error.strerror}") from error
            new = self._named.others(ids)
            bodies = [encode_points(PointsBody(ids, times, values, widths))]
            if len(new):
                names = encode_names(new, self._names_of(new.tolist()))
                bodies = [names, *bodies, names]
            place = self.end
            self._write(bodies)
            self._named.add(new)
            if widths is None:
                self._points += len(ids)
            return place

    def _meet_own(self) -> None:
        """Have all that this run appended read back."""
        current, size = self._current, self._size
        self.rotate(now=True)
        try:
            for number in sorted(self._closed.copy()):
                if number >= self._first_own:
                    self._replay.read_again(number)
        except OSError as error:
            self._replay.why = f"log segment {error.filename} can't be read just now: {error.strerror}"
        else:
            self._own_again = size > 0 and self._current == current

    def rotate(self, *, now: bool = False) -> None:
        """Close the current segment and start the next when it is large or old enough, or gone; errors are logged.

        *now*: if there is anything in it.
        """
        with self._lock:
            if self._fd < 0:
                return
            if not self._is_there():
                self._notices.say("gone", "log %s is gone; another one is begun", self._segment.path)
                self._abandon()
                os.close(self._folder_fd)
                self._folder_fd = -1
                return
            age = time.monotonic() - self._opened_at
            if not self._size or not (now or self._size >= self.segment_bytes or age >= SEGMENT_AGE_S):
                return
            old, fd, segment = self._current, self._fd, self._segment
            try:
                self._start_segment(old + 1)
            except OSError as error:
                self._notices.say("rotate", "no new log segment in %s: %s", self.folder, error.strerror)
                return
            self._closed[old] = Closed(segment.path, segment.size)
        self._sync(fd)
        os.close(fd)

    def probe(self) -> None:
        """See whether it can be written, as much as could not be the last time. Raises ``StoreError``."""
        nothing = np.zeros(0, np.uint32)
        self.append(nothing, nothing, np.zeros(0), nothing)
        with self._lock:
            if self.refused and self._fd >= 0:
                self._write_all(bytearray(self.refused))  # zeros at the end are cut off, should we be killed now
                self._undo()
                self.refused = 0

    def written(self, place: Place) -> Place:
        """Remember that all before *place* is in files, or at least what is before the place that is returned."""
        with self._lock:
            if self._ended or self._folder_fd < 0 or self.unread:
                return place
            self._looks.add(self.end, self._points)
            place, waiting = self._looks.last_before(place, self._points)
            try:
                self._mark.save(place, self.end, waiting)
            except OSError as error:
                self._notices.say("mark", "log in %s: how far it is written can't be noted: %s", self.folder, error)
                self._mark.forget()
            return place

    def releasable(self, before: int) -> bool:
        """Return whether there are closed segments numbered below *before*."""
        return any(segment < before for segment in self._closed.copy())

    def release(self, before: int) -> None:
        """Delete the closed segments numbered below *before*; what could not be read or copied of them is kept."""
        for segment in sorted(self._closed.copy()):
            if segment >= before or segment in self._replay.unread or self._own_again:
                break
            closed = self._closed[segment]
            try:
                closed.remove()
            except OSError as error:
                self._notices.say("unlink", "log segment %s stays: %s", closed.path, error.strerror)
                return
            del self._closed[segment]

    def close(self) -> None:
        """Sync what is written and give the folder free. The segments stay for the next start."""
        self._stopping.set()
        if self._syncer is not None:
            self._syncer.join()
        with self._lock:
            self._ended = True
            if self._fd >= 0:
                self._sync(self._fd)
                os.close(self._fd)
                self._fd = -1
            self._mark.close()
            if self._folder_fd >= 0:
                os.close(self._folder_fd)
                self._folder_fd = -1

    @property
    def _size(self) -> int:
        return self._segment.size if self._fd >= 0 else 0

    def _ready(self) -> None:
        """Have a segment to write to. Raises ``OSError``, or ``StoreError`` when others use the folder."""
        if self._ended:
            raise StoreError(f"log in {self.folder} is closed")
        if self._folder_fd < 0:
            self._take_folder()
        if self._fd < 0:
            self._start_segment(self._current)

    def _take_folder(self) -> None:
        make_folder(self.folder, 0o750)
        fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._mark.close()
            self._current = max(self._current, self._replay.look(self._mark.load()))
        except BlockingIOError as error:
            os.close(fd)
            why = "stop the saltern-graphite that uses it, or choose another --root"
            raise StoreError(f"log folder {self.folder} is in use: {why}") from error
        except OSError:
            os.close(fd)
            raise
        self._folder_fd = fd
        self.unreadable.look()

    def _start_segment(self, number: int) -> None:
        while True:
            path = segment_path(self.folder, number)
            try:
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640)
                break
            except FileExistsError:  # one that failed to begin and could not be removed; the next start looks at it
                number += 1
        try:
            if self.fsync != "never":
                sync_folder(self.folder)
        except OSError:
            os.close(fd)
            with suppress(OSError):
                os.unlink(path)
            raise
        self._fd, self._current, self._segment = fd, number, Segment(KIND, path)
        self._first_own = self._first_own or number
        self._named.clear()
        self._opened_at = time.monotonic()

    def _write(self, bodies: Bodies) -> None:
        """Append records, all or none. Raises ``StoreError``."""
        data = self._segment.pack(bodies)
        synced = self.fsync == "always" or self._doubtful
        self._write_all(data, synced=synced)
        self._segment.wrote(len(data), len(bodies))
        if len(data) >= self.refused:
            self.refused = 0
        if synced and self._doubtful:
            self._doubtful = False
            self._notices.over("sync", "log in %s is synced to disk again", self.folder)
        self._dirty = self._dirty or not synced

    def _write_all(self, data: bytearray, *, synced: bool = False) -> None:
        try:
            write_all(self._fd, memoryview(data))
            if synced:
                try:
                    os.fdatasync(self._fd)
                except OSError:
                    self._doubtful = True
                    raise
        except OSError as error:
            path = self._segment.path
            self.refused = max(self.refused, len(data))
            self._undo()
            raise StoreError(f"log {path} can't be written: {error.strerror}") from error

    def _undo(self) -> None:
        """Cut off what was not written whole; where that can't be, or the disk is in doubt, have another segment."""
        try:
            os.ftruncate(self._fd, self._segment.size)
        except OSError as error:
            self._notices.say("undo", "log %s: %s", self._segment.path, error.strerror)
        else:
            if not self._doubtful:
                return
        self._abandon()

    def _abandon(self) -> None:
        """Write no more to the current segment."""
        os.close(self._fd)
        self._fd = -1
        if self._segment.size:
            self._closed[self._current] = Closed(self._segment.path, self._segment.size)
            self._current += 1
        else:
            try:
                os.unlink(self._segment.path)
            except FileNotFoundError:
                return
            except OSError:  # it is to be tried again when the log is freed
                self._closed[self._current] = Closed(self._segment.path, 0)
                self._current += 1

    def _is_there(self) -> bool:
        try:
            return os.path.samestat(os.stat(self._segment.path), os.fstat(self._fd))
        except OSError as error:
            return not isinstance(error, FileNotFoundError | NotADirectoryError)

    def _sync_forever(self) -> None:
        while not self._stopping.wait(SYNC_INTERVAL_S):
            with self._lock:
                if not self._dirty or self._fd < 0:
                    continue
                try:
                    fd = os.dup(self._fd)  # a rotation may close the segment meanwhile
                except OSError as error:  # no descriptor is left: it stays dirty, and is tried again
                    self._notices.say("sync", "log in %s can't be synced to disk: %s", self.folder, error.strerror)
                    continue
                self._dirty = False
            failed = not self._sync(fd)
            with self._lock:
                if failed and self._fd >= 0 and os.path.samestat(os.fstat(fd), os.fstat(self._fd)):
                    self._abandon()  # a second sync of it would say that all is well, whatever the first one lost
            os.close(fd)

    def _sync(self, fd: int) -> bool:
        if self.fsync == "never":
            return True
        try:
            os.fdatasync(fd)
        except OSError as error:
            self._doubtful = True  # until a sync has worked nothing is acknowledged without one
            self._notices.say("sync", "log in %s can't be synced to disk: %s", self.folder, error.strerror)
            return False
        return True
