"""The store and its writer: accepted points reach the files, whatever the disk does meanwhile."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import whisper

from saltern.errors import StoreError
from saltern.segments import Kind, Segment
from saltern_graphite.file_writers import process as process_module
from saltern_graphite.file_writers.base import Batch, Outcome
from saltern_graphite.file_writers.memory import MemoryFileWriter
from saltern_graphite.file_writers.process import ProcessFileWriter
from saltern_graphite.process.options import StoreOptions
from saltern_graphite.store import cache as cache_module
from saltern_graphite.store import shelf as shelf_module
from saltern_graphite.store import store as store_module
from saltern_graphite.store import writer as writer_module
from saltern_graphite.store.names import Ids
from saltern_graphite.store.pace import EASY
from saltern_graphite.store.packed import Seconds, Values
from saltern_graphite.store.reader import Reader
from saltern_graphite.store.shelf import METRICS
from saltern_graphite.store.store import STILL_READ_BACK, Store
from saltern_graphite.store.wal import wal as wal_module
from saltern_graphite.store.wal.wal import Place, Replayed, Wal


def wait_for(condition: Callable[[], bool], seconds: float = 40.0) -> None:
    """Wait until *condition* holds: the writer's turns can't be awaited from outside."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def root(tmp_path: Path) -> str:
    return str(tmp_path)


@pytest.fixture
def store(root: str) -> Iterator[Store]:
    running = Store(root, StoreOptions(flush_interval_s=0.3))
    running.start()
    yield running
    running.stop()


def stored(store: Store, metric: str) -> dict[int, float]:
    """The points of *metric*'s file, as the library reads them."""
    path = os.path.join(store.whisper_dir, *metric.split(".")) + ".wsp"
    if not os.path.exists(path):
        return {}
    now = int(time.time())
    (start, end, step), read = whisper.fetch(path, now - 3600, now)
    return {at: value for at, value in zip(range(start, end, step), read, strict=True) if value is not None}


def left(root: str, names: list[str], at: int, *values: float) -> None:
    """Leave a log that has all *values* for each of *names* at the time *at*, none of them in a file."""
    files = MemoryFileWriter()
    files.failing = dict.fromkeys(names, (errno.EIO, "Input/output error"))
    store = Store(root, files=files)
    store.start()
    for value in values:
        store.accept(names, [at] * len(names), [value] * len(names))
    store.stop()


def names_of_segments(root: str) -> list[int]:
    return sorted(int(path.stem) for path in Path(root, "log").glob("*.wal"))


def slot(age: int = 0) -> int:
    return (int(time.time()) - age) // 15 * 15


def test_points_are_visible_at_once_and_in_the_file_soon(store: Store) -> None:
    at = slot()
    result = store.accept(["a.b", "a.b"], [at - 15, at + 0.9], [1.0, 2.0])
    assert (result.accepted, result.refused) == (2, {})
    assert store.cache.points("a.b") in ([], [(at - 15, 1.0), (at, 2.0)])
    wait_for(lambda: store.cache.size == 0)
    assert stored(store, "a.b") == {at - 15: 1.0, at: 2.0}
    assert "a.b" in store.index


def test_refusals_are_counted_by_cause_and_do_not_hurt_the_rest(store: Store) -> None:
    now = time.time()
    names = ["a..b", "a/b", "nan", "inf", "zero", "ms", "future", "t", "ok", "..ok.too"]
    times = [now, now, now, now, 0, now * 1000, now + 90_000, float("nan"), now, now]
    values = [1.0, 1.0, float("nan"), float("inf"), 1.0, 1.0, 1.0, 1.0, 5.0, 6.0]
    result = store.accept(names, times, values)
    expected = {"empty_segment": 1, "bad_character": 1, "not_finite": 2, "bad_time": 2, "future": 2}
    assert (result.accepted, result.refused) == (2, expected)
    assert result.samples["empty_segment"] == "a..b"
    assert result.which == [0, 1, 2, 3, 4, 5, 6, 7]
    assert store.accept(["ok", "a..b", "c"], [now] * 3, [1.0] * 3).which == [1]
    assert store.accept(["ok", "a..b", "c"], [now, now, 0], [1.0] * 3).which == [1, 2]
    totals = store.counters.totals()
    expected = {**expected, "empty_segment": 3, "bad_time": 3}
    assert {f"drops.{cause}": count for cause, count in expected.items()}.items() <= totals.items()
    assert totals["errors"] == 11
    wait_for(lambda: store.cache.size == 0)
    assert set(stored(store, "ok.too").values()) == {6.0}


