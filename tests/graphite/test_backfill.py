"""A backfill in parts, in any order, over kills of the server or its writers, rolls up as points in time do."""

from __future__ import annotations

import tempfile
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import whisper
from hypothesis import example, given, settings
from hypothesis import strategies as st

from saltern_graphite.file_writers.base import Batch
from saltern_graphite.process.options import StoreOptions
from saltern_graphite.rules.rollup import METHODS
from saltern_graphite.store import late_memory
from saltern_graphite.store import writer as writer_module
from saltern_graphite.store.late_memory import LateMemory
from saltern_graphite.store.pace import Pace
from saltern_graphite.store.store import Store
from saltern_graphite.store.wal import wal
from saltern_graphite.store.wal.mark import Place
from saltern_graphite.store.writer import Writer
from saltern_graphite.whisper.file import read_layout
from saltern_graphite.whisper.late import oldest_interval

NOW = 1_700_000_007
LAYOUTS = ("1s:60s,5s:5m,20s:20m", "2s:1m,10s:7m", "5s:1m,15s:8m", "1s:30s,5s:100s,20s:5m,60s:20m")

Points = list[tuple[int, float]]


class Clock:
    """The writer's clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = float(NOW)
        real = writer_module.time
        there = types.SimpleNamespace(time=lambda: self.now, monotonic=real.monotonic, perf_counter=real.perf_counter)
        monkeypatch.setattr(writer_module, "time", there)


class Life:
    """A store from its start to its end, without the thread that moves it."""

    def __init__(self, root: Path, *, most_points: int = 10_000) -> None:
        self.store = Store(str(root), StoreOptions(flush_interval_s=0, fsync="never", cache_max_points=most_points))
        self.store.reload_schemas()
        assert not self.store.wal.open()
        self.writer = self.store._writer = Writer(
            self.store.cache,
            self.store.names,
            self.store._file_writer(),
            self.store.counters,
            self.store._rule_of,
            self.store._release_log,
            whisper_dir=self.store.whisper_dir,
            pace=Pace(0, 0),
        )
        assert self.store._read_back(self.writer)

    def send(self, points: Points, name: str = "a") -> None:
        times = [float(time) for time, _ in points]
        assert self.store.accept([name] * len(points), times, [value for _, value in points]).accepted == len(points)

    def flush(self) -> None:
        while self.store.cache.size:
            assert self.writer.turn()

    def free_the_log(self) -> None:
        """What the writer's thread does each second; the segment is old."""
        self.store.wal._opened_at -= wal.SEGMENT_AGE_S
        self.store._release_log()

    def note(self) -> None:
        """The same, while the segment is young."""
        self.store._release_log()

    def kill(self) -> None:
        """End it as a kill does: nothing is written."""
        self.store.wal.close()

    def stop(self) -> None:
        self.flush()
        self.note()
        self.kill()


def configure(root: Path, retentions: str, method: str = "average", factor: float = 0.0) -> None:
    (root / "conf").mkdir(parents=True)
    (root / "conf" / "storage-schemas.conf").write_text(f"[all]\npattern = .*\nretentions = {retentions}\n")
    (root / "conf" / "storage-aggregation.conf").write_text(
        f"[all]\npattern = .*\naggregationMethod = {method}\nxFilesFactor = {factor}\n"
    )


def archives(path: Path, now: int = NOW) -> list[dict[int, float]]:
    """The known slots of each archive but the first, in retention by *now*."""
    with open(path, "rb") as file:
        layout = read_layout(file.fileno(), str(path))
        found = []
        for archive in layout.archives[1:]:
            file.seek(archive.offset)
            data = file.read(archive.points * 12)
            slots = (whisper.struct.unpack_from("!Ld", data, place) for place in range(0, len(data), 12))
            oldest = oldest_interval(archive, now)
            found.append({time: value for time, value in slots if time >= oldest})
    return found


