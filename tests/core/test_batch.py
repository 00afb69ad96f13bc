"""A job on some minions at a time: whose turn comes when, and what of those who don't answer."""

from __future__ import annotations

from typing import Any

import pytest

import saltern.batch
import saltern.following
from saltern.batch import Answered, Away, Batch, Lost, Started, batch_size, retcode_of
from saltern.errors import ChannelError, UsageError
from saltern.order import Order
from support.salt_answers.scripted_fleet import FLEETS, Fleet
from support.scripted_master import ScriptedMaster

FOUR = Fleet(("a", "b", "c", "d"))


def order(fun: str = "test.ping", target: str = "*", **more: Any) -> Order:
    return Order(target, "glob", fun, [], {}, more=more)


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(fleet: Fleet, **more: Any) -> ScriptedMaster:
        master = ScriptedMaster(fleet, **more)
        for module in (saltern.batch, saltern.following):
            monkeypatch.setattr(module, "LocalConnection", master.connect)
        return master

    return make


def steps(batch: Batch) -> list[Any]:
    """Return what happens in short: ids started as a list, answers as an id, the lost with a minus."""
    shown: list[Any] = []
    for step in batch.run():
        match step:
            case Started(minions):
                shown.append(minions)
            case Answered(minion_id, _):
                shown.append(minion_id)
            case Lost(minion_id):
                shown.append(f"-{minion_id}")
    return shown


def test_a_place_is_filled_as_soon_as_one_answers(around: Any) -> None:
    around(FOUR, one_by_one=True)
    assert steps(Batch("", order(), 2)) == [["a", "b"], ["c"], "a", ["d"], "b", "c", "d"]


def test_those_that_come_together_are_followed_together(around: Any) -> None:
    around(FOUR)
    assert steps(Batch("", order(), "50%")) == [["a", "b"], ["c", "d"], "a", "b", "c", "d"]


def test_it_is_one_job_and_what_goes_with_it_goes_to_each(around: Any) -> None:
    master = around(FOUR)
    batch = Batch("", order(delimiter="|", metadata={"a": 1}), 3)
    steps(batch)
    ping, held, *turns = [asked for name, asked in master.calls if name == "job.publish"]
    assert (ping["fun"], ping["tgt"], ping["delimiter"]) == ("test.ping", "*", "|")
    assert "metadata" not in ping
    assert (held["hold"], held["tgt"], held["tgt_type"], held["follow"]) == (True, ["a", "b", "c", "d"], "list", True)
    assert [turn["tgt"] for turn in turns] == [["a", "b", "c"], ["d"]]
    assert {turn["jid"] for turn in turns} == {batch.jid}
    assert all(not turn["follow"] and "hold" not in turn for turn in turns)
    assert all(asked["metadata"] == {"a": 1} and "delimiter" not in asked for asked in (held, *turns))
    assert master.open == 0


def test_who_does_not_answer_a_ping_gets_no_job(around: Any) -> None:
    around(FLEETS["worst"])
    batch = Batch("", order(), 1)
    away, *rest = list(batch.run())
    assert away == Away(["m2", "m3"], [])
    assert rest[0] == Started(["m1"])
    assert batch.matched


def test_nobody_is_meant_or_nobody_answers(around: Any) -> None:
    master = around(FLEETS["dumb"])
    batch = Batch("", order(), 1)
    assert (list(batch.run()), batch.matched, batch.jid) == ([Away(["m1"], [])], True, "")
    batch = Batch("", order(target="nobody"), 1)
    assert (list(batch.run()), batch.matched, batch.jid) == ([Away([], [])], False, "")
    assert (len(master.calls), master.open) == (2, 0)


def test_the_place_of_one_that_is_lost_is_filled_too(around: Any) -> None:
    around(FLEETS["mute"])
    assert steps(Batch("", order("test.false"), 1)) == [["m1"], ["m2"], "m1", ["m3"], "-m2", "m3"]


