"""Frames of keys that aren't accepted: few are looked at, whoever sends them and however many keys he has."""

from __future__ import annotations

import asyncio
import logging
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern import wire
from saltern.config import MasterOptions
from saltern_master.entrances.channel import hub
from saltern_master.entrances.channel.strangers import MAX_FRAME_BYTES, Buckets, Strangers
from support.masters import FakeAgent, running, until

HOSTILE = (b"\xdd" + struct.pack(">I", 2_000_000)) * 900


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_key_has_few_frames_a_second() -> None:
    clock = Clock()
    strangers = Strangers(clock)
    assert sum(strangers.admit("key", "10.0.0.1", 500) for _ in range(1000)) == 20
    clock.now += 2
    assert sum(strangers.admit("key", "10.0.0.1", 500) for _ in range(1000)) == 10
    assert strangers.admit("another key", "10.0.0.1", 500)
    assert strangers.metrics() == {"strangers_too_long": 0, "strangers_too_many": 980 + 990}
    clock.now += 3600
    assert sum(strangers.admit("key", "10.0.0.1", 500) for _ in range(1000)) == 20


def test_many_keys_of_one_address_have_few_frames_too() -> None:
    clock = Clock()
    strangers = Strangers(clock)
    assert sum(strangers.admit(f"key {n}", "10.0.0.1", 500) for n in range(50_000)) == 5000
    assert strangers.admit("key of another", "10.0.0.2", 500)
    clock.now += 1
    assert sum(strangers.admit(f"new key {n}", "10.0.0.1", 500) for n in range(50_000)) == 500


@pytest.mark.parametrize(
    ("mine", "others"),
    [("2001:db8:1:2:%x::1", "2001:db8:1:3::1"), ("::ffff:10.0.0.1", "::ffff:10.0.0.2"), ("", "10.0.0.1")],
)
def test_an_address_of_version_6_is_its_network(mine: str, others: str) -> None:
    strangers = Strangers(Clock())
    admitted = [strangers.admit(f"key {n}", mine.replace("%x", f"{n:x}"), 500) for n in range(8000)]
    assert sum(admitted) == 5000
    assert strangers.admit("key", others, 500)


def test_long_frames_take_more_and_too_long_ones_are_never_looked_at() -> None:
    strangers = Strangers(Clock())
    assert not strangers.admit("key", "10.0.0.1", MAX_FRAME_BYTES + 1)
    assert sum(strangers.admit("key", "10.0.0.1", MAX_FRAME_BYTES) for _ in range(100)) == 2
    assert strangers.admit("key", "10.0.0.1", 500)
    assert strangers.metrics() == {"strangers_too_long": 1, "strangers_too_many": 98}


def test_one_line_a_minute_for_all_together(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    strangers = Strangers(clock)
    with caplog.at_level(logging.WARNING):
        for number in range(1000):
            strangers.admit(f"key {number}", f"10.0.{number % 100}.1", 100_000)
            strangers.complain("10.0.0.9", "not msgpack")
        assert len(caplog.messages) == 1
        clock.now += 61
        strangers.admit("key", "10.9.9.9", 100_000)
    assert caplog.messages[1:] == [
        "keys that aren't accepted: 2000 frames dropped, the last from 10.9.9.9: a frame of 100,000 bytes"
    ]


def test_the_name_that_was_seen_longest_ago_is_forgotten() -> None:
    buckets = Buckets(rate=1, burst=1, known=2)
    assert buckets.take("often", 1, 0.0)
    for number in range(100):
        assert buckets.take(f"once {number}", 1, 0.0)
        assert not buckets.take("often", 1, 0.0)
    assert buckets.take("once 1", 1, 0.0)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 9), st.floats(0, 3)), max_size=60))
def test_buckets_let_no_more_through_than_their_rate(takes: list[tuple[str, int, float]]) -> None:
    buckets = Buckets(rate=2, burst=10, known=3)
    now, taken, since = 0.0, dict.fromkeys("abcd", 0), dict.fromkeys("abcd", 0.0)
    seen: list[str] = []
    for name, tokens, pause in takes:
        now += pause
        if name not in seen[-3:]:
            taken[name], since[name] = 0, now  # forgotten, or new
        seen = [other for other in seen if other != name] + [name]
        if buckets.take(name, tokens, now):
            taken[name] += tokens
        assert taken[name] <= 10 + 2 * (now - since[name]) + 1e-6
        assert len(buckets) <= 3


def test_a_strangers_flood_costs_a_few_frames_and_others_are_answered(
    options: MasterOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked: list[int] = []
    clock = Clock()

    def counted(frame: bytes) -> wire.Message:
        unpacked.append(len(frame))
        return wire.unpack(frame)

    monkeypatch.setattr(hub, "unpack", counted)

    async def scenario() -> None:
        async with running(options) as master:
            master.hub._strangers = strangers = Strangers(clock)
            web01, evil = FakeAgent(master, "web01"), FakeAgent(master, "evil")
            try:
                master.keyring.store.put("minions", "web01", web01.key.public)
                master.hub.keys_changed(master.keyring.refresh(force=True))
                await web01.join()
                unpacked.clear()
                for _ in range(1000):
                    evil.ret.send(HOSTILE)
                for _ in range(20):
                    evil.ret.send(bytes(MAX_FRAME_BYTES + 1))
                await until(lambda: strangers.too_long == 20)
                assert unpacked == [len(HOSTILE)] * 20
                assert strangers.too_many == 980
                assert await web01.call("ping") == {"result": True}
                web01.give_back({"jid": "20260101000000000000", "fun": "test.ping"}, True)
                assert (await web01.receive()).type == "ack"
                assert len(unpacked) == 22
                # A stranger that waited is heard again.
                clock.now += 1
                evil.hello()
                assert (await evil.receive()).type == "wait"
            finally:
                web01.close()
                evil.close()

    asyncio.run(scenario())


def test_a_key_that_was_removed_is_a_stranger_on_the_publish_port(
    options: MasterOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked: list[bytes] = []

    async def scenario() -> None:
        async with running(options) as master:
            monkeypatch.setattr(hub, "unpack", unpacked.append)
            peer: Any = type("Peer", (), {"key": "no key", "address": "", "minion_id": "web01"})()
            master.hub.on_publish_message(peer, HOSTILE)

    asyncio.run(scenario())
    assert unpacked == []
