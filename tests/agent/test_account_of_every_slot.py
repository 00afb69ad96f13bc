"""Whatever happens, a return is delivered, or noted as dropped, or still there: outbox, spool and ledger together."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from saltern.wire import pack, unpack
from saltern_agent.accountant import Accountant
from saltern_agent.ledger import Ledger
from saltern_agent.origin import Origin
from saltern_agent.outbox import Outbox
from saltern_agent.spool import Spool

LIMIT = 1 << 24
SPOOL_BYTES = 4000
MEMORY_BYTES = 1500
DAY_S = 86400.0


class Dead(BaseException):
    """The agent was killed."""


class Disk:
    """Stands before what changes files: it may be full, and the agent may be killed before any change, or within."""

    CHANGES = ("write", "pwrite", "unlink", "replace", "rename", "ftruncate", "mkdir")

    def __init__(self) -> None:
        self.full = False
        self.failed = False  # since the ledger was written
        self.left: int | None = None  # changes until the kill
        self.torn = 0  # bytes of the write that the kill cuts short
        self._patches = [mock.patch.object(os, name, self._changing(name)) for name in self.CHANGES]
        self._patches.append(mock.patch.object(os, "open", self._opening(os.open)))
        for patch in self._patches:
            patch.start()

    def stop(self) -> None:
        for patch in self._patches:
            patch.stop()

    def _count(self) -> None:
        if self.left is not None:
            if self.left <= 0:
                raise Dead
            self.left -= 1

    def _fail(self) -> None:
        if self.full:
            self.failed = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _changing(self, name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def change(*args: Any, **kwargs: Any) -> Any:
            if self.left == 0 and name == "write":
                real(args[0], args[1][: self.torn])
            self._count()
            if name in ("write", "mkdir"):
                self._fail()
            return real(*args, **kwargs)

        return change

    def _opening(self, real: Callable[..., int]) -> Callable[..., int]:
        def opened(path: str, flags: int, *args: Any, **kwargs: Any) -> int:
            if flags & os.O_CREAT:
                self._count()
                if flags & os.O_EXCL:
                    self._fail()
            return real(path, flags, *args, **kwargs)

        return opened


kills = st.none() | st.tuples(st.integers(0, 12), st.integers(0, 60))


class AccountMachine(RuleBasedStateMachine):
    """An agent's queue and its account, over a disk that fills up, a master that comes and goes, and kills."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = Disk()
        self.folder = tempfile.mkdtemp()
        self.now = 1_700_000_000.0
        self.slot = 0
        self.put_slots: set[int] = set()
        self.skipped: set[int] = set()
        self.taken: set[int] = set()  # the master has them
        self.dropped_told: set[int] = set()
        self.skipped_told: set[int] = set()
        self.excused: set[int] = set()  # were in memory alone when the agent was killed
        self.way: list[tuple[int, str, Any]] = []  # what the master received on this connection and didn't answer
        self.last_seq = 0
        self.start()

    def start(self) -> None:
        self.way.clear()
        self.last_seq = 0
        self.timers: list[Callable[[], None]] = []
        self.ledger = Ledger(os.path.join(self.folder, "ledger"))
        self.spool = Spool(
            os.path.join(self.folder, "spool"), SPOOL_BYTES, DAY_S, lambda: self.now, lost=self.ledger.drop
        )
        self.outbox = Outbox(
            self.spool, self.send, max_bytes=MEMORY_BYTES, lost=self.ledger.drop, epoch=lambda: self.now
        )
        self.accountant = Accountant(self.ledger, self.outbox, lambda _, call: self.timers.append(call))
        self.up = False

    def send(self, frame: bytes) -> bool:
        message = unpack(frame)
        assert message.seq > self.last_seq, "in the order of their numbers"
        self.last_seq = message.seq
        self.way.append((message.seq, message.type, message.body))
        if message.type == "ret":
            self.taken.add(message.body["slot"])
        return True

    def do(self, kill: tuple[int, int] | None, step: Callable[[], object]) -> None:
        """Do one step, in which the agent may be killed."""
        if kill is not None:
            self.disk.left, self.disk.torn = kill
        try:
            step()
        except Dead:
            self.kill()
        finally:
            self.disk.left = None
        if not self.ledger.unsaved:
            self.disk.failed = False

    @rule()
    def kill(self) -> None:
        self.disk.left = None
        self.excused |= {item.origin.step for item in self.outbox._memory if item.origin}
        if self.ledger.unsaved and self.disk.failed:
            for kind in ("dropped", "skipped"):
                self.excused |= noted(self.ledger, kind)
        if self.spool._cursor is not None:
            self.spool._cursor.close()
        self.spool._close_reader()
        self.spool._appender.close()
        full, self.disk.full = self.disk.full, False
        self.start()
        self.disk.full = full

    @rule(size=st.integers(0, 900), kill=kills)
    def put(self, size: int, kill: tuple[int, int] | None) -> None:
        self.slot += 1
        self.put_slots.add(self.slot)
        frame = pack("ret", 0, {"slot": self.slot, "pad": bytes(size)})
        before = self.spool
        self.do(kill, lambda: self.outbox.put(frame, Origin("s", 15, 15 * self.slot)))
        if self.spool is not before:
            self.excused.add(self.slot)  # the sample in the making

    @rule(kill=kills)
    def skip(self, kill: tuple[int, int] | None) -> None:
        self.slot += 1
        before = self.spool
        self.do(kill, lambda: self.ledger.skip(Origin("s", 15, 15 * self.slot)))
        if self.spool is before:
            self.skipped.add(self.slot)

    @rule(limit=st.sampled_from([LIMIT, LIMIT, 500]), kill=kills)
    def open(self, limit: int, kill: tuple[int, int] | None) -> None:
        self.way.clear()
        self.last_seq = 0
        self.up = True
        self.do(kill, lambda: (self.outbox.opened(limit), self.accountant.opened()))

    @rule(kill=kills)
    def close(self, kill: tuple[int, int] | None) -> None:
        self.way.clear()
        self.up = False
        self.do(kill, lambda: (self.outbox.closed(), self.accountant.closed()))

    @rule(data=st.data(), kill=kills)
    def ack(self, data: st.DataObject, kill: tuple[int, int] | None) -> None:
        if not self.way:
            return
        count = data.draw(st.integers(1, len(self.way)))
        answered, self.way = self.way[:count], self.way[count:]
        refuse = data.draw(st.sets(st.sampled_from([seq for seq, type_, _ in answered if type_ == "ret"] or [0])))
        for seq, type_, body in answered:
            if seq in refuse:
                self.taken.discard(body["slot"])
            elif type_ == "account":
                for part in body["schedules"].values():
                    for kind, slots in (("dropped", self.dropped_told), ("skipped", self.skipped_told)):
                        for first, last in part[kind]:
                            slots.update(range(first // 15, last // 15 + 1))
        seq = answered[-1][0]
        self.do(kill, lambda: self.outbox.ack(seq, dict.fromkeys(refuse, "no")))

    @rule(full=st.booleans())
    def disk_fills_or_empties(self, full: bool) -> None:
        self.disk.full = full

    @rule(hours=st.sampled_from([0, 0, 30]), kill=kills)
    def tick(self, hours: int, kill: tuple[int, int] | None) -> None:
        self.now += hours * 3600

        def step() -> None:
            self.outbox.tick()
            self.ledger.save()
            timers, self.timers = self.timers, []
            for call in timers:
                call()

        self.do(kill, step)

    @invariant()
    def nothing_is_unaccounted_for(self) -> None:
        here = {item.origin.step for item in self.outbox._memory if item.origin} | on_disk(self.spool)
        known = self.taken | self.dropped_told | noted(self.ledger, "dropped") | here | self.excused
        assert self.put_slots <= known
        assert self.skipped <= self.skipped_told | noted(self.ledger, "skipped") | self.excused
        assert self.dropped_told | noted(self.ledger, "dropped") <= self.put_slots

    def teardown(self) -> None:
        try:
            self.disk.full = False
            self.open(LIMIT, None)
            for _ in range(200):
                if not self.outbox.pending and not self.ledger.report():
                    break
                self.tick(0, None)
                if self.way:
                    seq = self.way[-1][0]
                    for _, type_, body in self.way:
                        if type_ == "account":
                            part = body["schedules"]["s"]
                            for first, last in part["dropped"]:
                                self.dropped_told.update(range(first // 15, last // 15 + 1))
                            for first, last in part["skipped"]:
                                self.skipped_told.update(range(first // 15, last // 15 + 1))
                    self.way.clear()
                    self.outbox.ack(seq)
            assert (self.outbox.pending, self.ledger.report()) == (0, [])
            assert self.put_slots <= self.taken | self.dropped_told | self.excused
            assert self.skipped <= self.skipped_told | self.excused
            assert self.spool.size == 0
        finally:
            self.outbox.close()
            self.disk.stop()
            shutil.rmtree(self.folder)


def noted(ledger: Ledger, kind: str) -> set[int]:
    accounts = ledger._accounts.values()
    spans = [span for account in accounts for notes in account.notes.values() for span in getattr(notes, kind).spans]
    return {slot for first, last in spans for slot in range(first, last + 1)}


def on_disk(spool: Spool) -> set[int]:
    return {one.step for segment in spool._segments for one in segment.readable() & set(segment.origins())}


AccountMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
TestAccountMachine = AccountMachine.TestCase