def in_time(root: Path, points: Points, like: Path) -> Path:
    """The file that the whisper library makes of *points*, each written in its second."""
    info = whisper.info(str(like))
    rings = [(archive["secondsPerPoint"], archive["points"]) for archive in info["archives"]]
    path = root / "reference.wsp"
    whisper.create(str(path), rings, info["xFilesFactor"], info["aggregationMethod"])
    for time, value in sorted(points):
        whisper.update_many(str(path), [(time, value)], now=time)
    return path


def test_what_is_remembered_is_logged_once_a_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a point waits for its file, and keeps the segments behind it."""
    Clock(monkeypatch)
    configure(tmp_path, "1s:1m,10s:1h")
    slot = (NOW - 300) // 10 * 10
    life = Life(tmp_path)
    life.send([(slot + n, float(n)) for n in range(4)])
    life.flush()
    life.send([(NOW, 1.0)], "waits")
    life.free_the_log()
    life.note()
    before = life.store.wal.bytes
    for _ in range(5):
        life.note()
    assert life.store.wal.bytes == before
    life.flush()
    life.note()
    life.kill()
    life = Life(tmp_path)
    life.send([(slot + n, float(n)) for n in range(4, 10)])
    life.flush()
    assert archives(tmp_path / "whisper" / "a.wsp")[0][slot] == pytest.approx(4.5)
    life.kill()


def test_a_segment_with_what_is_remembered_stays_when_another_is_begun_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(monkeypatch)
    configure(tmp_path, "1s:1m,10s:1h")
    slot = (NOW - 300) // 10 * 10
    life = Life(tmp_path)
    life.send([(slot + n, float(n)) for n in range(4)])
    life.flush()
    life.free_the_log()
    life.send([(slot - 10, 1.0)])
    life.flush()
    append = life.store.wal.append

    def append_elsewhere(*columns: Any) -> Place:
        life.store.wal._abandon()  # as a sync of the log that failed does
        return append(*columns)

    monkeypatch.setattr(life.store.wal, "append", append_elsewhere)
    life.note()
    life.kill()
    life = Life(tmp_path)
    life.send([(slot + n, float(n)) for n in range(4, 10)])
    life.flush()
    assert archives(tmp_path / "whisper" / "a.wsp")[0][slot] == pytest.approx(4.5)
    life.kill()


def test_a_slot_begun_before_a_kill_is_finished_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    slot = (NOW - 300) // 10 * 10
    for name, between in {
        "kill": lambda life: life.kill(),
        "stop": lambda life: life.stop(),
        "noted": lambda life: (life.note(), life.kill()),
        "freed": lambda life: (life.free_the_log(), life.free_the_log(), life.kill()),
        "freed twice": lambda life: (life.free_the_log(), life.note(), life.free_the_log(), life.kill()),
    }.items():
        root = tmp_path / name
        configure(root, "1s:1m,10s:1h")
        life = Life(root)
        life.send([(slot + n, float(n)) for n in range(2)])
        life.flush()
        life.send([(slot + n, float(n)) for n in range(2, 4)])
        life.flush()
        between(life)
        life = Life(root)
        life.send([(slot + n, float(n)) for n in range(4, 10)])
        life.stop()
        assert archives(root / "whisper" / "a.wsp") == [{slot: 4.5}], name
        life = Life(root)
        life.send([(slot + 9, 19.0)])  # one more, or one again
        life.stop()
        assert archives(root / "whisper" / "a.wsp") == [{slot: 5.5}], name


@pytest.mark.parametrize("others", [0, 1], ids=["in one segment", "in two"])
def test_a_part_that_is_noted_behind_the_next_is_not_left_out_where_memory_is_too_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    """The log is read back and written at once then: the next part comes to the file before the note is read."""
    Clock(monkeypatch)
    configure(tmp_path, "1s:1m,10s:1h")
    slot = (NOW - 300) // 10 * 10
    life = Life(tmp_path)
    life.send([(slot + n, float(n)) for n in range(2)])
    life.flush()
    life.send([(slot + n, float(n)) for n in range(2, 10)])
    for _ in range(others):
        life.store.wal.rotate(now=True)
    life.note()
    life.send([(NOW, 1.0)], "other")
    life.kill()
    life = Life(tmp_path, most_points=4)
    life.flush()
    assert archives(tmp_path / "whisper" / "a.wsp") == [{slot: 4.5}]
    life.kill()


def test_a_kill_does_no_harm_to_roll_ups_whose_points_are_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log goes back to the middle of a slot of which the file has only the roll-up."""
    clock = Clock(monkeypatch)
    configure(tmp_path, "1s:10s,10s:1h")
    start = NOW // 10 * 10
    life = Life(tmp_path)
    for n in range(40):
        clock.now = start + n
        if n == 5:
            life.free_the_log()
        life.send([(start + n, float(n % 10))])
        life.flush()
        life.note()
    life.kill()
    clock.now += 60
    life = Life(tmp_path)
    life.stop()
    assert archives(tmp_path / "whisper" / "a.wsp", start + 100) == [{start + 10 * n: 4.5 for n in range(4)}]


