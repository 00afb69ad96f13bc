"""The collector forecast: straight lines, jumps, saw teeth, gaps; and beside the collector disk, in a sampler."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_modules.collectors import forecast
from saltern_modules.collectors.explained import unnamed
from saltern_modules.collectors.sampler import Sampler
from saltern_modules.collectors.source import Source
from support.trees import fault_of

HOUR_S = 3600.0
TOTAL = 1000.0


class Filling:
    """A mount whose use is a function of the hours that passed."""

    def __init__(self, **settings: Any) -> None:
        self.source = Source()
        self.collector = forecast.Forecast(self.source, settings)
        self.told: dict[str, Any] = {}

    def at(self, hours: float, used: float, **more: float) -> dict[str, Any]:
        self.source.told["disk"] = {"root": {"used": used, "available": TOTAL - used, **more}, "hung": 0}
        self.told = self.collector.collect(hours * HOUR_S)
        return self.told

    def run(self, used: Any, hours: float, every: float = 0.1) -> dict[str, Any]:
        for step in range(round(hours / every) + 1):
            self.at(step * every, used(step * every))
        return self.told


def test_a_straight_line() -> None:
    disk = Filling()
    found = disk.run(lambda hours: 100.0 + 50.0 * hours, 6.0)
    assert found == {"root": {"hours_left": pytest.approx((TOTAL - 400.0) / 50.0, rel=0.01)}}
    assert not list(unnamed("forecast", {"root": {"hours_left": 1.0, "inodes_hours_left": 1.0}}))


def test_a_noisy_line() -> None:
    noise = random.Random(4)  # no secret
    found = Filling().run(lambda hours: 100.0 + 50.0 * hours + noise.uniform(-20.0, 20.0), 6.0)
    assert found["root"]["hours_left"] == pytest.approx(12.0, rel=0.1)


@pytest.mark.parametrize(
    "used",
    [
        lambda hours: 500.0,
        lambda hours: 500.0 - 10.0 * hours,
        lambda hours: 500.0 if hours > 3.0 else 100.0,
        lambda hours: 500.0 if hours > 5.5 else 100.0,
        lambda hours: 100.0 + 100.0 * (hours % 1.0),
        lambda hours: 100.0 + 0.01 * hours,
    ],
    ids=["still", "shrinking", "a jump", "a late jump", "saw teeth", "in years"],
)
def test_what_can_not_be_foretold_is_not_told(used: Any) -> None:
    assert Filling().run(used, 6.0) == {}


def test_nothing_is_told_from_little() -> None:
    disk = Filling()
    assert disk.run(lambda hours: 100.0 + 50.0 * hours, 0.4, 0.01) == {}
    assert disk.run(lambda hours: 100.0 + 50.0 * hours, 0.5, 0.01) != {}


def test_old_points_are_forgotten() -> None:
    found = Filling().run(lambda hours: 100.0 + (0.0 if hours < 6.0 else 50.0 * (hours - 6.0)), 12.1)
    assert found["root"]["hours_left"] == pytest.approx((TOTAL - 405.0) / 50.0, rel=0.05)


def test_the_window_may_be_shorter() -> None:
    disk = Filling(window_hours=0.5)
    assert disk.run(lambda hours: 100.0 + 50.0 * hours, 0.1, 0.001)["root"]["hours_left"] == pytest.approx(
        17.9, rel=0.01
    )


def test_a_full_one_has_none_left_while_it_grows() -> None:
    disk = Filling()
    disk.run(lambda hours: 100.0 + 50.0 * hours, 6.0)
    disk.source.told["disk"]["root"]["available"] = 0.0
    assert disk.collector.collect(6.01 * HOUR_S) == {"root": {"hours_left": 0.0}}


def test_inodes_too() -> None:
    disk = Filling()
    for step in range(61):
        disk.at(step / 10, 100.0, inodes_used=step, inodes_free=100 - step)
    assert disk.told == {"root": {"inodes_hours_left": pytest.approx(4.0, rel=0.01)}}


def test_after_a_gap_it_begins_anew() -> None:
    disk = Filling()
    disk.run(lambda hours: 100.0 + 50.0 * hours, 6.0)
    assert disk.at(20.0, 100.0) == {}
    assert disk.at(20.1, 100.0) == {}


def test_a_mount_that_gives_no_answer_for_a_while_keeps_its_course() -> None:
    disk = Filling()
    disk.run(lambda hours: 100.0 + 50.0 * hours, 5.0)
    disk.source.told["disk"] = {"root": {"hung": 1}}
    assert disk.collector.collect(5.1 * HOUR_S) == {}
    assert disk.at(5.2, 360.0)["root"]["hours_left"] == pytest.approx(12.8, rel=0.01)


def test_a_mount_that_went_is_forgotten() -> None:
    disk = Filling()
    disk.run(lambda hours: 100.0 + 50.0 * hours, 6.0)
    disk.source.told["disk"] = {}
    assert disk.collector.collect(7 * HOUR_S) == {}
    assert disk.collector._courses == {}


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e16)), max_size=80))
def test_any_points_give_a_growth_or_nothing(points: list[tuple[float, float]]) -> None:
    found = forecast.slope(points)
    assert found is None or found > 0


def test_it_works_on_with_what_the_collector_disk_measured(
    fake_host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from saltern_modules.collectors.disk import Disk

    at = [0.0]
    used = lambda: {"root": {"used": at[0], "available": 36000.0 - at[0]}}  # noqa: E731
    monkeypatch.setattr(Disk, "collect", lambda self, now: used())
    monkeypatch.setattr("saltern_modules.collectors.sampler.time.monotonic", lambda: at[0])
    sampler = Sampler(fake_host.opts)
    while at[0] < 3600.0:
        sample = sampler.sample()
        at[0] += 60.0
    assert sample["forecast"]["root"]["hours_left"] == pytest.approx(9.0, rel=0.01)


def test_a_wrong_window_is_one_clear_line(tmp_path: Path) -> None:
    fault = fault_of(tmp_path, {"forecast": {"window_hours": 0.0}})
    assert fault == "stats: forecast: window_hours must be more than 0 and at most 168.0 hours, not 0.0"
