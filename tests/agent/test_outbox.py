"""Returns go out in order, again after every welcome, and to disk when they are not acknowledged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import JournalError
from saltern.wire import pack, unpack
from saltern_agent.outbox import WINDOW, Outbox, numbered, refusals
from saltern_agent.spool import Spool

LIMIT = 1 << 24


class Line:
    """The far end: what was sent, and whether the socket takes more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent: list[tuple[int, int]] = []
        self.takes = True
        self.now = 100.0
        self.spool = Spool(str(folder), 1 << 20, 3600)
        self.outbox = Outbox(
            self.spool, self.send, max_bytes=10_000, spool_after_s=5, clock=lambda: self.now, epoch=lambda: 1000.0
        )

    def send(self, frame: bytes) -> bool:
        if self.takes:
            message = unpack(frame)
            self.sent.append((message.seq, message.body["n"]))
        return self.takes

    def put(self, *numbers: int, size: int = 0) -> None:
        for number in numbers:
            self.outbox.put(pack("ret", 0, {"n": number, "pad": bytes(size)}))

    def numbers(self) -> list[int]:
        numbers = [number for _, number in self.sent]
        self.sent.clear()
        return numbers


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    yield made
    made.outbox.close()


@given(st.sampled_from(["ret", "event", "x" * 31]), st.integers(0, 2**63), st.dictionaries(st.text(), st.integers()))
def test_numbering_changes_nothing_else(type_: str, seq: int, body: dict[str, int]) -> None:
    seq = min(seq, 2**63)
    body = {key: value % 2**60 for key, value in body.items()}
    assert tuple(unpack(numbered(pack(type_, 0, body), seq))) == (type_, seq, body)


def test_sends_at_once_and_forgets_on_ack(line: Line) -> None:
    line.outbox.opened(LIMIT)
    line.put(1, 2, 3)
    assert [number for _, number in line.sent] == [1, 2, 3]
    seqs = [seq for seq, _ in line.sent]
    assert seqs == sorted(set(seqs))
    line.outbox.ack(seqs[1])
    assert line.outbox.pending == 1
    line.outbox.ack(seqs[2])
    assert line.outbox.pending == 0
    assert list(line.folder.glob("*.seg")) == []


def test_what_comes_while_away_is_on_disk_at_once(line: Line) -> None:
    line.put(1, 2)
    assert line.outbox.stats()["spooled"] == 2
    assert line.sent == []
    line.outbox.opened(LIMIT)
    line.put(3)
    assert line.numbers() == [1, 2, 3]


def test_sends_again_after_every_welcome_in_order(line: Line) -> None:
    line.outbox.opened(LIMIT)
    line.put(1, 2, 3)
    first = line.sent[0][0]
    line.outbox.ack(first)
    line.outbox.closed()
    line.put(4)
    line.sent.clear()
    line.outbox.opened(LIMIT)
    assert line.numbers() == [2, 3, 4]
    line.outbox.opened(LIMIT)
    assert line.numbers() == [2, 3, 4]


def test_the_window_is_bounded(line: Line) -> None:
    line.outbox.opened(LIMIT)
    line.put(*range(200))
    assert len(line.sent) == WINDOW
    line.outbox.ack(line.sent[9][0])
    assert len(line.sent) == WINDOW + 10
    while line.outbox.pending:
        line.outbox.ack(line.sent[-1][0])
    assert line.numbers() == list(range(200))


def test_overdue_returns_go_to_disk_and_are_not_sent_twice(line: Line) -> None:
    line.outbox.opened(LIMIT)
    line.put(1, 2)
    line.outbox.tick()
    assert line.outbox.stats()["spooled"] == 0
    line.now += 6
    line.outbox.tick()
    assert line.outbox.stats()["spooled"] == 2
    line.put(3)
    assert [number for _, number in line.sent] == [1, 2, 3]
    line.outbox.ack(line.sent[2][0])
    assert line.outbox.pending == 0


