"""Returns go out in order, again after every welcome, and to disk when they are not acknowledged."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import JournalError
from saltern.wire import pack, unpack
from saltern_agent.origin import Origin
from saltern_agent.outbox import WINDOW, Outbox, numbered, refusals
from saltern_agent.spool import Spool

LIMIT = 1 << 24


class Line:
    """The far end: what was sent, and whether the socket takes more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent: list[tuple[int, int]] = []
        self.takes = True
        self.spool = Spool(str(folder), 1 << 20, 3600)
        self.lost: list[Origin] = []
        self.outbox = Outbox(self.spool, self.send, max_bytes=10_000, lost=self.lost.extend, epoch=lambda: 1000.0)

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
    assert [path.stat().st_size for path in line.folder.glob("*.seg")] == [0]


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


def test_everything_is_on_disk_before_it_is_sent(line: Line) -> None:
    line.outbox.opened(LIMIT)
    on_disk = []

    def send(frame: bytes) -> bool:
        on_disk.append(line.spool.pending)
        return True

    line.outbox._send = send
    line.put(1, 2)
    assert on_disk == [1, 2]
    # As after a kill: nothing was closed.
    line.spool._cursor.close()
    again = Line(line.folder)
    again.outbox.opened(LIMIT)
    assert again.numbers() == [1, 2]
    line.outbox = again.outbox


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


def full(*_: object, **__: object) -> None:
    raise JournalError("the disk is full")


