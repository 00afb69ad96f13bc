"""From an agent's frame over the journal to its readers: its own bytes are kept, and what is read is the same."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.wire import SECRET_EXTENSION, body_of, pack_value, unpack
from saltern_master.auth.caller import Caller, Kind
from saltern_master.jobs.tracker import TrackedJob
from saltern_master.record import FOR_JOBS, METRICS, RUN, note_of, read_record, write_note, write_record
from saltern_master.returners.rows import row_of
from saltern_master.shape import RETURN
from saltern_master.shipping.metric_returns import MetricReturns
from saltern_master.shipping.name_budget import NameBudget
from saltern_master.shipping.names import Pattern
from support.keys import A, Door
from support.masters import until

ROOT = Caller(Kind.LOCAL, "root", 0)
SCHEDULED, OF_A_JOB = "20260131120000654321", "20260131120000123456"


def narrow(value: Any) -> bytes:
    return pack_value(value)


def wide(value: Any) -> bytes:
    """Return msgpack that ours never writes: each length and number in as many bytes as there may be."""
    if isinstance(value, dict):
        return b"\xdf" + struct.pack(">I", len(value)) + b"".join(wide(one) for pair in value.items() for one in pair)
    if isinstance(value, (list, tuple)):
        return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(wide, value))
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        return b"\xdb" + struct.pack(">I", len(text)) + text
    if type(value) is int and -(2**63) <= value < 2**63:
        return b"\xd3" + struct.pack(">q", value)
    return pack_value(value)


@pytest.fixture(scope="module")
def entrance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bytes], bytes]]:
    """Return what gives a frame of the minion ``web`` to a master, and returns the record that it journalled."""
    door = Door(tmp_path_factory.mktemp("door"))
    door.master.journal.open()
    reader = door.master.journal.reader("test")

    async def delivered(frame: bytes) -> bytes:
        door.hub.on_ret_message(web, frame)
        door.master.inbox.flush_now()
        (payload,) = reader.read_now()
        return payload

    async def connected() -> Any:
        door.master.tracker.begin(TrackedJob(OF_A_JOB, "test.ping", ROOT, {"web": A}, ()))
        return door.minion("web", A)

    with asyncio.Runner() as runner:
        web = runner.run(connected())
        yield lambda frame: runner.run(delivered(frame))
        door.master.journal.close()


LEAF = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(max_size=50)
KEY = st.text() | st.integers(-5, 5) | st.booleans() | st.tuples(st.text(max_size=3), st.integers(0, 3))
VALUE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEY, inner, max_size=5),
    max_leaves=30,
)
MORE = st.fixed_dictionaries(
    {},
    optional={
        "fun_args": st.lists(LEAF, max_size=3),
        "retcode": st.integers(-1, 255),
        "success": st.booleans(),
        "duration_ms": st.floats(0, 1e6),
        "slot": st.integers(1, 2**40) | st.floats(1, 1e10),
        "metrics": st.booleans(),
        "return_job": st.booleans(),
        "failed": st.just("it was too slow"),
        "schedule": st.sampled_from(["stats", "ünlich"]),
        "plain": st.lists(st.text(), max_size=2),
        "id": st.just("db"),  # not a field: whose it is the key says
        "data": LEAF,
        "ts": LEAF,
    },
)


@given(jid=st.sampled_from([SCHEDULED, OF_A_JOB]), value=VALUE, more=MORE, is_wide=st.booleans(), head=st.booleans())
def test_whoever_reads_it_sees_what_he_would_if_it_were_packed_anew(
    entrance: Callable[[bytes], bytes], jid: str, value: Any, more: dict[str, Any], is_wide: bool, head: bool
) -> None:
    if jid == SCHEDULED:
        more.setdefault("schedule", "stats")
    body = {"jid": jid, "fun": "stats.collect", "return": value, **more}
    packed = (wide if is_wide else narrow)(body)
    frame = (b"\x94\x01\xa3ret\x07" if head else b"\x94\x01" + wide("ret") + wide(7)) + packed
    checked = RETURN.checked(unpack(frame).body)
    payload = entrance(frame)

    seen = read_record(payload, 0xFF)
    assert seen is not None
    assert seen.minion_id == "web"
    wanted = bool(seen.flags & (METRICS | FOR_JOBS))
    if not wanted:
        checked = {key: checked[key] for key in ("schedule", "slot", "failed") if key in checked}
    assert pack_value(seen.body) == pack_value(checked)
    anew = write_record(seen.flags, "web", seen.received, checked)
    if wanted:
        as_it_came = head and not {"id", "data", "ts"} & more.keys()
        assert payload.endswith(packed) if as_it_came else payload == anew
    before = read_record(anew, 0xFF)
    assert before is not None
    assert pack_value(note_of(payload)) == pack_value(note_of(anew))
    if seen.flags & RUN:
        assert pack_value(note_of(payload)) == write_note(seen.flags, "web", seen.received, checked)
    if wanted:
        assert repr(row_of(seen)) == repr(row_of(before))
    if seen.flags & METRICS:
        pattern = Pattern("saltern.[minion_id].[module]")
        made, made_before = (MetricReturns(pattern, NameBudget(100), 1e12) for _ in range(2))
        points = made.points("web", seen.body, seen.received, payload)
        assert repr(points) == repr(made_before.points("web", before.body, before.received))
        assert repr(made.explain("web", "stats.collect")) == repr(made_before.explain("web", "stats.collect"))


def test_the_agents_own_bytes_are_in_the_record(entrance: Callable[[bytes], bytes]) -> None:
    body = {"jid": SCHEDULED, "fun": "m.f", "return": {"a": 1}, "schedule": "s", "slot": 5, "metrics": True}
    frame = b"\x94\x01\xa3ret\x07" + wide(body)
    packed = body_of(frame)
    assert packed == wide(body)
    assert entrance(frame).endswith(packed)


def test_what_the_master_changes_is_what_is_kept(entrance: Callable[[bytes], bytes]) -> None:
    body = {"jid": SCHEDULED, "fun": "m.f", "return": 1, "schedule": "s", "metrics": True, "id": "db", "from": "master"}
    seen = read_record(entrance(b"\x94\x01\xa3ret\x07" + narrow(body)), METRICS)
    assert seen is not None
    assert seen.minion_id == "web"
    assert seen.body["data"] == {"id": "db", "from": "master"}
    assert "id" not in seen.body


def test_a_secret_comes_into_no_record(door: Door) -> None:
    async def scenario() -> None:
        web = door.minion("web", A)
        secret = b"\xc7" + bytes((3, SECRET_EXTENSION)) + b"pwd"
        packed = narrow({"jid": SCHEDULED, "fun": "m.f", "schedule": "s", "metrics": True})
        packed = bytes((packed[0] + 1,)) + packed[1:] + narrow("return") + secret
        door.hub.on_ret_message(web, b"\x94\x01\xa3ret\x07" + packed)
        door.master.inbox.flush_now()
        assert door.hub.metrics()["garbage"] == 1
        assert door.master.journal.reader("test").read_now() == []

    asyncio.run(scenario())


def test_segments_of_before_are_read(tmp_path: Path) -> None:
    """A record that was packed anew, as former versions did, is read as one that holds the agent's bytes."""
    body = {"jid": SCHEDULED, "fun": "m.f", "return": {"a": 1}, "schedule": "s", "slot": 5, "metrics": True}
    former = bytes((METRICS | RUN,)) + pack_value(("web", 7.5, body))
    seen = read_record(former, METRICS)
    assert seen == read_record(write_record(METRICS | RUN, "web", 7.5, body, wide(body)), METRICS)


