"""Records out to the file, and from there to the store: for the thread of the audit."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from saltern.complaints import Trouble
from saltern.errors import JournalError, RecordError
from saltern_master.audit.lines import lines_of
from saltern_master.audit.record import Record, record_of
from saltern_master.audit.store import AuditStore
from saltern_master.audit.trail import Trail, Written

log = logging.getLogger(__name__)

BATCH = 500
PURGE_EVERY_S = 60.0


class Writer:
    """Writes to *trail* and then to *store*, which is made up from the file when it missed something.

    *keep_s*, *max_bytes*: what the store may hold.
    """

    def __init__(
        self, trail: Trail, store: AuditStore, keep_s: float, max_bytes: int, clock: Callable[[], float]
    ) -> None:
        self._trail = trail
        self._store = store
        self._keep_s = keep_s
        self._max_bytes = max_bytes
        self._clock = clock
        self._began = False
        self._sure = False
        self._there = 0  # of the records that were tried last, how many are in the file
        self._behind = True
        self._purged_at = -PURGE_EVERY_S
        self._file_trouble, self._store_trouble = Trouble(log), Trouble(log)

    @property
    def failures(self) -> int:
        """How often the file or the store could not be used."""
        return self._file_trouble.count + self._store_trouble.count

    def write(self, records: Sequence[Record]) -> int:
        """Write *records*, and return how many of the first are in the file.

        Raises ``JournalError`` when the file can't be written: the same are to be tried again, others behind them.
        """
        try:
            if not self._began:
                self._begin()
            if not self._sure:
                self._look(len(records))
            self._sure = False
            todo = records[self._there :]
            written = self._trail.append(todo) if todo else []
            self._sure, self._there = True, 0
        except JournalError as error:
            self._file_trouble.met(str(error))
            raise
        self._file_trouble.over(f"{self._trail.path}: the audit is written again")
        self._put(written)
        return len(records)

    def purge(self) -> bool:
        """Delete now and then what is too old or too much, a slice of it; return whether there is more to do."""
        if self._behind or time.monotonic() - self._purged_at < PURGE_EVERY_S:
            return False
        try:
            if self._store.purge(self._clock() - self._keep_s, self._max_bytes):
                return True
            self._purged_at = time.monotonic()
        except JournalError as error:
            self._behind = True
            self._store_trouble.met(str(error))
        return False

    def fail(self) -> None:
        """Take nothing for granted any more."""
        self._sure = False

    def close(self) -> None:
        """Let go of the files."""
        self._trail.close()
        self._store.close()

    def _begin(self) -> None:
        newest = None
        try:
            self._store.open()
            newest = self._store.newest()
        except JournalError as error:
            self._store_trouble.met(str(error))
        missing = self._trail.begin(*(newest or (0, "")))
        if missing:
            log.error("%s: %d lines of the audit are missing at its end", self._trail.path, missing)
        self._began = self._sure = True

    def _look(self, tried: int) -> None:
        """Look how many of those that were *tried* are in the file."""
        before = self._trail.seq
        self._trail.look()
        more = self._trail.seq - before
        self._there += more if self._there + more <= tried else 0  # else somebody wrote a number of his own
        self._behind = True  # nobody has them as lines that were written

    def _put(self, written: Sequence[Written]) -> None:
        """Put lines that were *written* into the store, or what it lacks."""
        try:
            if self._behind:
                self._catch_up()
                self._behind = False
            elif written:
                self._store_rows(written)
            self._store_trouble.over("the audit's store can be used again")
        except (JournalError, OSError) as error:
            self._behind = True
            self._store_trouble.met(str(error))

    def _catch_up(self) -> None:
        """Put into the store what the file has beyond it."""
        self._store.open()
        newest = self._store.newest()
        last = newest[0] if newest is not None else 0
        some: list[Written] = []
        for path in (self._trail.before, self._trail.path) if last < self._trail.seq else ():
            for line in lines_of(path):
                if line.said is None or line.seq <= last:
                    continue
                try:
                    record = record_of(line.said)
                except ValueError:
                    continue  # it is none of ours, as ``verdict_on`` says
                last = line.seq
                some.append(Written(line.seq, line.digest, record, line.size))
                if len(some) >= BATCH:
                    self._store_rows(some)
                    some = []
        if some:
            self._store_rows(some)

    def _store_rows(self, written: Sequence[Written]) -> None:
        try:
            self._store.put(written)
        except RecordError as error:
            if len(written) > 1:
                for one in written:
                    self._store_rows([one])
            else:
                log.error("the audit's store does not take number %d, which is in the file: %s", written[0].seq, error)
