"""Shares of processor time, over counters that fall."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_modules.collectors.cpu import MODES, TICKS_PER_S, Cpu, shares, spent
from saltern_modules.collectors.source import Source

BEFORE = [100, 0, 50, 1000, 5, 0, 0, 900]
TICKS = st.lists(st.integers(0, 2**63), min_size=8, max_size=8)


def test_a_column_that_falls_by_little_costs_itself_alone() -> None:
    assert spent([110, 0, 55, 1100, 5, 0, 0, 899], BEFORE) == [10, 0, 5, 100, 0, 0, 0, 0]
    assert spent([110, 0, 49, 1100, 4, 0, 0, 910], BEFORE) == [10, 0, 0, 100, 0, 0, 0, 10]


def test_a_large_fall_is_a_reset() -> None:
    assert spent([110, 0, 50, 500, 5, 0, 0, 900], BEFORE) is None
    assert spent([2000, 0, 50, 1000, 5, 0, 0, 0], BEFORE) is None
    assert spent(BEFORE, BEFORE) is None
    assert spent([90, 0, 50, 1001, 5, 0, 0, 900], BEFORE) is None, "time as a whole can't run back"
    assert spent([9000, 0, 50, 500, 5, 0, 0, 900], BEFORE, processors=256), "a sum over many may fall by more"


@given(now=TICKS, before=TICKS, processors=st.integers(1, 4096))
def test_a_share_is_between_nothing_and_everything(now: list[int], before: list[int], processors: int) -> None:
    ticks = spent(now, before, processors)
    if ticks is not None:
        found = shares(ticks)
        assert all(0.0 <= share <= 100.0 for share in found.values())
        assert sum(found[mode] for mode in MODES) == pytest.approx(100.0, abs=0.05)


class Host:
    """A host whose processors tick as they are told."""

    def __init__(self, folder: Path) -> None:
        self._stat = folder / "stat"
        self._source = Source(str(folder))
        self.cpu = Cpu(self._source, {})
        self.now = 0.0

    def sample(self, *lines: list[int], elapsed: float = 15.0) -> dict[str, object]:
        total = [sum(column) for column in zip(*lines, strict=True)]
        rows = [("cpu", total), *((f"cpu{number}", line) for number, line in enumerate(lines) if line)]
        self._stat.write_text("".join(f"{name} {' '.join(map(str, ticks))}\n" for name, ticks in rows) + "intr 1\n")
        self._source.begin()
        self.now += elapsed
        return self.cpu.collect(self.now)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def ticks(**modes: float) -> list[int]:
    """Seconds by mode as ticks."""
    return [int(modes.get(mode, 0) * TICKS_PER_S) for mode in MODES]


def test_a_column_that_goes_on_falling(host: Host) -> None:
    for step in range(4):
        line = ticks(user=100 + 5 * step, idle=1000 + 10 * step, steal=50 - 0.01 * step)
        found = host.sample(line)
        assert step == 0 or found["0"]["percent"] == pytest.approx(33.33)  # type: ignore[index]  # it is there then
    assert "resets" not in found


def test_a_column_that_fell_below_nothing_and_comes_back(host: Host) -> None:
    for step, steal in enumerate((0, 2**64 - 1, 2**64 - 3, 0, 2**64 - 1)):
        line = ticks(user=100 + 5 * step, idle=1000 + 10 * step)
        found = host.sample([*line[:-1], steal])
        assert step == 0 or found["0"]["percent"] == pytest.approx(33.33)  # type: ignore[index]  # it is there then
    assert "resets" not in found
    assert shares(spent([110, 0, 55, 1100, 5, 0, 0, 2**64 - 1], BEFORE) or [])["steal"] == 0


def test_idle_that_jumps_back_is_no_sample_and_is_told_once(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    busy, other = ticks(user=100, idle=1000), ticks(user=7, idle=20)
    host.sample(busy, other)
    with caplog.at_level(logging.WARNING):
        found = host.sample(ticks(user=101, idle=3), ticks(user=8, idle=34))
        assert "0" not in found
        assert "total" not in found
        assert found["1"]["percent"] == pytest.approx(6.67)  # type: ignore[index]  # it is there
        assert found["resets"] == 2, "the processor's, and the sum's"
        found = host.sample(ticks(user=102, idle=17), ticks(user=9, idle=48))
    assert found["0"]["percent"] == found["total"]["percent"] == pytest.approx(6.67)  # type: ignore[index]  # as above
    assert found["resets"] == 2
    assert len(caplog.records) == 1


def test_an_idle_processor_whose_idle_time_falls_by_a_tick_is_not_busy(host: Host) -> None:
    host.sample(ticks(user=1, idle=1000))
    found = host.sample(ticks(user=1.05, idle=999.99))
    assert "total" not in found
    assert found["resets"]


def test_a_busy_processor_whose_idle_time_falls_by_a_tick_is(host: Host) -> None:
    host.sample(ticks(user=1, idle=1000))
    found = host.sample(ticks(user=15.9, idle=999.99))
    assert found["0"]["percent"] == 100.0  # type: ignore[index]  # it is there
    assert "resets" not in found


def test_processors_come_and_go(host: Host) -> None:
    line = ticks(user=10, idle=10)
    later = ticks(user=20, idle=15)
    assert host.sample(line, line)["count"] == 2
    found = host.sample(later)
    assert (found["count"], set(found) & {"0", "1"}) == (1, {"0"})
    found = host.sample(later, later)
    assert (found["count"], "1" in found) == (2, False), "it has no sample before this one"
    assert "1" in host.sample(later, ticks(user=21, idle=15))
