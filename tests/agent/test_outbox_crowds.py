"""What is queued for devices: written and sent with what comes at the same time, several in one envelope."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import JournalError
from saltern.wire import Message, pack, unpack
from saltern_agent.bundle import MAX_BYTES, MAX_MESSAGES, Bundle, count_in
from saltern_agent.envelope import enveloped
from saltern_agent.host import CROWD_S
from saltern_agent.loop import Timer
from saltern_agent.outbox import CROWD, Outbox, numbered
from saltern_agent.spool import Spool
from support.device_bench import Bench, opened, unbundled

LIMIT = 1 << 24


class Line:
    """The far end; *turn* is one of the loop's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.frames: list[bytes] = []
        self.arrived: list[tuple[int, str, int]] = []
        self.takes = True
        self.unwritten: list[int] = []
        self._posted: list[Callable[[], None]] = []
        self.spool = Spool(str(folder), 1 << 20, 3600)
        self.outbox = Outbox(self.spool, self.send, max_bytes=100_000, epoch=lambda: 1000.0, post=self._posted.append)
        self.outbox.window = 200

    def send(self, frame: bytes) -> bool:
        if self.takes:
            self.frames.append(frame)
            for message in unbundled(unpack(frame)) if frame[3:6] == b"for" else [unpack(frame)]:
                name, inner = opened(message)
                self.arrived.append((message.seq, name, inner.body["n"]))
                if message.seq > self.spool.last_seq:
                    self.unwritten.append(message.seq)
        return self.takes

    def put(self, *numbers: int, device: str = "sw", size: int = 0) -> None:
        for number in numbers:
            frame = pack("ret", 0, {"n": number, "pad": bytes(size)})
            if device:
                self.outbox.put_soon(device, frame)
            else:
                self.outbox.put(frame)

    def turn(self) -> None:
        posted, self._posted[:] = list(self._posted), []
        for call in posted:
            call()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    yield made
    made.outbox.close()


def test_what_comes_together_is_written_and_sent_together(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[int] = []
    write = line.spool._appender.write

    def counted(path: str, record: bytearray, size: int) -> None:
        writes.append(len(record))
        write(path, record, size)

    monkeypatch.setattr(line.spool._appender, "write", counted)
    line.outbox.opened(LIMIT)
    line.put(*range(40))
    assert not line.frames
    assert line.outbox.pending == 1, "as one"
    line.put(*range(40, 150))
    assert (len(writes), len(line.frames)) == (1, 2)  # of what fills some messages nothing waits
    line.turn()
    assert len(writes) == 2
    assert [len(unbundled(unpack(frame))) for frame in line.frames] == [MAX_MESSAGES, MAX_MESSAGES, 22]
    assert [number for _, _, number in line.arrived] == list(range(150))
    line.outbox.ack(line.arrived[-1][0])
    assert line.outbox.pending == 0


def test_an_acknowledgement_leaves_a_crowd_together(line: Line) -> None:
    line.outbox.opened(LIMIT)
    line.put(*range(CROWD))
    line.put(CROWD, CROWD + 1)
    line.outbox.ack(line.arrived[-1][0])
    line.put(CROWD + 2)
    assert len(line.frames) == 2
    line.turn()
    assert [len(unbundled(unpack(frame))) for frame in line.frames] == [MAX_MESSAGES, MAX_MESSAGES, 3]
    line.put(CROWD + 3)  # after which the next one has its turn as well
    line.turn()
    assert [number for _, _, number in line.arrived] == list(range(CROWD + 4))


def test_one_waits_for_nothing_and_of_a_crowd_each_for_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path)
    try:
        bench.welcome()
        waited: list[float] = []
        later = bench.host.loop.later

        def noted(delay_s: float, call: Callable[[], None]) -> Timer:
            waited.append(delay_s)
            return later(delay_s, call)

        monkeypatch.setattr(bench.host.loop, "later", noted)

        def put(number: int, last_at: float) -> None:
            bench.host._crowd_at = last_at
            bench.host.loop.ask(lambda: bench.host.outbox.put_soon("sw", pack("ret", 0, {"n": number})))
            bench.wait(lambda: [message.body["n"] for name, message in bench.ret if name == "sw"][-1:] == [number])

        put(1, float("-inf"))
        assert CROWD_S not in waited
        put(2, float("inf"))
        assert waited.count(CROWD_S) == 1
    finally:
        bench.stop()


def test_one_alone_goes_as_it_is(line: Line) -> None:
    line.outbox.opened(LIMIT)
    line.put(1)
    line.turn()
    assert [opened(unpack(frame))[0] for frame in line.frames] == ["sw"]


def test_the_hosts_own_keep_their_place_among_them(line: Line) -> None:
    line.outbox.opened(LIMIT)
    line.put(1, 2)
    line.put(3, device="")
    line.put(4, 5)
    line.turn()
    assert [(name, number) for _, name, number in line.arrived] == [("sw", 1), ("sw", 2), ("", 3), ("sw", 4), ("sw", 5)]
    assert len(line.frames) == 3


def test_an_acknowledgement_says_nothing_of_what_was_not_sent(line: Line) -> None:
    line.outbox.opened(LIMIT)
    line.takes = False
    line.put(1, 2, 3)
    line.turn()
    line.outbox.ack(1 << 60)
    assert line.outbox.pending == 1
    line.takes = True
    line.outbox.tick()
    assert [number for _, _, number in line.arrived] == [1, 2, 3]


