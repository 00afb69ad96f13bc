"""The audit of a master: records in at once, from any thread; lines and rows out, in a thread of its own.

::

    put ──▶ queue ──▶ file (a chained line) ──▶ store (a row)
              │         └─ fails: they wait         └─ fails: it is made up from the file later
              └─ full: counted, and the count is a record

Nothing waits for the disk. A kill takes what came within ``GATHER_S``.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from saltern.config import MasterOptions
from saltern.errors import JournalError
from saltern_master.audit.limit import Limit
from saltern_master.audit.record import LOST, OK, Record, digest_of_arguments
from saltern_master.audit.store import Asked, AuditStore
from saltern_master.audit.trail import Trail
from saltern_master.audit.verdict import verdict_on
from saltern_master.audit.writer import BATCH, Writer

log = logging.getLogger(__name__)

DAY_S = 86400.0
GATHER_S = 0.05
"""What comes within it is written together: the loop has the interpreter meanwhile."""
LOOK_EVERY_S = 15.0
"""So often it is looked whether something is to be purged, or to be told of."""
RETRY_MIN_S, RETRY_MAX_S = 0.5, 15.0
MAX_WAITING_BYTES = 8 * 1024 * 1024
RECORD_BYTES = 1000
"""What a record takes in memory, about."""
MAX_PARTS = 20_000
"""Of arguments that are digested: to count more would keep the loop."""
PART_BYTES = 64
SETTLE_S = 2.0
CLOSE_WITHIN_S = 2.0
SLICE_PAUSE_S = 0.05


class Entry(NamedTuple):
    """A record that waits. *arguments*: digested in the thread; *size*: what both take in memory."""

    record: Record
    arguments: Mapping[str, Any]
    size: int


class AuditBook:
    """The audit in the file *path* and the SQLite file *database*; its thread begins with the first record."""

    def __init__(
        self,
        path: str,
        database: str,
        *,
        keep_s: float,
        max_bytes: int,
        clock: Callable[[], float] = time.time,
        limit: Limit | None = None,
    ) -> None:
        """*keep_s*, *max_bytes*: of the store; and *max_bytes* of the file, with the one before it."""
        self._trail = Trail(path, max_bytes // 2)
        self._store = AuditStore(database)
        self._writer = Writer(self._trail, self._store, keep_s, max_bytes, clock)
        self._clock = clock
        self._limit = limit or Limit()
        self._free = threading.Condition()
        self._waiting: deque[Entry] = deque()
        self._bytes = 0
        self._batch: list[Record] = []  # on its way to the file
        self._lost_untold = 0
        self._thread: threading.Thread | None = None
        self._closing = False
        self.written = 0
        self.lost = 0
        self.undigested = 0
        self.left_out = 0
        """Refusals that only a number tells of."""

    def put(self, record: Record, arguments: Mapping[str, Any] | None = None) -> None:
        """Have *record* written, with the digest of its *arguments*, which nobody changes any more."""
        size = RECORD_BYTES + _about_bytes(arguments or {})
        with self._free:
            if record.result != OK and not self._limit.allows(record):
                self.left_out += 1
            elif not self._closing and self._bytes + size <= MAX_WAITING_BYTES:
                self._add(Entry(record, arguments or {}, size))
            elif not self._closing and self._bytes + RECORD_BYTES <= MAX_WAITING_BYTES:
                self.undigested += 1
                self._add(Entry(record, {}, RECORD_BYTES))
            else:
                self.lost += 1
                self._lost_untold += 1
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._work, name="audit", daemon=True)
                self._thread.start()
            self._free.notify_all()

    def query(self, asked: Asked) -> list[dict[str, Any]]:
        """Return the records that are *asked* for, newest first; waits a moment for what came before."""
        self.settle(SETTLE_S)
        return self._store.query(asked)

    def verify(self) -> dict[str, Any]:
        """Return whether the file's chain holds, and where it breaks; see ``verdict_on``."""
        self.settle(SETTLE_S)
        try:
            newest = self._store.newest()
        except JournalError as error:
            log.warning("the audit is verified without its store: %s", error)
            newest = None
        return verdict_on(self._trail.path, self._trail.before, newest)

    def settle(self, within_s: float) -> bool:
        """Wait, in a thread, until what was put before is written; return whether it is."""
        with self._free:
            return self._free.wait_for(lambda: not (self._waiting or self._batch), within_s)

    def metrics(self) -> dict[str, float]:
        """Return the counters."""
        return {
            "written": self.written,
            "lost": self.lost,
            "undigested": self.undigested,
            "left_out": self.left_out,
            "waiting": len(self._waiting) + len(self._batch),
            "failures": self._writer.failures,
        }

    def close(self) -> None:
        """Write what waits, if the disk takes it within a moment, and let go of the files."""
        with self._free:
            self._closing = True
            for record in self._limit.over(at_once=True):
                self._add(Entry(record, {}, RECORD_BYTES))
            self._free.notify_all()
        if self._thread is not None:
            self._thread.join(CLOSE_WITHIN_S)
            if left := len(self._waiting) + len(self._batch):
                log.error("%s: stopped with %d records of the audit that could not be written", self._trail.path, left)
            if self._thread.is_alive():
                return  # it hangs, and has them open
        self._writer.close()

    def _add(self, entry: Entry) -> None:
        self._waiting.append(entry)
        self._bytes += entry.size

    def _work(self) -> None:
        wait_s = RETRY_MIN_S
        while True:
            self._gather()
            try:
                count = self._writer.write(self._batch)
                with self._free:
                    del self._batch[:count]
                    self.written += count
                    self._free.notify_all()
                    if self._closing and not self._waiting:
                        return
                while self._writer.purge() and not self._waiting and not self._ends_within(SLICE_PAUSE_S):
                    pass
                wait_s = RETRY_MIN_S
            except JournalError:  # it was said, and counted
                if self._ends_within(wait_s * random.uniform(0.5, 1.5)):  # noqa: S311  # jitter, no secret
                    return
                wait_s = min(wait_s * 2, RETRY_MAX_S)
            except Exception:
                log.exception("the audit failed within Saltern, and is tried again")
                self._writer.fail()
                if self._ends_within(RETRY_MAX_S):
                    return

    def _ends_within(self, seconds: float) -> bool:
        """Wait, and return whether it is time to end."""
        with self._free:
            return self._free.wait_for(lambda: self._closing, seconds)

    def _gather(self) -> None:
        """Wait for records, or until it is time to look, and take some."""
        with self._free:
            if not self._batch:
                self._free.wait_for(lambda: self._waiting or self._lost_untold or self._closing, LOOK_EVERY_S)
                self._free.wait_for(lambda: self._closing, GATHER_S)
            for record in self._limit.over():
                self._add(Entry(record, {}, RECORD_BYTES))
            entries: list[Entry] = []
            while self._waiting and len(self._batch) + len(entries) < BATCH:
                entries.append(self._waiting.popleft())
                self._bytes -= entries[-1].size
            if self._lost_untold and not self._waiting:  # behind those that weren't
                lost = Record(self._clock(), "master", "audit", LOST, more=self._lost_untold)
                self._lost_untold = 0
                entries.append(Entry(lost, {}, 0))
            first = len(self._batch)
            self._batch += [one.record for one in entries]
        for number, one in enumerate(entries, first):
            if one.arguments:
                self._batch[number] = one.record._replace(arguments=digest_of_arguments(one.arguments))


def _about_bytes(value: Mapping[str, Any]) -> int:
    """Return about what *value* takes in memory; more than may wait when it has over ``MAX_PARTS``."""
    size, parts = 0, 0
    todo: list[Any] = [value] if value else []
    while todo:
        one = todo.pop()
        parts += 1
        if isinstance(one, str | bytes):
            size += len(one)
        elif isinstance(one, Mapping):
            parts += len(one)
            todo += one.values()
        elif isinstance(one, list | tuple):
            todo += one
        if parts + len(todo) > MAX_PARTS:
            return MAX_WAITING_BYTES + 1
    return size + parts * PART_BYTES


def audit_book(options: MasterOptions) -> AuditBook:
    """Return the audit that *options* ask for; nothing is opened yet."""
    return AuditBook(
        options["audit_log"],
        os.path.join(options["cachedir"], "audit.db"),
        keep_s=options["keep_audit_days"] * DAY_S,
        max_bytes=options["audit_max_bytes"],
    )