def test_a_place_may_stay_empty_for_a_while(around: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    master = around(FOUR, one_by_one=True)
    now = [100.0]
    monkeypatch.setattr(saltern.batch.time, "monotonic", lambda: now[0])
    receive = saltern.following.Following.receive

    def waiting(self: Any, timeout_s: float | None) -> Any:
        found = receive(self, timeout_s)
        now[0] += 1.0 if found else timeout_s or 0.0
        return found

    monkeypatch.setattr(saltern.following.Following, "receive", waiting)
    assert steps(Batch("", order(), 2, wait_s=5.0)) == [["a", "b"], "a", "b", ["c"], ["d"], "c", "d"]
    assert master.waited[-5:] == [None, 5.0, 4.0, 1.0, None]
    assert now[0] == 104.0 + 8.0  # after the ping


def test_failhard_starts_nobody_any_more(around: Any) -> None:
    around(FOUR, one_by_one=True)
    batch = Batch("", order("test.false"), 2, failhard=True)
    assert steps(batch) == [["a", "b"], "a"]
    assert (batch.stopped, batch.pending, batch.active) == (True, ["c", "d"], {"b"})
    assert steps(Batch("", order(), 2, failhard=True))[-1] == "d"


def test_what_the_master_forgets_is_lost(around: Any) -> None:
    master = around(FOUR)
    batch = Batch("", order(), 2)
    run = batch.run()
    assert next(run) == Away([], [])
    master.fleet = Fleet(("a", "b", "c", "d"), silent=("a", "b", "c", "d"))
    assert isinstance(next(run), Started)
    master.streams[batch.jid].clear()
    master.streams[batch.jid].append({"end": True})
    assert list(run) == [Lost("a"), Lost("b")]
    assert batch.pending == []


def test_what_comes_twice_or_from_no_one_of_the_job_counts_once(around: Any) -> None:
    master = around(FOUR)
    batch = Batch("", order(), 2)
    run = batch.run()
    next(run), next(run)
    stream = master.streams[batch.jid]
    stranger = {"tag": "", "data": {"id": "stranger", "return": 1}}
    stream.extend([stream[0], stranger])
    done = [step.minion_id for step in run if isinstance(step, Answered)]
    assert done == ["a", "b", "c", "d"]


def test_a_master_that_goes_is_an_error_and_nothing_stays_open(around: Any) -> None:
    master = around(FOUR)
    master.broken = ChannelError("the master closed the connection")
    batch = Batch("", order(), 2)
    run = batch.run()
    next(run), next(run)
    master.streams[batch.jid].clear()
    with pytest.raises(ChannelError):
        list(run)
    assert master.open == 0
    assert batch.pending == ["c", "d"]


@pytest.mark.parametrize(
    ("size", "total", "number"),
    [
        (1, 7, 1),
        ("3", 7, 3),
        ("10%", 7, 1),
        ("50%", 7, 3),
        ("99%", 7, 6),
        ("100%", 7, 7),
        ("%50", 7, 3),
        ("0", 7, 1),
        ("-2", 7, 1),
        ("25%", 0, 1),
    ],
)
def test_sizes(size: str | int, total: int, number: int) -> None:
    assert batch_size(size, total) == number


@pytest.mark.parametrize("size", ["x", "1.5", "x%", "", "%", "nan%", "inf%", "1e400%"])
def test_sizes_that_are_none(size: str) -> None:
    with pytest.raises(UsageError, match="must be an integer or percentage string like '10' or '25%'"):
        Batch("", order(), size)


@pytest.mark.parametrize(
    ("retcode", "highest"),
    [(0, 0), (3, 3), (None, 0), (True, 1), ({"a": 0, "b": 7}, 7), ({}, 0), ("4", 0), ({"a": "x"}, 0), (-1, -1)],
)
def test_retcodes(retcode: Any, highest: int) -> None:
    assert retcode_of({"retcode": retcode}) == highest
    assert retcode_of({}) == 0