def test_huge_but_finite_values_are_taken(store: Store) -> None:
    result = store.accept(["a", "b"], [time.time()] * 2, [1.7e308, 1.7e308])
    assert result.accepted == 2
    assert store.accept([], [], []).accepted == 0


def test_new_metrics_are_told_once(root: str) -> None:
    told: list[str] = []
    store = Store(root)
    store.on_new_metric = told.append
    store.start()
    for _ in range(3):
        store.accept(["x", "y", ".x"], [time.time()] * 3, [1.0] * 3)
    store.stop()
    assert sorted(told) == ["x", "y"]


def test_tagged_metrics_live_under_their_hash(store: Store) -> None:
    store.accept(["cpu;host=b;dc=a"], [slot()], [1.0])
    wait_for(lambda: store.cache.size == 0)
    found = list(Path(store.whisper_dir, "_tagged").rglob("*.wsp"))
    assert len(found) == 1
    assert len(found[0].stem) == 64


def test_points_outside_every_archive_are_counted(store: Store) -> None:
    store.accept(["a"], [1_000_000], [1.0])
    wait_for(lambda: store.cache.size == 0)
    assert store.counters.totals()["drops.outside_retention"] == 1


def test_schemas_decide_new_files_and_can_be_read_again(tmp_path: Path, store: Store) -> None:
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "storage-schemas.conf").write_text("[a]\npattern = ^a\nretentions = 10s:1h\n[bad]\n")
    (conf / "storage-aggregation.conf").write_text("[a]\npattern = .\naggregationMethod = max\nxFilesFactor = 0.25\n")
    store.reload_schemas()
    assert store.retentions("a.b") == [(10, 360)]
    assert store.roll_up("a.b")[0] == "max"
    store.accept(["a.b"], [time.time()], [1.0])
    wait_for(lambda: store.cache.size == 0)
    info = whisper.info(os.path.join(store.whisper_dir, "a", "b.wsp"))
    assert (info["aggregationMethod"], info["xFilesFactor"]) == ("max", 0.25)
    assert [(archive["secondsPerPoint"], archive["points"]) for archive in info["archives"]] == [(10, 360)]