def test_nothing_is_sent_before_it_is_written(line: Line) -> None:
    line.outbox.opened(LIMIT)
    line.put(1, device="")
    line.put(2)
    line.outbox.ack(line.arrived[0][0])  # which makes room to send more, before the crowd's turn
    assert [number for _, _, number in line.arrived] == [1]
    line.outbox.tick()
    assert [number for _, _, number in line.arrived] == [1, 2]
    assert not line.unwritten
    line.put(3)
    line.outbox.report(pack("account", 0, {"n": 4}), lambda why: None)
    assert [number for _, _, number in line.arrived] == [1, 2, 3, 4]
    assert line.unwritten == [line.arrived[-1][0]]  # the account alone, which isn't kept


def test_large_ones_are_not_put_together(line: Line) -> None:
    line.outbox.opened(LIMIT)
    line.put(1, 2, 3, size=100_000)
    line.turn()
    assert max(map(len, line.frames)) <= MAX_BYTES
    line.outbox.ack(line.arrived[-1][0])
    line.put(4, size=MAX_BYTES)
    line.turn()
    assert [number for _, _, number in line.arrived] == [1, 2, 3, 4]


def test_together_they_stay_within_what_the_master_takes(line: Line) -> None:
    line.outbox.opened(2000)
    line.put(*range(10), size=500)
    line.turn()
    assert max(map(len, line.frames)) <= 2000
    assert [number for _, _, number in line.arrived] == list(range(10))


@pytest.mark.parametrize("device", ["a", "x" * 31, "x" * 253])
@pytest.mark.parametrize("size", [0, 70_000])
def test_a_bundle_is_a_message_of_the_wire(device: str, size: int) -> None:
    bundle = Bundle()
    inner = pack("ret", 0, {"pad": bytes(size)})
    for seq in (2**40, 2**40 + 1):
        frame = numbered(enveloped(device, inner), seq)
        assert bundle.takes(frame, LIMIT)
        bundle.add(seq, frame)
    each = [[2**40, device, inner], [2**40 + 1, device, inner]]
    assert unpack(bundle.packed()) == Message("for", 0, {"each": each})
    assert not bundle.takes(pack("ret", 5, {}), LIMIT)
    assert not bundle.takes(pack("for", 5, {"minion": "a", "message": b"x"}), LIMIT)  # packed otherwise than ours


def test_what_the_master_refuses_of_a_crowd_is_lost_alone(line: Line) -> None:
    line.outbox.opened(LIMIT)
    line.put(*range(5))
    line.turn()
    numbers = [number for number, _, _ in line.arrived]
    line.outbox.ack(numbers[2], {numbers[1]: "no"})
    assert (line.outbox.pending, line.outbox.dropped) == (1, 0), "the master has not said yet that it has all"
    line.outbox.ack(numbers[-1], {numbers[1]: "no", numbers[-1]: "neither", 1 << 60: "not sent"})
    assert (line.outbox.pending, line.outbox.dropped) == (0, 2)


@pytest.mark.parametrize("count", [1, 2, MAX_MESSAGES])
def test_a_crowd_may_have_other_numbers(count: int) -> None:
    bundle = Bundle()
    frames = [pack("ret", 0, {"pad": bytes(7 * number)}) for number in range(count)]
    for number, frame in enumerate(frames):
        assert bundle.holds(f"sw{number}", frame, number + 1, LIMIT)
    packed = bundle.packed()
    assert count_in(packed) == count
    again = numbered(packed, 2**40 + count)
    found = [(message.seq, *opened(message)) for message in unbundled(unpack(again))]
    assert [(seq, name) for seq, name, _ in found] == [(2**40 + 1 + at, f"sw{at}") for at in range(count)]
    assert [inner.body["pad"] for _, _, inner in found] == [bytes(7 * number) for number in range(count)]


def full(*_: object, **__: object) -> int:
    raise JournalError("the disk is full")


@given(st.data())
def test_in_order_and_complete_whatever_happens(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """And nothing is sent before it is on disk, unless the disk fails."""
    folder = tmp_path_factory.mktemp("outbox")
    line, arrived, number = Line(folder), [], 0
    steps = ["put", "put", "own", "turn", "open", "close", "ack", "ack half", "restart", "tick", "busy", "fails"]
    fails = False
    for step in [*data.draw(st.lists(st.sampled_from(steps), max_size=40)), "works", "free", "open", "turn", "ack"]:
        if step == "put":
            count = data.draw(st.integers(1, 70))
            line.put(*range(number, number + count), size=data.draw(st.integers(0, 300)))
            number += count
        elif step == "own":
            line.put(number, device="")
            number += 1
        elif step == "turn":
            line.turn()
        elif step == "open":
            line.outbox.opened(LIMIT)
        elif step == "close":
            line.outbox.closed()
        elif step == "tick":
            line.outbox.tick()
        elif step in ("busy", "free"):
            line.takes = step == "free"
        elif step in ("fails", "works"):
            fails = step == "fails" and number < 100
            line.spool.append_some = full if fails else Spool.append_some.__get__(line.spool)  # type: ignore[method-assign]
        elif step == "restart" and not fails:
            line.outbox.close()
            line = Line(folder)
        elif line.arrived:
            line.outbox.ack(line.arrived[-1 if step == "ack" else len(line.arrived) // 2][0])
        assert fails or not line.unwritten
        line.unwritten.clear()
        arrived += [n for _, _, n in line.arrived if n not in arrived]
    line.outbox.ack(line.arrived[-1][0] if line.arrived else 0)
    arrived += [n for _, _, n in line.arrived if n not in arrived]
    assert arrived == list(range(number))
    assert line.outbox.dropped == 0
    line.outbox.close()
    assert os.path.exists(folder / "cursor")