@st.composite
def _series(draw: st.DrawFn) -> Points:
    """Points up to now, some alone and some in runs."""
    ages = set(draw(st.lists(st.integers(0, 420), min_size=1, max_size=30, unique=True)))
    for start in draw(st.lists(st.integers(0, 420), max_size=3)):
        ages |= set(range(start, max(start - draw(st.integers(1, 40)), -1), -1))
    return [(NOW - age, float(draw(st.integers(-9, 9)))) for age in sorted(ages, reverse=True)]


_steps = st.lists(st.sampled_from(["flush", "flush", "note", "free_the_log", "kill", "stop", "again"]), max_size=4)


@settings(max_examples=60, deadline=None)
@given(_series(), st.sampled_from(LAYOUTS), st.sampled_from(METHODS), st.sampled_from([0.0, 0.5, 1.0]), st.data())
@example([(NOW - 100 + n, float(n)) for n in range(10)], LAYOUTS[0], "average", 0.0, None)
def test_parts_in_any_order_over_any_kills_equal_points_in_time(
    points: Points, retentions: str, method: str, factor: float, data: st.DataObject | None
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        Clock(monkeypatch)
        root = Path(folder)
        configure(root, retentions, method, factor)
        # Of several points in one slot of the finest archive the last to come wins, which is another matter.
        step = int(retentions[0])
        points = list({time - time % step: (time - time % step, value) for time, value in points}.values())
        shuffled = data.draw(st.permutations(points)) if data else points[::-1]
        life, sent = Life(root), []
        while shuffled:
            size = data.draw(st.integers(1, len(shuffled))) if data else 1
            part, shuffled = shuffled[:size], shuffled[size:]
            life.send(part)
            sent.append(part)
            for step in data.draw(_steps) if data else ["flush", "kill"]:
                if step == "again":
                    life.send(sent[data.draw(st.integers(0, len(sent) - 1)) if data else 0])
                    continue
                getattr(life, step)()
                if step in ("kill", "stop"):
                    life = Life(root, most_points=data.draw(st.sampled_from([3, 10_000])) if data else 3)
        life.stop()
        path = root / "whisper" / "a.wsp"
        assert settled(path) == settled(in_time(root, points, path))


def settled(path: Path) -> list[dict[int, float]]:
    """What ``archives`` returns, without the slot of each that the next finer one reaches back to in part.

    It keeps its value when points come only to the part that is in reach: what it was made of may be overwritten.
    """
    with open(path, "rb") as file:
        rings = read_layout(file.fileno(), str(path)).archives
    found = archives(path)
    for slots, finer, coarse in zip(found, rings, rings[1:], strict=False):
        oldest = oldest_interval(finer, NOW)
        slots.pop(oldest - oldest % coarse.step, None)
    return found


def test_the_memory_is_bounded_and_forgets_slots_that_are_gone_on_from_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_memory, "MAX_POINTS", 60)
    Clock(monkeypatch)
    configure(tmp_path, "1s:1m,10s:1h")
    slot = (NOW - 900) // 10 * 10
    life = Life(tmp_path)
    names = [f"m{n}" for n in range(10)]
    for name in names:
        life.send([(slot + n, float(n)) for n in range(65)], name)
    life.flush()
    assert len(life.writer.late) <= 60
    life.note()
    life.kill()
    life = Life(tmp_path)
    for name in names:
        life.send([(slot + n, float(n)) for n in range(65, 70)], name)
    life.stop()
    for name in names:
        (found,) = archives(tmp_path / "whisper" / f"{name}.wsp")
        assert found == {slot + 10 * n: 10 * n + 4.5 for n in range(7)}