def test_a_full_disk_keeps_the_newest_in_memory_and_counts_the_others(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(line.spool, "append_some", full)
    for number in range(100):
        line.outbox.put(pack("ret", 0, {"n": number, "pad": bytes(1000)}), Origin("stats", 15, 15 * number))
    assert line.outbox.dropped > 80
    assert [origin.step for origin in line.lost] == list(range(line.outbox.dropped))
    assert len(caplog.records) == 1
    assert line.outbox.spooled("stats") == 100 - line.outbox.dropped
    line.outbox.opened(LIMIT)
    numbers = line.numbers()
    assert numbers == list(range(100 - len(numbers), 100))
    assert len(numbers) == 100 - line.outbox.dropped


def test_the_memory_goes_to_the_disk_in_order_once_that_works(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.outbox.opened(LIMIT)
    line.put(1)
    monkeypatch.setattr(line.spool, "append_some", full)
    line.put(2, 3)
    line.outbox.tick()
    assert line.outbox.stats()["spooled"] == 1
    monkeypatch.undo()
    line.outbox.tick()
    assert line.outbox.stats()["spooled"] == 3
    line.put(4)
    assert [number for _, number in line.sent] == [1, 2, 3, 4], "what was sent isn't sent again"
    line.outbox.opened(LIMIT)
    assert [number for _, number in line.sent][4:] == [1, 2, 3, 4]
    line.outbox.ack(line.sent[-1][0])
    assert line.outbox.pending == 0


def test_one_message_that_is_over_the_memorys_bound_is_sent_all_the_same(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line.spool, "append_some", full)
    line.put(1, size=20_000)
    line.outbox.opened(LIMIT)
    assert line.numbers() == [1]
    assert line.outbox.dropped == 0


@pytest.mark.parametrize("clock", [1000.0, 2000.0])
def test_a_folder_that_comes_back_late_loses_neither_what_was_in_it_nor_what_came_meanwhile(
    tmp_path: Path, clock: float
) -> None:
    old = Line(tmp_path / "spool")
    old.put(1, 2)
    old.outbox.close()
    (tmp_path / "spool").rename(tmp_path / "away")
    (tmp_path / "spool").symlink_to("/proc/no-such-place/spool")
    line = Line.__new__(Line)
    line.folder, line.sent, line.takes, line.lost = tmp_path / "spool", [], True, []
    line.spool = Spool(str(tmp_path / "spool" / "x"), 1 << 20, 3600)
    line.outbox = Outbox(line.spool, line.send, max_bytes=10_000, epoch=lambda: clock - 500)
    assert not line.spool.usable
    line.outbox.opened(LIMIT)
    line.put(3)
    line.spool.folder = str(tmp_path / "away")
    line.put(4)
    assert not line.spool.usable, "an acknowledgement of what is on its way must not cover what is in the folder"
    line.outbox.ack(line.sent[-1][0])
    line.put(5)
    line.outbox.tick()
    assert line.spool.usable
    assert line.numbers() == [3, 4, 1, 2, 5]
    line.outbox.opened(LIMIT)
    assert line.sent == sorted(line.sent)
    assert line.numbers() == [1, 2, 5]
    line.outbox.close()


def test_what_the_master_can_not_take_does_not_block_the_rest(line: Line) -> None:
    line.outbox.opened(500)
    line.put(1)
    line.outbox.put(pack("ret", 0, {"n": 2, "pad": bytes(1000)}), Origin("big", 15, 30))
    line.put(3)
    assert [number for _, number in line.sent] == [1, 3]
    assert line.lost == [], "it may be sent again by another connection"
    line.outbox.opened(500)
    line.outbox.ack(line.sent[-1][0])
    assert line.outbox.pending == 0
    assert (line.outbox.dropped, line.lost) == (1, [Origin("big", 15, 30)])


def test_what_the_master_can_not_take_is_given_up_though_nothing_follows(line: Line) -> None:
    line.outbox.opened(500)
    line.put(1)
    line.put(2, 3, size=1000)
    assert line.outbox.pending == 3
    line.outbox.ack(line.sent[0][0])
    assert (line.outbox.pending, line.outbox.dropped) == (0, 2)
    line.put(4, size=1000)
    assert (line.outbox.pending, line.outbox.dropped) == (0, 3)


def test_refused_messages_are_counted_for_their_schedule_and_said_once(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    line.outbox.opened(LIMIT)
    line.outbox.put(pack("ret", 0, {"n": 1}), Origin("stats", 15, 15))
    line.put(2, 3)
    first, second, third = (seq for seq, _ in line.sent)
    line.outbox.ack(second, refusals({"refused": {first: "no such jid", second: "no such jid", third: "not yet"}}))
    assert line.outbox.dropped == 2
    assert line.lost == [Origin("stats", 15, 15)]
    assert line.outbox.pending == 1
    assert caplog.text.count("no such jid") == 1
    assert refusals({"refused": "junk"}) == refusals({}) == {}


def test_a_loss_is_written_down_before_the_spool_forgets(line: Line) -> None:
    there = []
    line.outbox._lost = lambda origins: there.append(line.spool.pending)
    line.outbox.opened(LIMIT)
    line.outbox.put(pack("ret", 0, {"n": 1}), Origin("stats", 15, 15))
    line.outbox.ack(line.sent[0][0], {line.sent[0][0]: "no"})
    assert there == [1]


def test_an_acknowledgement_covers_only_what_was_sent(line: Line) -> None:
    line.outbox.opened(LIMIT)
    line.takes = False
    line.put(1)
    line.outbox.ack(2**60)
    assert line.outbox.pending == 1
    line.takes = True
    line.put(2)
    line.outbox.ack(2**60)
    assert line.outbox.pending == 0
    line.put(3)
    line.outbox.ack(line.sent[0][0] - 1)
    assert line.outbox.pending == 1


# accounts


@pytest.mark.parametrize("error", [errno.EMFILE, errno.EACCES])
def test_nothing_overtakes_what_the_spool_can_not_read_now(
    line: Line, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """The acknowledgement of a later one is one of all before it."""
    line.put(1, 2, 3)
    line.outbox.close()
    again = Line(line.folder)

    def fails(*_: object) -> int:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "open", fails)
    again.outbox.opened(LIMIT)
    again.put(4)
    answers: list[str | None] = []
    again.outbox.report(pack("account", 0, {"n": 5}), answers.append)
    again.outbox.tick()
    assert again.sent == []
    monkeypatch.undo()
    again.outbox.tick()
    seqs = [seq for seq, _ in again.sent]
    assert again.numbers() == [1, 2, 3, 4, 5]
    again.outbox.ack(seqs[-1])
    assert (again.outbox.pending, again.outbox.dropped, answers) == (0, 0, [None])
    line.outbox = again.outbox


def test_an_account_takes_its_turn_and_is_answered_once(line: Line) -> None:
    answers: list[str | None] = []
    line.outbox.opened(LIMIT)
    line.takes = False
    line.put(1)
    line.outbox.report(pack("account", 0, {"n": 100}), answers.append)
    line.put(2)
    line.takes = True
    line.outbox.tick()
    assert [number for _, number in line.sent] == [1, 100, 2], "in the order of their numbers"
    assert [seq for seq, _ in line.sent] == sorted(seq for seq, _ in line.sent)
    assert line.outbox.pending == 2, "it is none of those that are kept"
    line.outbox.ack(line.sent[0][0])
    assert answers == []
    line.outbox.ack(line.sent[2][0], {line.sent[0][0]: "of before"})
    assert answers == [None]
    line.outbox.report(pack("account", 0, {"n": 101}), answers.append)
    seq = line.sent[-1][0]
    line.outbox.ack(seq, {seq: "what is this?"})
    assert answers == [None, "what is this?"]
    assert (line.lost, line.outbox.dropped) == ([], 0)


def test_an_account_is_gone_with_its_channel(line: Line) -> None:
    answers: list[str | None] = []
    line.outbox.opened(LIMIT)
    line.outbox.report(pack("account", 0, {"n": 100}), answers.append)
    line.outbox.closed()
    line.outbox.opened(LIMIT)
    line.put(1)
    line.outbox.ack(line.sent[-1][0])
    assert answers == []
    line.outbox.opened(10)
    line.outbox.report(pack("account", 0, {"n": 100}), answers.append)
    assert answers == ["it is larger than the master takes"]
    assert line.outbox.dropped == 0 or line.lost == []


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
    steps = ["put", "put", "open", "close", "ack", "restart", "tick"]
    for step in [*data.draw(st.lists(st.sampled_from(steps), max_size=30)), "open", "ack"]:
        if step == "put":
            number += 1
            line.put(number, size=data.draw(st.integers(0, 3000)))
        elif step == "open":
            line.outbox.opened(LIMIT)
        elif step == "close":
            line.outbox.closed()
        elif step == "tick":
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
