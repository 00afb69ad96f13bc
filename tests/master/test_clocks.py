"""What minions say of their clocks: told, warned of once, published; and the master's own clock being set."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from typing import Any

import pytest

from saltern.keystore import ACCEPTED
from saltern.wire import pack
from saltern_master import self_metrics
from saltern_master.auth.caller import Caller, Kind
from saltern_master.clock_steps import ClockSteps
from saltern_master.entrances.channel.port import Peer
from saltern_master.keyring import Change
from saltern_master.self_metrics import SelfMetrics
from support.keys import A, B, C, Door
from support.masters import until


def say(door: Door, peer: Peer, seq: int = 7, **body: Any) -> list[Any]:
    door.hub.on_ret_message(peer, pack("clock", seq, body))
    return door.wire.to(peer)


def warned(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level and "clock" in record.msg]


def test_a_question_is_answered_with_the_time_and_its_number(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = door.minion("web", A)
    (answer,) = say(door, peer, 41)
    assert (answer.type, answer.seq) == ("clock", 41)
    assert answer.body["time"] == pytest.approx(1e9, rel=10)
    assert list(door.master.clocks.skews_s()) == []


def test_a_skew_over_the_limit_is_said_once_and_so_is_its_end(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    peer = door.minion("web", A)
    for skew_ms in (4900, 5100, 5200, 4900, 90_000, 4100):
        say(door, peer, skew_ms=skew_ms)
    assert warned(caplog) == ["minion web: its clock is 5.1 s ahead of the master's (max_clock_skew: 5)"]
    assert [(event["skew"], event["over"]) for _, event in door.told("salt/minion/web/clock")] == [(5.1, True)]
    assert door.master.clocks.metrics() == {"over_limit": 1}
    say(door, peer, skew_ms=3900)
    assert [(event["skew"], event["over"]) for _, event in door.told("salt/minion/web/clock")] == [(3.9, False)]
    assert warned(caplog, logging.INFO) == ["minion web: its clock is right again"]
    assert door.master.clocks.metrics() == {"over_limit": 0}


def test_a_clock_that_goes_from_ahead_to_behind_is_said_again(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    peer = door.minion("web", A)
    for skew_ms in (3_600_000, -3_600_000, -3_600_000, 100):
        say(door, peer, skew_ms=skew_ms)
    assert [line.split(" s ")[1] for line in warned(caplog)] == [
        "ahead of the master's (max_clock_skew: 5)",
        "behind the master's (max_clock_skew: 5)",
    ]
    assert [event["over"] for _, event in door.told("salt/minion/web/clock")] == [True, True, False]


def test_the_event_is_the_masters_and_says_which_way(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    say(door, door.minion("web", A), skew_ms=-7200_000.0)
    ((tag, event),) = door.told("salt/minion/web/")
    assert tag == "salt/minion/web/clock"
    assert event["from"] == "master"
    assert (event["id"], event["skew"], event["max_clock_skew"], event["over"]) == ("web", -7200.0, 5.0, True)
    assert warned(caplog) == ["minion web: its clock is 7200.0 s behind the master's (max_clock_skew: 5)"]


@pytest.mark.parametrize("junk", ["1", None, True, math.inf, math.nan, [], {}])
def test_a_skew_that_is_no_number_is_complained_of_and_the_time_told_all_the_same(
    door: Door, junk: object, caplog: pytest.LogCaptureFixture
) -> None:
    peer = door.minion("web", A)
    assert [answer.type for answer in say(door, peer, skew_ms=junk)] == ["clock"]
    assert list(door.master.clocks.skews_s()) == []
    assert door.hub.metrics()["garbage"] == 1


def test_a_stranger_is_told_no_time_and_an_unknown_connection_who(door: Door) -> None:
    assert say(door, door.wire.peer(B), skew_ms=9e9)[0].type == "who"
    assert list(door.master.clocks.skews_s()) == []


def test_many_minions_that_go_wrong_together_leave_the_log_its_lines(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(500):
        door.master.clocks.told(f"m{number}", -3600)
    assert len(warned(caplog)) < 100
    assert len(door.told("salt/minion/")) == 500


def test_a_minion_that_was_removed_and_accepted_again_is_said_again(door: Door) -> None:
    for _ in range(2):
        peer = door.minion("web", A)
        say(door, peer, skew_ms=9000)
        say(door, peer, skew_ms=9000)
        assert len(door.told("salt/minion/web/clock")) == 1
        door.store.remove(ACCEPTED, "web")
        door.refresh()
        door.told()


def test_a_masters_parts_that_keep_times_of_day_are_told_when_its_clock_is_set(door: Door) -> None:
    for steps in (door.master.alerts._clock, door.master.keyring._steps):
        assert steps._steady is time.monotonic


def published(door: Door) -> list[dict[str, float]]:
    async def run() -> list[dict[str, float]]:
        return list(door.master.self_metrics.sample(1_700_000_000))

    return asyncio.run(run())


def test_those_that_are_there_are_shown_and_published_and_a_key_that_goes_is_forgotten(door: Door) -> None:
    web, db = door.minion("web.example", A), door.minion("db", B)
    say(door, web, skew_ms=-1500)
    say(door, db, skew_ms=20)
    door.minion("silent", C)
    door.master.clocks.told("away", 3.0)

    async def shown() -> Any:
        return await door.master.dispatcher.call(Caller(Kind.LOCAL, "root", 0), "runner.manage.clocks", [], {}, 5.0)

    assert asyncio.run(shown()) == {"db": 0.02, "web.example": -1.5}
    assert list(door.master.clocks.skews_s()) == [("db", 0.02), ("web.example", -1.5)]
    values: dict[str, float] = {}
    for some in published(door):
        values.update(some)
    skews = {name: value for name, value in values.items() if name.endswith("clock.skew_ms")}
    assert skews == {"saltern.db.clock.skew_ms": 20.0, "saltern.web_example.clock.skew_ms": -1500.0}
    assert values["saltern.master.clocks.over_limit"] == 0
    door.hub.keys_changed(Change({}, {B: "db"}))
    assert [minion for minion, _ in door.master.clocks.skews_s()] == ["web.example"]


def test_a_fleets_skews_are_published_in_turns(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door.fleet, "is_present", lambda minion_id: True)
    monkeypatch.setattr(self_metrics, "SKEWS_A_TURN", 100)
    for number in range(250):
        door.master.clocks.told(f"m{number:03}", 1.0)
    sizes = []
    for some in published(door):
        sizes.append(sum(name.endswith("clock.skew_ms") for name in some))
    assert [size for size in sizes if size] == [100, 100, 50]


def test_a_minion_that_leaves_while_the_skews_are_followed_is_left_out(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door.fleet, "is_present", lambda minion_id: True)
    for minion in ("a", "b", "c"):
        door.master.clocks.told(minion, 1.0)
    skews_s = door.master.clocks.skews_s()
    assert next(skews_s) == ("a", 1.0)
    door.master.clocks.forget("b")
    assert list(skews_s) == [("c", 1.0)]


def test_steps_are_told_from_time_that_passes_and_from_slewing() -> None:
    wall, steady = 1000.0, 5.0
    steps = ClockSteps(lambda: wall, lambda: steady)
    for wall_s, steady_s, set_s in (
        (1060.0, 65.0, 0),
        (4660.0, 65.0, 3600),
        (4660.9, 65.4, 0),
        (1061.4, 65.9, -3600),
        (9e3, 8004.5, 0),
    ):
        wall, steady = wall_s, steady_s
        look = steps.look()
        assert look.now == wall_s
        assert look.set_s == pytest.approx(set_s, abs=1)
        assert (look.set_s == 0) == (set_s == 0)


def test_the_masters_own_metrics_go_on_when_its_clock_is_set_back(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is set back an hour in the middle of a round, when the next one is a second away."""
    wall = [1_700_000_000.0]
    slots: list[int] = []

    class Time:
        @staticmethod
        def time() -> float:
            return wall[0]

    def put(values: dict[str, float], slot: int) -> None:
        if slot not in slots:
            slots.append(slot)
            wall[0] -= 3600

    monkeypatch.setattr(self_metrics, "time", Time)
    monkeypatch.setattr(door.master.inbox, "put_points", put)
    metrics = SelfMetrics(door.master.inbox, door.master.account_keeper, door.master.clocks, {}, 0.05)

    async def run() -> None:
        task = asyncio.create_task(metrics.run())
        await until(lambda: len(slots) >= 3)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert metrics._lag_s < 3000