def test_slots_that_get_no_more_points_are_forgotten_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    configure(tmp_path, "1s:1m,10s:1h")
    life = Life(tmp_path)
    life.send([(NOW - 300, 1.0)])
    life.flush()
    life.free_the_log()
    assert len(life.writer.late) == 1
    monkeypatch.setattr(late_memory, "KEPT_S", -1.0)
    life.send([(NOW, 1.0)])
    life.flush()
    life.free_the_log()
    life.kill()
    assert len(life.writer.late) == 0
    again = Life(tmp_path)
    again.kill()
    assert len(again.writer.late) == 0


def one_metric(points: Points) -> Batch:
    times = np.array([time for time, _ in points], np.uint32)
    values = np.array([value for _, value in points], np.float64)
    return Batch(np.array([7], np.uint32), ["a"], np.array([len(points)]), times, values, NOW)


def test_a_slot_that_has_become_one_of_a_coarser_archive_is_made_of_what_was_known() -> None:
    """A point moves out of the reach of the second archive: now its slot in the third needs all points."""
    memory = LateMemory()
    memory.keep(one_metric([(1000, 1.0)]), 0, [(1000, 1010)])
    memory.keep(one_metric([(1015, 2.0)]), 0, [(1010, 1020)])
    memory.keep(one_metric([(1025, 3.0)]), 0, [(1020, 1040)])
    memory.keep(one_metric([(1005, 4.0)]), 0, [(1000, 1020)])
    assert memory.joined(one_metric([(1001, 5.0)])).times.tolist() == [1000, 1001, 1005, 1015]
    assert len(memory) == 4
    kept = memory.everything()
    assert kept is not None
    assert kept.widths is not None
    assert sorted(zip(kept.times.tolist(), kept.widths.tolist(), strict=True)) == [
        (1000, 20), (1005, 20), (1015, 20), (1025, 20),
    ]  # fmt: skip


def test_a_slot_made_of_all_that_was_known_of_a_metric_is_remembered_and_forgotten() -> None:
    now = [0.0]
    memory = LateMemory(clock=lambda: now[0])
    memory.restore(7, 1000, 1.0, 10)
    memory.restore(7, 1005, 2.0, 20)
    assert memory.joined(one_metric([(1001, 5.0)])).times.tolist() == [1000, 1001, 1005]
    now[0] = late_memory.KEPT_S + 1
    assert memory.everything() is None
    assert len(memory) == 0


def test_what_is_held_of_a_file_is_logged_again_with_its_newest_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(monkeypatch)
    configure(tmp_path, "1s:1h")
    bad = tmp_path / "whisper" / "a.wsp"
    bad.mkdir(parents=True)
    life = Life(tmp_path)
    life.send([(NOW - 2, 1.0), (NOW - 1, 1.0)])
    life.writer.turn()
    assert len(life.store.cache.held()) == 1
    life.send([(NOW - 1, 2.0)])
    life.free_the_log()
    life.free_the_log()
    life.kill()
    bad.rmdir()
    life = Life(tmp_path)
    life.stop()
    assert whisper.fetch(str(bad), NOW - 3, NOW - 1, NOW)[1] == [1.0, 2.0]