def test_too_much_for_the_memory_goes_to_disk(line: Line) -> None:
    line.outbox.opened(LIMIT)
    line.takes = False
    line.put(*range(50), size=1000)
    assert line.outbox.stats()["spooled"] >= 40
    line.takes = True
    line.outbox.tick()
    assert line.numbers() == list(range(50))


def test_a_busy_socket_is_tried_again(line: Line) -> None:
    line.outbox.opened(LIMIT)
    line.takes = False
    line.put(1)
    line.takes = True
    line.put(2)
    assert line.numbers() == [1, 2]


def test_numbers_grow_across_restarts_even_when_the_clock_went_back(line: Line) -> None:
    line.put(1)
    line.outbox.close()
    again = Line(line.folder)
    again.put(2)
    again.outbox.opened(LIMIT)
    assert again.sent[0][0] < again.sent[1][0]
    again.outbox.ack(again.sent[1][0])
    again.outbox.close()
    third = Line(line.folder)
    third.outbox.opened(LIMIT)
    third.put(3)
    assert third.sent[0][0] > again.sent[1][0]
    line.outbox = third.outbox


def test_a_full_disk_keeps_the_newest_in_memory(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise JournalError("the disk is full")

    monkeypatch.setattr(line.spool, "append", full)
    line.put(*range(100), size=1000)
    assert line.outbox.dropped > 80
    assert len(caplog.records) == 1
    line.outbox.opened(LIMIT)
    numbers = line.numbers()
    assert numbers == list(range(100 - len(numbers), 100))
    assert len(numbers) == 100 - line.outbox.dropped


def test_what_the_master_can_not_take_does_not_block_the_rest(line: Line) -> None:
    line.outbox.opened(500)
    line.put(1)
    line.put(2, size=1000)
    line.put(3)
    assert [number for _, number in line.sent] == [1, 3]
    line.outbox.ack(line.sent[-1][0])
    assert line.outbox.pending == 0
    assert line.outbox.dropped == 1


def test_refused_messages_are_counted(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    line.outbox.opened(LIMIT)
    line.put(1)
    seq = line.sent[0][0]
    line.outbox.ack(seq, refusals({"refused": {seq: "no such jid"}}))
    assert line.outbox.dropped == 1
    assert "no such jid" in caplog.text
    assert refusals({"refused": "junk"}) == refusals({}) == {}


def test_close_writes_everything(line: Line) -> None:
    line.outbox.opened(LIMIT)
    line.put(1, 2)
    line.outbox.close()
    again = Line(line.folder)
    again.outbox.opened(LIMIT)
    assert again.numbers() == [1, 2]
    line.outbox = again.outbox


@given(st.data())
def test_in_order_and_complete_whatever_happens(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Every message arrives, first arrivals in order, through any mix of outages, acks and restarts."""
    folder = tmp_path_factory.mktemp("outbox")
    line, arrived, number, acked = Line(folder), [], 0, 0
    steps = ["put", "put", "open", "close", "ack", "restart", "late"]
    for step in [*data.draw(st.lists(st.sampled_from(steps), max_size=30)), "open", "ack"]:
        if step == "put":
            number += 1
            line.put(number, size=data.draw(st.integers(0, 3000)))
        elif step == "open":
            line.outbox.opened(LIMIT)
        elif step == "close":
            line.outbox.closed()
        elif step == "late":
            line.now += 6
            line.outbox.tick()
        elif step == "restart":
            line.outbox.close()
            line = Line(folder)
        elif line.sent:
            acked = line.sent[-1][0]
            line.outbox.ack(acked)
        for _seq, n in line.sent:
            if n not in arrived:
                arrived.append(n)
    assert arrived == list(range(1, number + 1))
    assert line.outbox.dropped == 0
    line.outbox.close()
    assert os.listdir(folder) == ["cursor"] or not acked or line.spool.pending