# What is gathered.


def unread(door: Door) -> int:
    """Return how many records were written since the last time."""
    return len(door.master.journal.reader("written").read_now())


def ret(seq: int, **more: Any) -> bytes:
    body = {"jid": SCHEDULED, "fun": "m.f", "return": {"a": 1}, "schedule": "s", "slot": 5, "metrics": True, **more}
    return b"\x94\x01\xa3ret" + pack_value(seq) + narrow(body)


async def turn() -> None:
    """Let the loop do what is to be done at once."""
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.fixture
def gathers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what may wait do so for longer than a test."""
    monkeypatch.setattr("saltern_master.inbox.GATHER_S", 3600.0)
    monkeypatch.setattr("saltern_master.inbox.ACK_WITHIN_S", 3600.0)


@pytest.mark.usefixtures("gathers")
def test_a_lone_return_is_written_at_once_and_the_next_with_others(door: Door) -> None:
    async def scenario() -> None:
        web = door.minion("web", A)
        door.master.tracker.begin(TrackedJob(OF_A_JOB, "test.ping", ROOT, {"web": A}, ()))
        door.hub.on_ret_message(web, ret(1))
        await turn()
        assert unread(door) == 1
        for seq in (2, 3):
            door.hub.on_ret_message(web, ret(seq))
        account = {"schedules": {"s": {"seconds": 15, "skipped": [[0, 15]]}}}
        door.hub.on_ret_message(web, b"\x94\x01\xa7account\x04" + narrow(account))
        await turn()
        assert unread(door) == 0
        job = {"jid": OF_A_JOB, "fun": "test.ping", "return": True, "success": True}
        door.hub.on_ret_message(web, b"\x94\x01\xa3ret\x05" + narrow(job))  # whoever sent it finds it in the store
        await turn()
        assert unread(door) == 4
        door.hub.on_ret_message(web, ret(6, return_job=True))  # and so does one that waits for a run
        await turn()
        assert unread(door) == 1

    asyncio.run(scenario())


@pytest.mark.usefixtures("gathers")
def test_no_more_than_so_many_bytes_wait(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saltern_master.inbox.GATHER_BYTES", 1000)

    async def scenario() -> None:
        web = door.minion("web", A)
        door.hub.on_ret_message(web, ret(1))
        await turn()
        assert unread(door) == 1
        door.hub.on_ret_message(web, ret(2, fun_args=["x" * 100]))
        await turn()
        assert unread(door) == 0
        door.hub.on_ret_message(web, ret(3, fun_args=["x" * 1000]))
        await turn()
        assert unread(door) == 2
        door.hub.on_ret_message(web, ret(4))  # what was written waits no more
        await turn()
        assert unread(door) == 0

    asyncio.run(scenario())


@pytest.mark.usefixtures("gathers")
def test_an_agent_whose_window_is_full_waits_for_nobody(door: Door) -> None:
    async def scenario() -> None:
        web = door.minion("web", A)
        for seq in range(1, 34):
            door.hub.on_ret_message(web, ret(seq))
            if seq in (16, 32):
                await turn()
                assert [(one.type, one.seq) for one in door.wire.to(web)] == [("ack", seq)]
        await turn()
        assert unread(door) == 32

    asyncio.run(scenario())


@pytest.mark.parametrize(("gather_s", "ack_s"), [(0.02, 3600.0), (3600.0, 0.02)])
def test_what_waits_is_written_soon_and_before_it_is_acknowledged(
    door: Door, monkeypatch: pytest.MonkeyPatch, gather_s: float, ack_s: float
) -> None:
    monkeypatch.setattr("saltern_master.inbox.GATHER_S", gather_s)
    monkeypatch.setattr("saltern_master.inbox.ACK_WITHIN_S", ack_s)

    async def scenario() -> None:
        web = door.minion("web", A)
        door.hub.on_ret_message(web, ret(1))
        await turn()
        door.hub.on_ret_message(web, ret(2))
        assert unread(door) == 1
        await until(lambda: unread(door) == 1)
        if ack_s < gather_s:
            assert [(one.type, one.seq) for one in door.wire.to(web)] == [("ack", 2)]

    asyncio.run(scenario())
