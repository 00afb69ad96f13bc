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
from saltern_master.record import FOR_JOBS, METRICS, POINTS, write_record
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
        task = asyncio.create_task(engine.run())
        for record in [*records, write_record(POINTS, "", NOW, {"slot": 1_800_000_015, "values": {"last": 1.0}})]:
            journal.append(record)
        journal.flush()
        if away_first:
            await until(lambda: engine.failures)
            assert engine.metrics()["behind_bytes"] > 0
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
    assert len(fake.slept) == 15
    for failures in (fake.slept[:12], fake.slept[12:]):
        for number, slept in enumerate(failures):
            most = min(RETRY_MIN_S * 2**number, RETRY_MAX_S)
            assert 0.5 * most <= slept <= 1.5 * most
    assert engine.metrics()["failures"] == 15
