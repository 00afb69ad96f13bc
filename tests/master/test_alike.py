"""Returns that differ in their time alone are read once; whatever comes, it is read as it would be by itself."""

from __future__ import annotations

import asyncio
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import WireError
from saltern.wire import QUICK_BYTES, Message, pack, unpack, unpack_value
from saltern_master.entrances.channel import alike as alike_module
from saltern_master.entrances.channel.alike import Alike
from saltern_master.record import FOR_JOBS, read_record
from saltern_master.shape import RETURN
from support.keys import Door
from tests.master.test_hosts import acknowledged, publish, serving

JID = "20261130120000000000"


def frame(duration: Any = 0.5, type_: str = "ret", **more: Any) -> bytes:
    body = {"jid": JID, "fun": "test.ping", "fun_args": [], "return": True, "retcode": 0, "success": True}
    return pack(type_, 0, {**body, **more, "duration_ms": duration})


def test_of_a_crowd_two_are_read_and_each_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []
    monkeypatch.setattr(alike_module, "unpack", lambda frame: read.append(frame) or unpack(frame))
    alike = Alike()
    assert alike.read(frame(0.1)) is None, "nobody knows yet whether others are like it"
    found = [alike.read(frame(number / 8)) for number in range(2, 50)]
    assert [message and message.body["duration_ms"] for message in found] == [number / 8 for number in range(2, 50)]
    assert read == [frame(2 / 8)]
    assert found[5] == Message("ret", 0, unpack(frame(7 / 8)).body)
    assert found[5] is not None
    assert found[6] is not None
    found[5].body["id"] = "web"
    assert "id" not in found[6].body, "each has a map of its own"


FRAMES = st.one_of(
    st.builds(
        frame,
        st.one_of(st.floats(), st.integers(0, 300), st.text(max_size=9), st.binary(max_size=12), st.none()),
        st.sampled_from(["ret", "event"]),
        retcode=st.sampled_from([0, 1, "none"]),
        extra=st.one_of(st.just(0), st.floats()),
    ),
    st.builds(lambda more: frame(0.25, value=more), st.sampled_from([b"\xabduration_ms\xcb" + bytes(8), [], {}])),
    st.builds(lambda time: frame(0.25) + time, st.binary(max_size=9)),
    st.builds(lambda head: head + b"\xabduration_ms\xcb" + bytes(8), st.binary(max_size=30)),
    st.builds(lambda a: pack("ret", 0, {"duration_ms": 1.5, "jid": JID, "fun": a, "return": 0.5}), st.text(max_size=3)),
    st.binary(max_size=40),
    st.just(frame(value="x" * QUICK_BYTES)),
)


@given(st.lists(FRAMES, max_size=12), st.integers(1, 3))
def test_what_is_read_is_what_the_frame_says(frames: list[bytes], times: int) -> None:
    alike = Alike()
    for one in (one for one in frames for _ in range(times)):
        found = alike.read(one)
        if found is not None:
            assert found == Message("ret", 0, RETURN.checked(unpack(one).body))


@pytest.mark.parametrize("duration", [math.nan, math.inf, 1e300, -(2.0**63)])
def test_a_time_that_is_none_is_read_like_any_other_frame_which_refuses_it(duration: float) -> None:
    alike = Alike()
    frames = [frame(0.1), frame(0.2), frame(0.3), frame(0.1)[:-8] + struct.pack(">d", duration)]
    assert [alike.read(one) is None for one in frames] == [True, False, False, True]
    with pytest.raises(WireError, match="duration_ms"):
        RETURN.checked(unpack(frames[-1]).body)


def test_devices_that_answer_the_same_are_each_heard_once_and_refused_alone(door: Door) -> None:
    async def scenario() -> None:
        door.master.journal.open()
        devices = [f"device{number}" for number in range(6)]
        host = serving(door, devices[:5])
        jid, follower = publish(door, devices[:5])
        door.told()

        def answer(duration: float) -> bytes:
            return frame(duration).replace(JID.encode(), jid.encode())

        host.say_each(*((number, device, answer(number / 4)) for number, device in enumerate(devices, 1)))
        ack = await acknowledged(host)
        assert list(ack.body["refused"]) == [6], "nobody gave it that device"
        told = {data["id"]: data["duration_ms"] for tag, data in door.told(f"salt/job/{jid}/ret/")}
        assert told == {f"device{number}": (number + 1) / 4 for number in range(5)}
        followed = [unpack_value(packed)["data"] for packed in await follower.batch()]
        assert {data["id"]: data["duration_ms"] for data in followed} == told
        records = [read_record(record, FOR_JOBS) for record in door.master.journal.reader("jobs").read_now()]
        assert {record.minion_id: record.body["duration_ms"] for record in records if record} == told

    asyncio.run(scenario())