def test_a_corrupt_file_is_set_aside_and_begun_anew(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    folder = Path(store.whisper_dir)
    (folder / "a.wsp").write_bytes(b"not whisper")
    os.utime(folder / "a.wsp", (0, 0))
    at = slot()
    store.accept(["a"], [at], [3.0])
    wait_for(lambda: store.cache.size == 0)
    assert stored(store, "a") == {at: 3.0}
    assert [path.read_bytes() for path in folder.glob("a.wsp.corrupt-*")] == [b"not whisper"]
    assert [record.levelname for record in caplog.records if "set aside" in record.message] == ["ERROR"]


def test_a_full_disk_loses_nothing_and_heals(
    root: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer_module, "RETRY_S", 0.05)
    files = MemoryFileWriter()
    files.failing = dict.fromkeys("ab", (errno.ENOSPC, "No space left on device"))
    store = Store(root, StoreOptions(flush_interval_s=0.3), files)
    store.start()
    at = slot()
    store.accept(["a", "b"], [at, at], [1.0, 2.0])
    wait_for(lambda: len(files.batches) > 3)
    assert store.health()["ok"] is False
    assert "No space left" in str(store.health()["error"])
    assert store.cache.size == 2
    store.accept(["a"], [at], [5.0])
    assert store.cache.points("a") == [(at, 5.0)]
    files.failing = {}
    wait_for(lambda: store.cache.size == 0)
    assert files.files == {"a": {at: 5.0}, "b": {at: 2.0}}
    wait_for(lambda: store.health()["ok"] is True)
    assert len([record for record in caplog.records if "tried again" in record.message]) == 1
    store.stop()


class _NoRoomForMore(MemoryFileWriter):
    """Whose failures are those of files to be made."""

    def collect(self) -> Outcome:
        outcome = super().collect()
        outcome.failures = [failure._replace(kind="uncreated") for failure in outcome.failures]
        return outcome


def test_a_disk_without_room_for_new_files_is_an_outage_though_most_are_written(root: str) -> None:
    files = _NoRoomForMore()
    files.failing = {"new": (errno.ENOSPC, "No space left on device")}
    store = Store(root, StoreOptions(flush_interval_s=0.2), files)
    store.start()
    for turn in range(3):
        names = ["a", "b", "c", "new"]
        store.accept(names, [slot(15 * turn)] * len(names), [1.0] * len(names))
        wait_for(lambda: not any(map(store.cache.points, "abc")))
        assert (store.health()["ok"], "No space left" in str(store.health()["error"])) == (False, True)
    store.stop()


def test_a_file_that_is_removed_is_made_anew(store: Store) -> None:
    at = slot()
    store.accept(["a.b"], [at], [1.0])
    wait_for(lambda: store.cache.size == 0)
    Path(store.whisper_dir, "a", "b.wsp").unlink()
    Path(store.whisper_dir, "a").rmdir()
    store.accept(["a.b"], [at], [2.0])
    wait_for(lambda: store.cache.size == 0)
    assert stored(store, "a.b") == {at: 2.0}


def test_files_that_can_not_be_written_hold_up_no_other_and_are_no_outage(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "HOLD_S", 0.1)
    Path(store.whisper_dir, "bad.wsp").mkdir()
    at = slot()
    Path(store.whisper_dir, "worse.wsp").symlink_to("nowhere.wsp")
    store.accept(["bad", "worse", "good", "fine"], [at] * 4, [1.0, 3.0, 2.0, 2.0])
    wait_for(lambda: stored(store, "good") == {at: 2.0} and "2 files" in str(store.health()["warnings"]))
    assert store.cache.points("bad") == [(at, 1.0)]
    assert store.cache.points("worse") == [(at, 3.0)]
    assert store.health()["ok"] is True  # a load balancer must not take the whole server away for it
    Path(store.whisper_dir, "bad.wsp").rmdir()
    Path(store.whisper_dir, "worse.wsp").unlink()
    wait_for(lambda: store.cache.size == 0)
    assert (stored(store, "bad"), stored(store, "worse")) == ({at: 1.0}, {at: 3.0})
    assert store.health()["warnings"] == []


def test_a_tree_most_of_which_can_not_be_written_is_an_outage(store: Store) -> None:
    Path(store.whisper_dir, "bad.wsp").mkdir()
    Path(store.whisper_dir, "worse.wsp").mkdir()
    own = [f"carbon.agents.x.n{number}" for number in range(9)]  # as every store has, wherever its folder is
    names = ["bad", "worse", "good", *own]
    store.accept(names, [slot()] * len(names), [1.0] * len(names))
    wait_for(lambda: store.health()["ok"] is False)
    assert str(store.health()["error"]).startswith("2 of 3 files can't be written: ")


def test_a_file_that_go_carbon_compressed_is_left_alone_and_its_points_are_counted(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    foreign = Path(store.whisper_dir, "a.wsp")
    foreign.write_bytes(b"whisper_compressed\x01" + bytes(300))
    before = foreign.read_bytes()
    at = slot()
    for age in (0, 15):
        store.accept(["a", "b", "c"], [at - age] * 3, [1.0, 2.0, 3.0])
        wait_for(lambda: store.cache.size == 0)
    assert (foreign.read_bytes(), stored(store, "b")) == (before, {at: 2.0, at - 15: 2.0})
    assert sorted(os.listdir(store.whisper_dir)) == ["a.wsp", "b.wsp", "c.wsp"]
    assert store.counters.total("drops.file_compressed") == 2
    assert len([record for record in caplog.records if "a.wsp: compressed by go-carbon" in record.message]) == 1
    health = store.health()
    assert health["ok"] is True
    assert f"points for 1 files are dropped (file_compressed): {foreign}" in str(health["warnings"])
    foreign.unlink()
    store.accept(["a"], [at], [4.0])
    wait_for(lambda: stored(store, "a") == {at: 4.0})
    wait_for(lambda: store.health()["warnings"] == [])


def test_a_fault_of_ours_with_one_file_ends_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    at = slot()
    store.accept(["good"], [at], [1.0])
    wait_for(lambda: stored(store, "good") == {at: 1.0})
    with monkeypatch.context() as patched:
        patched.setattr("saltern_graphite.file_writers.work.set_aside", faulty)
        Path(store.whisper_dir, "odd.wsp").write_bytes(b"not whisper")
        store.accept(["odd", "good"], [at, at], [1.0, 2.0])
        wait_for(lambda: stored(store, "good") == {at: 2.0})
        assert store.cache.points("odd") == [(at, 1.0)]
        wait_for(lambda: "ZeroDivisionError" in str(store.health()["warnings"]))


def test_a_log_that_can_not_be_written_refuses_and_keeps_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*columns: object) -> int:
        raise StoreError("log can't be written: No space left on device")

    monkeypatch.setattr(store.wal, "append", broken)
    with pytest.raises(StoreError, match="No space"):
        store.accept(["a"], [time.time()], [1.0])
    assert store.cache.size == 0


def test_a_log_that_takes_a_little_is_not_well_while_it_refused_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all = wal_module.write_all

    def short(fd: int, data: memoryview) -> None:
        write_all(fd, data[:4000])
        if len(data) > 4000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(wal_module, "write_all", short)
        with pytest.raises(StoreError, match="No space"):
            store.accept(["a"] * 1000, [slot()] * 1000, [1.0] * 1000)
        probed = store.counters.total("logFailures") + 2
        wait_for(lambda: store.counters.total("logFailures") >= probed)
        assert store.accept(["a"], [slot()], [1.0]).accepted == 1
        assert "No space" in str(store.health()["error"])
    wait_for(lambda: store.health()["ok"] is True)


def test_what_was_not_flushed_is_read_back(root: str) -> None:
    files = MemoryFileWriter()
    files.failing = {"a": (errno.EIO, "Input/output error")}
    at = slot()
    first = Store(root, files=files)
    first.start()
    first.accept(["a", "a"], [at - 15, at], [1.0, 2.0])
    first.stop()
    assert stored(first, "a") == {}
    told: list[str] = []
    second = Store(root)
    second.on_new_metric = told.append
    second.start()
    assert not second.full
    assert told == ["a"]
    wait_for(lambda: second.cache.size == 0)
    assert stored(second, "a") == {at - 15: 1.0, at: 2.0}
    second.stop()


def test_points_are_taken_while_the_log_is_read_back_and_the_newer_value_wins(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, names = slot(), [f"m{n}" for n in range(3)]
    left(root, names, at, 1.0)
    replay, going_on = Wal.replay, threading.Event()

    def waiting(self: Wal) -> Iterator[Replayed]:
        for record in replay(self):
            going_on.wait(40)
            yield record

    monkeypatch.setattr(Wal, "replay", waiting)
    monkeypatch.setattr(store_module, "REPLAY_WAIT_S", 0.0)
    store = Store(root, StoreOptions(flush_interval_s=0.2))
    store.start()
    assert (store.replaying, store.full, store.health()["ok"]) == (True, False, True)
    assert store.health()["warnings"] == [STILL_READ_BACK]
    assert store.accept(names[:2], [at, at - 15], [2.0, 3.0]).accepted == 2
    assert store.waits("another")
    going_on.set()
    wait_for(lambda: not store.replaying and store.cache.size == 0)
    assert store.health()["warnings"] == []
    assert [stored(store, name) for name in names] == [{at: 2.0}, {at - 15: 3.0, at: 1.0}, {at: 1.0}]
    store.stop()


def test_names_read_back_are_in_the_index_and_told(root: str) -> None:
    names = ["top", "a.b", "a.c", "a.b.c", "a.b;host=x"]
    left(root, names, slot(), 1.0)
    told: list[str] = []
    store = Store(root)
    store.on_new_metric = told.append
    store.start()
    assert told == names
    assert [name in store.index for name in names] == [True] * 4 + [False]
    assert len(store.index) == 4
    store.stop()


def test_only_what_is_read_back_is_written_while_memory_is_full_of_it(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, names = slot(), [f"m{n}" for n in range(10)]
    left(root, names, at, *map(float, range(20)))
    replay, started = Wal.replay, threading.Event()

    def waiting(self: Wal) -> Iterator[Replayed]:
        for number, record in enumerate(replay(self)):
            if number == 1:
                started.wait(40)
            yield record

    monkeypatch.setattr(Wal, "replay", waiting)
    monkeypatch.setattr(store_module, "REPLAY_WAIT_S", 0.0)
    store = Store(root, StoreOptions(flush_interval_s=0.2, cache_max_points=40))
    store.start()
    store.accept(names, [at] * 10, [100.0] * 10)
    started.set()
    wait_for(lambda: not store.replaying and store.cache.size == 0)
    assert [stored(store, name) for name in names] == [{at: 100.0}] * 10
    store.stop()


def test_senders_go_on_while_a_log_is_read_back_for_which_memory_is_too_small(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (shelf_module, cache_module, writer_module):
        monkeypatch.setattr(module, "METRICS", 1)
    names, files = [f"m{n}" for n in range(300)], MemoryFileWriter()
    files.failing = dict.fromkeys(names, (errno.EIO, "Input/output error"))
    store = Store(root, files=files)
    store.start()
    for n in range(0, 300, 30):
        store.accept(names[n : n + 30], [slot()] * 30, [1.0] * 30)
    store.stop()
    store = Store(root, StoreOptions(cache_max_points=100), MemoryFileWriter())
    rooms: list[bool] = []
    store.on_room = lambda: rooms.append(store.replaying)
    store.start()
    wait_for(lambda: not store.replaying)
    assert True in rooms
    store.stop()


def test_of_a_log_that_can_be_read_later_no_older_value_wins(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at, names = slot(), ["a", "b"]
    left(root, names, at, 1.0)
    look = Segment.look

    def refused(kind: Kind, path: str) -> Segment | None:
        if path.endswith("0000000001.wal"):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), path)
        return look(kind, path)

    store = Store(root, StoreOptions(flush_interval_s=0.2))
    with monkeypatch.context() as patched:
        patched.setattr(Segment, "look", refused)
        store.start()
        store.accept(["a", "c"], [at, at], [2.0, 2.0])
        wait_for(lambda: stored(store, "a") == {at: 2.0} and store.cache.size == 0)
        assert store.wal.unread
    wait_for(lambda: not store.wal.unread and store.cache.size == 0)
    assert [stored(store, name) for name in ("a", "b", "c")] == [{at: 2.0}, {at: 1.0}, {at: 2.0}]
    monkeypatch.setattr("saltern_graphite.store.wal.wal.SEGMENT_AGE_S", 0.1)
    store.accept(["a"], [at], [3.0])
    wait_for(lambda: names_of_segments(root) == [store.wal.current])
    store.stop()


def test_a_replay_larger_than_the_cache_passes_through_it(root: str) -> None:
    at = slot(6000)
    names = [f"m{n}" for n in range(10)]
    files = MemoryFileWriter()
    files.failing = dict.fromkeys(names, (errno.EIO, "Input/output error"))
    first = Store(root, files=files)
    first.start()
    for batch in range(20):
        first.accept(names, [at + 15 * batch] * 10, [float(batch)] * 10)
    first.stop()
    second = Store(root, StoreOptions(cache_max_points=30))
    second.start()
    wait_for(lambda: not second.full and second.cache.size == 0)
    (start, _, step), read = whisper.fetch(os.path.join(second.whisper_dir, "m3.wsp"), at - 15, at + 15 * 19)
    assert (start, step) == (at, 15)
    assert read == [float(batch) for batch in range(20)]
    second.stop()


def test_the_log_is_freed_once_everything_is_written(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saltern_graphite.store.wal.wal.SEGMENT_AGE_S", 0.1)
    store = Store(root, StoreOptions(flush_interval_s=0.2))
    store.start()
    store.accept(["a"], [time.time()], [1.0])
    first = Path(root, "log", "0000000001.wal")
    assert first.exists()
    wait_for(lambda: not first.exists())
    assert store.cache.size == 0
    store.stop()


def test_the_log_is_freed_only_when_the_files_are_on_the_disk(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut must not find a point in neither."""
    monkeypatch.setattr("saltern_graphite.store.wal.wal.SEGMENT_AGE_S", 0.1)
    broken, synced = threading.Event(), []
    broken.set()

    def sync(path: str) -> None:
        synced.append(path)
        if broken.is_set():
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(writer_module, "sync_file_system", sync)
    store = Store(root, StoreOptions(flush_interval_s=0.2))
    store.start()
    store.accept(["a"], [time.time()], [1.0])
    first = Path(root, "log", "0000000001.wal")
    wait_for(lambda: len(synced) > 1)
    assert first.exists()
    assert store.cache.size == 0
    assert "can't be synced: Input/output error" in str(store.health()["error"])
    broken.clear()
    wait_for(lambda: not first.exists())
    assert set(synced) == {store.whisper_dir}
    wait_for(lambda: store.health()["ok"] is True)
    store.stop()


def test_a_log_of_another_version_is_a_warning_and_no_reason_to_be_unwell(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "0000000007.wal").write_bytes(b"SALTLOG1" + bytes(100))
    store = Store(str(tmp_path))
    store.start()
    health = store.health()
    aside = tmp_path / "log" / "0000000007.wal.unreadable"
    assert health["ok"] is True
    assert f"a file of the log could not be read and is kept, such as {aside}" in str(health["warnings"])
    assert store.counters.gauges()["log.unreadable"] == 1
    store.accept(["a"], [slot()], [1.0])
    wait_for(lambda: bool(stored(store, "a")))
    aside.unlink()
    wait_for(lambda: store.health()["warnings"] == [])
    store.stop()


def test_a_point_that_can_not_be_written_stays_in_the_log_but_does_not_keep_all_of_it(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saltern_graphite.store.wal.wal.SEGMENT_AGE_S", 0.1)
    store = Store(root, StoreOptions(flush_interval_s=0.2))
    Path(store.whisper_dir, "bad.wsp").mkdir(parents=True)
    store.start()
    at = slot()
    store.accept(["bad"], [at], [1.0])
    first = Path(root, "log", "0000000001.wal")
    wait_for(lambda: store.wal.current > 1)
    store.accept(["good"], [at], [1.0])
    wait_for(lambda: bool(stored(store, "good")) and not first.exists())
    store.stop()
    Path(store.whisper_dir, "bad.wsp").rmdir()
    again = Store(root)
    again.start()
    wait_for(lambda: again.cache.size == 0)
    assert stored(again, "bad") == {at: 1.0}
    again.stop()


def test_a_value_that_comes_while_held_points_are_copied_in_the_log_is_the_newer_one(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saltern_graphite.store.wal.wal.SEGMENT_AGE_S", 0.1)
    files = MemoryFileWriter()
    files.failing = {"bad": (errno.EISDIR, "Is a directory")}
    store = Store(root, StoreOptions(flush_interval_s=0.2), files)
    store.start()
    at, points, append = slot(), store.cache.points, store.wal.append
    senders: list[threading.Thread] = []
    logged: list[float] = []

    def meanwhile(name: str) -> list[tuple[int, float]]:
        found = points(name)
        if not senders:
            senders.append(threading.Thread(target=store.accept, args=(["bad"], [at], [2.0])))
            senders[0].start()
            senders[0].join(0.5)  # it may have to wait
        return found

    def noting(ids: Ids, times: Seconds, values: Values, widths: Seconds | None = None) -> Place:
        place = append(ids, times, values, widths)
        logged.extend(values.tolist())
        return place

    monkeypatch.setattr(store.wal, "append", noting)
    store.accept(["bad"], [at], [1.0])
    wait_for(lambda: bool(store.cache.held()))
    monkeypatch.setattr(store.cache, "points", meanwhile)
    wait_for(lambda: logged.count(1.0) > 1 and 2.0 in logged)
    assert 1.0 not in logged[logged.index(2.0) :]
    senders[0].join()
    store.stop()


def test_writer_processes_do_the_same(root: str) -> None:
    store = Store(root, StoreOptions(flush_interval_s=0.2, writers=2))
    store.start()
    Path(store.whisper_dir, "m1.wsp").write_bytes(b"not whisper")
    names = [f"m{n}" for n in range(50)]
    at = slot()
    store.accept(names, [at] * 50, list(map(float, range(50))))
    wait_for(lambda: store.cache.size == 0)
    assert [stored(store, name) for name in names] == [{at: float(n)} for n in range(50)]
    totals = store.counters.totals()
    assert (totals["creates"], totals["committedPoints"], totals["updateOperations"]) == (50, 50, 50)
    store.stop()


def test_a_writer_process_that_dies_loses_nothing(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "RETRY_S", 0.05)
    files = ProcessFileWriter(os.path.join(root, "whisper"), 2, sync=False, late="combine")
    store = Store(root, StoreOptions(flush_interval_s=0.2), files)
    store.start()
    before = files.pids
    os.kill(before[1], signal.SIGKILL)
    names = [f"m{n}" for n in range(50)]
    at = slot()
    store.accept(names, [at] * 50, [1.0] * 50)
    wait_for(lambda: store.cache.size == 0)
    assert all(stored(store, name) == {at: 1.0} for name in names)
    assert files.pids[0] == before[0]
    assert files.pids[1] != before[1]
    store.stop()


def test_a_writer_process_that_can_not_be_started_at_once_is_tried_again(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "RETRY_S", 0.05)
    files = ProcessFileWriter(os.path.join(root, "whisper"), 2, sync=False, late="combine")
    store = Store(root, StoreOptions(flush_interval_s=0.2), files)
    store.start()

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    names = [f"m{n}" for n in range(50)]
    at = slot()
    with monkeypatch.context() as patched:
        patched.setattr(process_module.subprocess, "Popen", refused)
        os.kill(files.pids[1], signal.SIGKILL)
        store.accept(names, [at] * 50, [1.0] * 50)
        wait_for(lambda: "Cannot allocate memory" in str(store.health()["error"]))
        assert store.cache.size
    wait_for(lambda: store.cache.size == 0)
    assert all(stored(store, name) == {at: 1.0} for name in names)
    wait_for(lambda: store.health()["ok"] is True)
    store.stop()


def test_a_store_starts_without_a_writer_process_and_has_one_later(
    root: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer_module, "RETRY_S", 0.05)

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    names = [f"m{n}" for n in range(50)]
    at = slot()
    with monkeypatch.context() as patched:
        patched.setattr(process_module.subprocess, "Popen", refused)
        store = Store(root, StoreOptions(flush_interval_s=0.2, writers=2))
        store.start()
        store.accept(names, [at] * 50, [1.0] * 50)
        wait_for(lambda: "no worker process can be started" in str(store.health()["error"]))
        assert store.health()["ok"] is False
        assert store.cache.size == 50
    assert "no worker process can be started to write it: Resource temporarily unavailable" in caplog.text
    wait_for(lambda: store.cache.size == 0)
    assert all(stored(store, name) == {at: 1.0} for name in names)
    wait_for(lambda: store.health()["ok"] is True)
    store.stop()


@pytest.mark.parametrize("place", ["_settle", "_collected", "_batch", "_release"])
def test_a_fault_of_ours_in_the_writer_ends_nothing_and_loses_nothing(
    root: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    monkeypatch.setattr(writer_module, "RETRY_S", 0.05)
    monkeypatch.setattr(writer_module, "RELEASE_EVERY_S", 0.05)
    monkeypatch.setattr(writer_module, "BATCH_METRICS", 10)
    store = Store(root, StoreOptions(flush_interval_s=0.2), MemoryFileWriter())
    store.start()
    writer = store._writer
    whole = getattr(writer, place)
    calls = []

    def faulty(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) in (2, 3):
            raise KeyError("no such key")
        return whole(*arguments)

    monkeypatch.setattr(writer, place, faulty)
    names = [f"m{n}" for n in range(50)]
    at = slot()
    store.accept(names, [at] * 50, list(map(float, range(50))))
    wait_for(lambda: store.cache.size == 0 and len(calls) > 3)
    assert isinstance(store._files, MemoryFileWriter)
    assert store._files.files == {name: {at: float(n)} for n, name in enumerate(names)}
    wait_for(lambda: store.health()["ok"] is True)
    assert len([record for record in caplog.records if "KeyError" in record.message]) == 1
    store.stop()


def test_a_writer_that_has_ended_is_no_healthy_store(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(root, StoreOptions(), MemoryFileWriter())
    monkeypatch.setattr(writer_module.Writer, "run", lambda _: None)
    store.start()
    store._thread.join()
    assert store.health()["ok"] is False
    assert "the writer has ended" in str(store.health()["error"])
    store.wal.close()


@pytest.mark.parametrize("waits", [True, False])
def test_a_writer_that_takes_long_to_end_is_told_of_only_if_points_wait_for_it(
    root: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, waits: bool
) -> None:
    class Slow(MemoryFileWriter):
        ends = threading.Event()

        def close(self) -> None:
            self.ends.wait(40)

    files = Slow()
    files.failing = {"a": (errno.EIO, "Input/output error")}
    monkeypatch.setattr(store_module, "STOP_WAIT_S", 0.1)
    store = Store(root, StoreOptions(), files)
    store.start()
    if waits:
        store.accept(["a"], [slot()], [1.0])
    store.stop()
    files.ends.set()
    store._thread.join()
    assert ("the disk is slow: the writer is left behind" in caplog.text) is waits


def test_a_burst_is_spread_over_the_interval(root: str) -> None:
    class Timed(MemoryFileWriter):
        def submit(self, batch: Batch) -> None:
            at.append(time.monotonic())
            ruled.append(batch.rules is not None)
            super().submit(batch)

    at: list[float] = []
    ruled: list[bool] = []
    store = Store(root, StoreOptions(flush_interval_s=4.0), Timed())
    store.start()
    names = [f"m{n}" for n in range(3 * METRICS)]
    began = time.monotonic()
    store.accept(names, [slot()] * len(names), [1.0] * len(names))
    wait_for(lambda: store.cache.size == 0)
    assert at[-1] - began > 1.5  # so many new ones wait like others
    assert all(ruled)
    at.clear()
    ruled.clear()
    store.accept(names, [slot()] * len(names), [2.0] * len(names))
    wait_for(lambda: store.cache.size == 0)
    assert at[-1] - at[0] > 2 * writer_module.TURN_S
    assert not any(ruled)  # rules are looked for once
    store.stop()


def test_a_store_not_started_answers_readers(root: str) -> None:
    store = Store(root)
    assert store.health()["ok"] is True
    assert store.cache.points("a") == []
    assert os.listdir(root) == []
    store.stop()


def test_a_folder_that_can_not_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't be made"):
        Store(str(tmp_path / "file")).start()


def test_points_are_written_early_where_the_log_fills_up(root: str) -> None:
    store = Store(root, StoreOptions(flush_interval_s=3600, log_max_bytes=400_000))
    store.start()
    names = [f"m{n}" for n in range(100)]
    store.accept(names, [slot()] * 100, [0.0] * 100)
    wait_for(lambda: store.cache.size == 0)  # new ones hardly wait
    rounds = 0
    while store.wal.bytes < EASY * store.wal.max_bytes:
        rounds += 1
        store.accept(names, [slot() - 15 * (rounds % 50)] * 100, [float(rounds)] * 100)
        assert store.cache.size
    while not store.full:
        store.accept(names, [slot()] * 100, [1.0] * 100)
    wait_for(lambda: store.cache.size == 0)
    store.stop()


def test_points_are_written_early_where_memory_fills_up(root: str) -> None:
    store = Store(root, StoreOptions(flush_interval_s=3600, cache_max_bytes=600_000))
    store.start()
    names = [f"m{n}" for n in range(100)]
    store.accept(names, [slot()] * 100, [0.0] * 100)
    wait_for(lambda: store.cache.size == 0)
    while not store.full:
        store.accept(names, [slot()] * 100, [1.0] * 100)
    assert store.health()["ok"] is False
    wait_for(lambda: store.cache.size == 0)
    assert store.health()["ok"] is True
    store.stop()


def test_what_is_remembered_of_late_points_fits_into_a_small_log(root: str) -> None:
    """It is in each segment anew: a log that it filled would be full until it is forgotten."""
    store = Store(root, StoreOptions(flush_interval_s=0, log_max_bytes=20_000))
    store.start()
    late = slot(3 * 86_400)
    for number in range(20):
        wait_for(lambda: not store.full)
        store.accept([f"a{number}"] * 200, [late - 15 * n for n in range(200)], [1.0] * 200)
    wait_for(lambda: store.cache.size == 0)
    assert store._writer is not None
    assert 0 < len(store._writer.late) <= 125
    wait_for(lambda: not store.full)
    store.stop()


def test_a_log_longer_than_what_is_packed_at_once_is_read_back_whole(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "MOST_POINTS", 50)
    first = Store(root, StoreOptions(flush_interval_s=3600, flush_at_most_s=3600))
    first.start()
    names, now = [f"m{n}" for n in range(20)], slot()
    first.accept(names, [now] * 20, [0.0] * 20)
    wait_for(lambda: first.cache.size == 0)
    for back in range(1, 40):
        first.accept(names, [now - 15 * back] * 20, [back + n / 8 for n in range(20)])
    assert first.cache.size == 20 * 39
    first.wal.close()  # no more than a kill would leave
    second = Store(root, StoreOptions(flush_interval_s=3600, flush_at_most_s=3600))
    second.start()
    wait_for(lambda: second.health()["replaying"] is False)
    reader = Reader(second.whisper_dir, second.cache, second.retentions, second.roll_up)
    for n, name in enumerate(names):  # some may be in their files by now
        found = reader.fetch(name, now - 15 * 40, now, now)
        assert found is not None
        assert found.values.tolist() == [back + n / 8 if back else 0.0 for back in range(39, -1, -1)]
    second.stop()
    first.stop()


def test_what_is_not_packed_yet_takes_a_small_part_of_the_memory(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "PACK_S", 3600.0)
    store = Store(root, StoreOptions(flush_interval_s=3600, flush_at_most_s=3600, cache_max_bytes=160_000))
    store.start()
    names = [f"m{n}" for n in range(100)]
    store.accept(names, [slot()] * 100, [0.0] * 100)
    wait_for(lambda: store.cache.size == 0)
    for back in range(1, 11):
        store.accept(names, [slot() - 15 * back] * 100, [1.0] * 100)
    wait_for(lambda: store.cache.open.count == 0)
    assert store.cache.size == 1000
    store.stop()


def test_it_is_told_when_much_memory_was_freed(root: str) -> None:
    told: list[float] = []
    store = Store(root, StoreOptions(flush_interval_s=0.2), MemoryFileWriter())
    store.on_freed = lambda: told.append(time.monotonic())
    store.start()
    wait_for(lambda: len(told) == 1)
    store.accept(["a"], [slot()], [1.0])
    wait_for(lambda: len(told) == 2)
    assert told[1] - told[0] >= writer_module.FREED_EVERY_S
    store.stop()


def test_there_are_few_blocks_to_look_through_while_points_wait(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "PACK_S", 0.0)
    store = Store(root, StoreOptions(flush_interval_s=3600, flush_at_most_s=3600))
    store.start()
    store.accept(["a"], [slot()], [0.0])
    wait_for(lambda: store.cache.size == 0)
    for round_ in range(9):
        store.accept(["a"] * 20, [slot() - 20 * round_ - at for at in range(1, 21)], [1.0] * 20)
        wait_for(lambda: store.cache.open.count == 0)
    wait_for(lambda: len(store.cache.shelves[0].blocks) <= 3)
    store.stop()
