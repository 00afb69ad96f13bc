"""The master is told what the ledger notes: soon, once, again after each welcome, and never what it refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.wire import pack, unpack
from saltern_agent.accountant import GATHER_S, Accountant
from saltern_agent.ledger import Ledger
from saltern_agent.origin import Origin
from saltern_agent.outbox import Outbox
from saltern_agent.spool import Spool

LIMIT = 1 << 24


class Office:
    """An accountant, its ledger, an outbox whose far end keeps what it is sent, and timers that a test fires."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent: list[tuple[int, dict[str, Any]]] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.ledger = Ledger(str(folder / "ledger"))
        self.spool = Spool(str(folder / "spool"), 1 << 20, 3600, lost=self.ledger.drop)
        self.outbox = Outbox(self.spool, self.send, max_bytes=10_000, lost=self.ledger.drop)
        self.accountant = Accountant(self.ledger, self.outbox, lambda s, call: self.timers.append((s, call)))

    def send(self, frame: bytes) -> bool:
        message = unpack(frame)
        if message.type == "account":
            self.sent.append((message.seq, message.body["schedules"]))
        return True

    def open(self) -> None:
        self.outbox.opened(LIMIT)
        self.accountant.opened()

    def close(self) -> None:
        self.outbox.closed()
        self.accountant.closed()

    def fire(self) -> None:
        timers, self.timers = self.timers, []
        for seconds, call in timers:
            assert seconds == GATHER_S
            call()

    def skip(self, *steps: int) -> None:
        for step in steps:
            self.ledger.skip(Origin("stats", 15, 15 * step))

    def skipped(self) -> list[Any]:
        return [schedules["stats"]["skipped"] for _, schedules in self.sent]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.outbox.close()


def test_notes_are_gathered_and_told_once(office: Office) -> None:
    office.open()
    assert office.sent == []
    office.skip(1, 2, 4)
    assert (office.sent, len(office.timers)) == ([], 1)
    office.fire()
    assert office.skipped() == [[[15, 30], [60, 60]]]
    office.skip(5)
    assert office.timers == [], "one at a time"
    office.outbox.ack(office.sent[0][0])
    assert len(office.timers) == 1, "what came meanwhile"
    office.fire()
    assert office.skipped()[1:] == [[[75, 75]]]
    office.outbox.ack(office.sent[1][0])
    assert (office.timers, office.ledger.report()) == ([], [])


def test_nothing_is_told_while_the_channel_is_away_and_all_of_it_with_the_next_welcome(office: Office) -> None:
    office.skip(1)
    assert office.timers == []
    office.open()
    assert office.skipped() == [[[15, 15]]]
    office.close()
    office.skip(2)
    office.fire()
    office.open()
    assert office.skipped()[1:] == [[[15, 30]]]
    office.open()  # welcomed twice
    assert office.skipped()[2:] == [[[15, 30]]]
    assert len({seq for seq, _ in office.sent}) == 3
    office.outbox.ack(office.sent[2][0])
    assert office.ledger.report() == []


def test_a_timer_of_an_earlier_channel_tells_nothing_twice(office: Office) -> None:
    office.open()
    office.skip(1)
    office.close()
    office.open()
    assert office.skipped() == [[[15, 15]]]
    office.fire()
    assert len(office.sent) == 1


def test_what_the_master_refuses_is_said_once_and_not_told_again(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.open()
    for step in (1, 3):
        office.skip(step)
        office.fire()
        seq = office.sent[-1][0]
        office.outbox.ack(seq, {seq: "an account needs 'schedules'"})
    assert office.skipped() == [[[15, 15]], [[45, 45]]]
    assert office.ledger.report() == []
    assert caplog.text.count("refused this agent's account: an account needs") == 1
    assert office.ledger.of("stats")["skipped"] == 2


def test_it_comes_in_its_turn_behind_what_waits(office: Office) -> None:
    for n in range(100):
        office.outbox.put(pack("ret", 0, {"n": n}), Origin("stats", 15, 15 * n))
    office.skip(200)
    office.open()
    assert office.sent == []
    office.outbox.ack(office.outbox._flight[-1].seq)
    assert len(office.sent) == 1
    office.outbox.ack(office.sent[0][0])
    assert (office.outbox.pending, office.ledger.report()) == (0, [])


def test_a_refused_return_is_told_as_dropped(office: Office) -> None:
    office.open()
    seq = office.outbox.put(pack("ret", 0, {}), Origin("stats", 0.5, 7.5))
    office.outbox.ack(seq, {seq: "no"})
    office.fire()
    assert office.sent[0][1] == {"stats": {"seconds": 0.5, "dropped": [[7.5, 7.5]], "skipped": []}}
