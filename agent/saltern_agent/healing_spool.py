"""A spool whose folder may be unusable now, and usable later: the agent works all the same.

::

    open ──its folder is removed──▶ shut ──the folder can be used──▶ open
                                    keeps nothing, says why          a new one, or the old one again

While it is shut whoever appends is told so, and keeps the message in memory.
"""

from __future__ import annotations

import errno
import logging
import os

from saltern.errors import JournalError
from saltern.set_aside import foreign_aside
from saltern_agent.spool import KIND, Record, Spool, SpoolTaken

log = logging.getLogger(__name__)

GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE})
MAX_GONE = 16


class HealingSpool:
    """The spool in *folder*, bounded as ``Spool`` is; shut while that can't be used.

    ``retry`` is to be called now and then while ``shut``. Raises ``SpoolTaken`` when another agent uses the folder as
    this one starts. Not safe for several threads.
    """

    def __init__(self, folder: str, max_bytes: int, max_age_s: float) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._spool: Spool | None = None
        self._file: tuple[int, int] | None = None  # device and inode of the cursor in use
        self._error = JournalError(f"{folder}: is not in use yet", path=folder)
        self._refused = 0  # the first number that could not be appended, and may still be in memory
        self._dropped = self._unreadable = 0  # by spools before this one
        self._gone: dict[tuple[int, int], int] = {}  # messages in those that were removed: a disk may come back
        try:
            self._open()
        except SpoolTaken:
            raise
        except JournalError as error:
            self._say(error)

    @property
    def shut(self) -> bool:
        """Whether nothing can be kept on disk."""
        return self._spool is None

    @property
    def pending(self) -> int:
        """Messages on disk that aren't acknowledged."""
        return self._spool.pending if self._spool else 0

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._spool.size if self._spool else 0

    @property
    def dropped(self) -> int:
        """Messages lost to the bounds, to damage, or with their folder."""
        return self._dropped + (self._spool.dropped if self._spool else 0)

    @property
    def unreadable(self) -> int:
        """Segments that were set aside."""
        return self._unreadable + (self._spool.unreadable if self._spool else 0)

    @property
    def acked(self) -> int:
        """Up to which number all was acknowledged, as far as the folder knows."""
        return self._spool.acked if self._spool else 0

    @property
    def last_seq(self) -> int:
        """The highest number in the folder."""
        return self._spool.last_seq if self._spool else 0

    @property
    def highest(self) -> int:
        """The highest number that the folder knows of: what is new must be above it."""
        return max(self.last_seq, self.acked)

    def retry(self, *, idle: bool) -> None:
        """Look after the folder: whether it is still there, and whether one that was shut can be opened.

        *idle*: no message in memory was sent and waits for its acknowledgement. Otherwise a folder with older messages
        stays shut: an acknowledgement of a newer one would cover them, and they weren't sent.
        """
        if self._spool is not None and not self._in_place():
            self._lose()
        if self._spool is None:
            self._reopen(idle=idle)

    def append(self, seq: int, frame: bytes, *, read: bool = False) -> None:
        """Keep *frame* as ``Spool.append`` does. Raises ``JournalError``."""
        if self._spool is not None and not self._in_place():
            self.retry(idle=False)
        if self._spool is None:
            self._refused = self._refused or seq
            raise JournalError(str(self._error), path=self.folder)
        self._spool.append(seq, frame, read=read)

    def peek(self) -> Record | None:
        """Return the next record to read, if there is one."""
        return self._spool.peek() if self._spool else None

    def advance(self) -> None:
        """Go past the record that ``peek`` returned."""
        if self._spool:
            self._spool.advance()

    def rewind(self) -> None:
        """Read again from the first that wasn't acknowledged."""
        if self._spool:
            self._spool.rewind()

    def ack(self, seq: int) -> None:
        """Forget what is acknowledged. What a shut folder may hold is older, and was not sent."""
        if self._spool:
            self._spool.ack(seq)

    def expire(self) -> None:
        """Drop what is older than the bound."""
        if self._spool:
            self._spool.expire()

    def close(self) -> None:
        """Give back the files."""
        if self._spool:
            self._spool.close()
            self._spool = None

    def _open(self) -> None:
        self._clear_the_way()
        spool = Spool(self.folder, self._max_bytes, self._max_age_s)
        try:
            self._file = self._look()
        except OSError as error:
            spool.close()
            raise JournalError(f"{self.folder}: can't be used as a spool: {error.strerror}", path=self.folder) from None
        self._spool = spool
        self._dropped -= self._gone.pop(self._file, 0)

    def _clear_the_way(self) -> None:
        """Set aside what is no folder, or no file, where the spool has one; what can't be is told by ``Spool``."""
        foreign_aside(self.folder, folder=True)
        try:
            names = os.listdir(self.folder)
        except OSError:
            return
        for name in names:
            if name == "cursor" or name.endswith(KIND.suffix):
                foreign_aside(os.path.join(self.folder, name))

    def _reopen(self, *, idle: bool) -> None:
        try:
            self._open()
            spool = self._spool
            assert spool is not None
            if idle:
                self._refused = 0
            if (spool.pending and not idle) or 0 < self._refused <= self.highest:
                self.close()
                self._error = JournalError(f"{self.folder}: has messages that come first", path=self.folder)
                return
        except JournalError as error:
            self._say(error)
            return
        self._refused = 0
        self._error = JournalError(f"{self.folder}: is not in use yet", path=self.folder)
        log.warning("%s: can be used again: returns go to disk", self.folder)

    def _say(self, error: JournalError) -> None:
        """Log why the folder can't be used, when that is news."""
        if str(error) != str(self._error):
            log.error("%s: returns are kept in memory until it can be used", error)
        self._error = error

    def _look(self) -> tuple[int, int]:
        status = os.stat(os.path.join(self.folder, "cursor"), follow_symlinks=False)
        return status.st_dev, status.st_ino

    def _in_place(self) -> bool:
        """Whether the folder is still the one that was opened."""
        try:
            return self._look() == self._file
        except OSError as error:
            return error.errno not in GONE  # with another error appending will tell

    def _lose(self) -> None:
        spool = self._spool
        assert spool is not None
        log.error("%s: was removed, and %d messages in it", self.folder, spool.pending)
        self._dropped += spool.dropped + spool.pending
        if self._file is not None:
            self._gone[self._file] = spool.pending
            while len(self._gone) > MAX_GONE:
                self._gone.pop(next(iter(self._gone)))
        self._unreadable += spool.unreadable
        self.close()
