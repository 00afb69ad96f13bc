"""The graphite engine: everything that is a metric arrives, whatever else minions send."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from saltern.config import MasterOptions
from saltern.errors import ChannelError
from saltern_master.deadletters import DeadLetters
from saltern_master.journal import Journal
from saltern_master.record import FOR_JOBS, METRICS, POINTS, RUN, Lost, write_record
from saltern_master.shipping import engine as engine_module
from saltern_master.shipping.engine import RETRY_MAX_S, RETRY_MIN_S, ShippingEngine, shipping_engine
from saltern_master.shipping.metric_returns import MetricReturns
from saltern_master.shipping.name_budget import NameBudget
from saltern_master.shipping.names import Pattern
from saltern_master.shipping.shipper import Points
from saltern_master.shipping.shippers.memory import MemoryShipper
from support.fake_asyncio import FakeAsyncio
from support.masters import until

NOW = 1_800_000_000.5
SLOT = 1_800_000_000


def body(value: Any, **more: Any) -> dict[str, Any]:
    return {"fun": "m.f", "return": value, "success": True, "slot": 1_800_000_000, **more}


def shipped(folder: Path, records: list[bytes], away_first: bool = False) -> list[tuple[str, int, float]]:
    """Return the points that an engine makes of *records*."""
    journal = Journal(str(folder), 1 << 30, 10**9)
    journal.open()
    shipper = MemoryShipper()
    shipper.away = away_first
    dead_letters = DeadLetters(str(folder / "dead"))
    returns = MetricReturns(Pattern("p.[minion_id].[module]"), NameBudget(1000), 7 * 86400)
    engine = ShippingEngine(journal.reader("graphite"), shipper, returns, dead_letters, lambda *_: True)

    async def run() -> None:
        assert engine.state(NOW) == {"connected": None, "lag_s": 0.0, "waiting_bytes": 0, "waiting_records": 0}
        task = asyncio.create_task(engine.run())
        for record in [*records, write_record(POINTS, "", NOW, {"slot": 1_800_000_015, "values": {"last": 1.0}})]:
            journal.append(record)
        journal.flush()
        if away_first:
            await until(lambda: engine.failures)
            behind = engine.metrics()["behind_bytes"]
            assert behind > 0
            waiting = {"waiting_bytes": behind, "waiting_records": None}
            assert engine.state(NOW + 5) == {"connected": False, "lag_s": 5.0, **waiting}
            shipper.away = False
        await until(lambda: ("last", 1_800_000_015, 1.0) in shipper.points or task.done())
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())
    journal.close()
    return shipper.points[:-1]


def test_only_metrics_are_shipped_at_their_slot(tmp_path: Path) -> None:
    records = [
        write_record(METRICS, "web01", NOW, body({"a": 1})),
        write_record(FOR_JOBS, "web01", NOW, body({"b": 1})),
        write_record(METRICS, "web01", NOW, body("3 errors", success=False)),
        write_record(METRICS, "web01", NOW, body({"c": 1}, failed="it raised")),
        b"",
        b"\x02nonsense",
    ]
    assert shipped(tmp_path, records) == [("p.web01.m.a", 1_800_000_000, 1.0)]
    (letter,) = DeadLetters(str(tmp_path / "dead")).listing()
    assert (letter["reader"], letter["start"]) == ("graphite", "\x02nonsense")


@pytest.mark.parametrize("slot", [math.nan, math.inf, -math.inf, -5, 0, 2**40, "x", None, [1], True])
def test_a_slot_that_makes_no_sense_stops_nothing(tmp_path: Path, slot: Any) -> None:
    records = [write_record(METRICS, "web01", NOW, body({key: 1}, slot=at)) for key, at in (("a", slot), ("b", NOW))]
    assert shipped(tmp_path, records) == [("p.web01.m.b", int(NOW), 1.0)]
    assert DeadLetters(str(tmp_path / "dead")).listing() == []


def test_the_options_bound_what_a_minion_may_write(
    options: MasterOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipper = MemoryShipper()
    monkeypatch.setattr("saltern_master.shipping.engine.make_shipper", lambda *_: shipper)
    options["max_metric_names"], options["max_point_age_hours"] = 2, 1.0
    journal = Journal(str(tmp_path / "journal"), 1 << 30, 10**9)
    journal.open()
    engine = shipping_engine(options, journal, DeadLetters(str(tmp_path / "dead")), lambda *_: True)
    assert engine is not None

    async def scenario() -> None:
        for slot, value in ((NOW - 3700, {"a": 1}), (NOW - 3500, {"b": 1}), (NOW, {"c": 1, "d": 1})):
            journal.append(write_record(METRICS, "web01", NOW, body(value, slot=slot)))
        journal.flush()
        task = asyncio.create_task(engine.run())
        await until(lambda: not engine.metrics()["behind_bytes"])
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(scenario())
    journal.close()
    assert [name for name, _, _ in shipper.points] == ["saltern.web01.m.b", "saltern.web01.m.c"]
    assert (engine.metrics()["names_refused"], engine.metrics()["times_refused"]) == (1, 1)
    assert engine.explain("web01", "m.f") is not None


def test_points_wait_while_carbon_is_away(tmp_path: Path) -> None:
    records = [write_record(METRICS, f"web{n}", NOW, body({"a": n})) for n in range(5)]
    points = shipped(tmp_path, records, away_first=True)
    assert points == [(f"p.web{n}.m.a", 1_800_000_000, float(n)) for n in range(5)]


class Failing(MemoryShipper):
    """Fails as often as *times* says, shipment by shipment."""

    def __init__(self, *times: int) -> None:
        super().__init__()
        self._times = list(times)

    async def ship(self, points: Points) -> Sequence[int]:
        if self._times[0]:
            self._times[0] -= 1
            raise ChannelError("carbon is away")
        self._times.pop(0)
        return await super().ship(points)


def test_a_carbon_that_is_away_is_tried_ever_more_rarely_and_soon_again_after_it_was_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeAsyncio()
    monkeypatch.setattr(engine_module, "asyncio", fake)
    journal = Journal(str(tmp_path), 1 << 30, 10**9)
    journal.open()
    shipper = Failing(12, 0, 3, 0)
    returns = MetricReturns(Pattern("p.[minion_id].[module]"), NameBudget(1000), 7 * 86400)
    dead_letters = DeadLetters(str(tmp_path / "dead"))
    engine = ShippingEngine(journal.reader("graphite"), shipper, returns, dead_letters, lambda *_: True)

    async def run() -> None:
        task = asyncio.create_task(engine.run())
        for number in range(4):
            journal.append(write_record(METRICS, f"web{number}", NOW, body({"a": number})))
            journal.flush()
            await until(lambda: len(shipper.points) > number)  # noqa: B023
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())
    journal.close()
    slept = [seconds for seconds in fake.slept if seconds]
    assert len(slept) == 15
    for failures in (slept[:12], slept[12:]):
        for number, slept in enumerate(failures):
            most = min(RETRY_MIN_S * 2**number, RETRY_MAX_S)
            assert 0.5 * most <= slept <= 1.5 * most
    assert engine.metrics()["failures"] == 15


class Refusing(MemoryShipper):
    """Refuses, for good, what a name holds."""

    def __init__(self, *words: str) -> None:
        super().__init__()
        self._words = words

    async def ship(self, points: Points) -> Sequence[int]:
        await super().ship(points)
        return [place for place, name in enumerate(points.names) if any(word in name for word in self._words)]


def run(minion: str, value: Any, slot: int = SLOT, **more: Any) -> bytes:
    return write_record(METRICS | RUN, minion, NOW, body(value, schedule="s", slot=slot, **more))


def lost_of(folder: Path, shipper: MemoryShipper, records: list[bytes], taken_after: int = 0) -> list[tuple[str, Lost]]:
    """Return what an engine says is lost of *records*; before *taken_after* tries nobody can write it down."""
    journal = Journal(str(folder), 1 << 30, 10**9)
    journal.open()
    reader = journal.reader("graphite")
    told: list[tuple[str, Lost]] = []

    def tell(cause: str, lost: Lost) -> bool:
        assert reader.behind() > 0  # not committed before it is written down
        told.append((cause, lost))
        return len(told) > taken_after

    returns = MetricReturns(Pattern("p.[minion_id].[module]"), NameBudget(1000), 7 * 86400)
    engine = ShippingEngine(reader, shipper, returns, DeadLetters(str(folder / "dead")), tell)

    async def scenario() -> None:
        task = asyncio.create_task(engine.run())
        for record in records:
            journal.append(record)
        journal.flush()
        await until(lambda: reader.behind() == 0)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(scenario())
    journal.close()
    return told


def test_a_run_of_which_all_is_refused_is_lost_and_one_of_which_some_is_is_not(tmp_path: Path) -> None:
    records = [
        run("web", {"bad": 1, "worse.bad": 2}),
        run("web", {"bad": 1, "good": 2}, SLOT + 15),
        run("db", {"bad": 1}),
        run("db", {}, SLOT + 15),
        run("db", {"text": "no number"}, SLOT + 30),
        write_record(METRICS, "db", NOW, body({"bad": 1})),
    ]
    told = lost_of(tmp_path, Refusing("bad"), records)
    assert told == [("refused", {"web": {"s": [SLOT]}, "db": {"s": [SLOT]}})]


def test_a_run_whose_time_makes_no_sense_is_lost(tmp_path: Path) -> None:
    old = run("web", {"a": 1}, SLOT - 30 * 86400)
    assert lost_of(tmp_path, MemoryShipper(), [old, run("web", {"a": 1}, SLOT + 15)]) == [
        ("refused", {"web": {"s": [SLOT - 30 * 86400]}})
    ]


def test_what_is_lost_is_written_down_before_it_is_done_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "RETRY_MAX_S", 0.01)
    told = lost_of(tmp_path, Refusing("bad"), [run("web", {"bad": 1})], taken_after=2)
    assert told == [("refused", {"web": {"s": [SLOT]}})] * 3


def test_a_record_that_can_not_be_digested_is_set_aside_and_its_run_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = MetricReturns.points

    def failing(self: MetricReturns, minion_id: str, body: dict[str, Any], received: float, payload: bytes) -> Any:
        if minion_id == "evil":
            raise RecursionError("too deep")
        return points(self, minion_id, body, received, payload)

    monkeypatch.setattr(MetricReturns, "points", failing)
    shipper = MemoryShipper()
    told = lost_of(tmp_path, shipper, [run("evil", {"a": 1}), run("web", {"a": 1})])
    assert told == [("refused", {"evil": {"s": [SLOT]}})]
    assert [name for name, _, _ in shipper.points] == ["p.web.m.a"]
    assert [letter["reader"] for letter in DeadLetters(str(tmp_path / "dead")).listing()] == ["graphite"]


def test_why_a_run_failed_is_explained_until_it_goes_well(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(str(tmp_path), 1 << 30, 10**9)
    returns = MetricReturns(Pattern("p.[minion_id].[module]"), NameBudget(1000), 7 * 86400)
    dead_letters = DeadLetters(str(tmp_path / "dead"))
    engine = ShippingEngine(journal.reader("graphite"), MemoryShipper(), returns, dead_letters, lambda *_: True)
    assert engine.explain("web", "m.f") is None
    ship = engine._ship
    asyncio.run(ship([run("web", "traceback", success=False, failed="m.f is not available")]))
    assert engine.explain("web", "m.f") == {
        "minion": "web",
        "fun": "m.f",
        "failed": "m.f is not available",
        "failed_at": NOW,
        "metrics": {},
    }
    assert "minion web: schedule s: m.f failed, it makes no points: m.f is not available" in caplog.text
    asyncio.run(ship([run("web", {"a": 1}, success=False)]))  # a command in it failed: it is a sample all the same
    explained = engine.explain("web", "m.f")
    assert explained is not None
    assert (explained["metrics"], "failed" in explained) == ({"p.web.m.a": 1.0}, False)
    asyncio.run(ship([run("web", "no such file", success=False)]))
    explained = engine.explain("web", "m.f")
    assert explained is not None
    assert (explained["failed"], explained["metrics"]) == ("no such file", {"p.web.m.a": 1.0})
