"""What goes to a worker process and comes back is what was sent."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import whisper
from hypothesis import given
from hypothesis import strategies as st

from saltern_graphite.file_writers import process as process_module
from saltern_graphite.file_writers.base import Batch, Failure, FileWriter, Outcome, Rule
from saltern_graphite.file_writers.fitting import FIRST_PROCESS_METRICS, MORE_METRICS, FittingFileWriter
from saltern_graphite.file_writers.local import LocalFileWriter
from saltern_graphite.file_writers.memory import MemoryFileWriter
from saltern_graphite.file_writers.process import ProcessFileWriter
from saltern_graphite.file_writers.work import FileWork
from saltern_graphite.file_writers.worker import LENGTH, pack_batch, pack_outcome, unpack_batch, unpack_outcome
from saltern_graphite.rules.schemas import Retention

NOW = 1_700_000_000
RULES = [Rule((Retention(15, 10),), "sum", 0.5), Rule((Retention(1, 60), Retention(60, 60)), "average", 0.0), None]

_metric = st.tuples(
    st.text(min_size=1, max_size=8),
    st.dictionaries(st.integers(1, 2**32 - 1), st.floats(allow_nan=False), min_size=1, max_size=4),
    st.sampled_from(RULES),
)


def batch_of(metrics: list[tuple[str, dict[int, float], Rule | None]], with_rules: bool = True) -> Batch:
    rows = [row for _, points, _ in metrics for row in sorted(points.items())]
    return Batch(
        np.arange(len(metrics), dtype=np.uint32),
        [name for name, _, _ in metrics],
        np.cumsum([len(points) for _, points, _ in metrics], dtype=np.int64),
        np.array([time for time, _ in rows], np.uint32),
        np.array([value for _, value in rows], np.float64),
        NOW,
        [rule for _, _, rule in metrics] if with_rules else None,
    )


def plain(batch: Batch) -> list[object]:
    return [batch.names, batch.ends.tolist(), batch.times.tolist(), batch.values.tolist(), batch.now, batch.rules]


@given(st.lists(_metric, max_size=5), st.booleans())
def test_a_batch_passes_through_the_socket_unchanged(
    metrics: list[tuple[str, dict[int, float], Rule | None]], with_rules: bool
) -> None:
    batch = batch_of(metrics, with_rules)
    assert plain(unpack_batch(pack_batch(batch)[LENGTH.size :])) == plain(batch)


def test_an_outcome_passes_through_the_socket_unchanged() -> None:
    outcome = Outcome(5, 1, 2, [Failure(3, "error", 28, "No space left on device"), Failure(4, "missing", 0, "")])
    assert unpack_outcome(pack_outcome(outcome)[LENGTH.size :]) == outcome


@given(st.lists(_metric, min_size=1, max_size=6), st.data())
def test_a_part_of_a_batch_holds_just_its_metrics(
    metrics: list[tuple[str, dict[int, float], Rule | None]], data: st.DataObject
) -> None:
    chosen = sorted(data.draw(st.sets(st.integers(0, len(metrics) - 1))))
    part = batch_of(metrics).part(np.array(chosen, np.int64))
    assert plain(part) == plain(batch_of([metrics[place] for place in chosen]))
    assert part.numbers.tolist() == chosen


@pytest.mark.parametrize("driver", ["local", "process", "memory"])
def test_every_driver_creates_updates_and_tells_what_is_missing(tmp_path: Path, driver: str) -> None:
    files: FileWriter = {
        "local": lambda: LocalFileWriter(FileWork(str(tmp_path), sync=False, late="combine")),
        "process": lambda: ProcessFileWriter(str(tmp_path), 2, sync=False, late="combine"),
        "memory": MemoryFileWriter,
    }[driver]()
    try:
        rule = RULES[0]
        metrics = [(f"a.m{n}", {NOW - 15: 1.0, NOW: float(n)}, rule) for n in range(5)]
        files.submit(batch_of([*metrics, ("a.none", {NOW: 1.0}, None)]))
        outcome = files.collect()
        assert (outcome.created, outcome.stored) == (5, 10)
        assert outcome.failures == [Failure(5, "missing", 0, "")]
        for _ in range(files.depth):
            files.submit(batch_of([(name, {NOW: 7.0}, None) for name, _, _ in metrics], with_rules=False))
        for _ in range(files.depth):
            assert files.collect() == Outcome(stored=5)
    finally:
        files.close()
    if driver != "memory":
        _, values = whisper.fetch(str(tmp_path / "a" / "m3.wsp"), NOW - 30, NOW, now=NOW)
        assert values == [1.0, 7.0]


def test_a_worker_with_a_long_answer_and_a_long_batch_to_come_never_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "BUFFER_BYTES", 4096)
    (tmp_path / "whisper").write_bytes(b"")  # so that every metric fails, with its long path in the answer
    files = ProcessFileWriter(str(tmp_path / "whisper"), 1, sync=False, late="combine")
    outcomes: list[Outcome] = []
    sizes = [400, 300, 200, 100]

    def work() -> None:
        for number, size in enumerate(sizes):
            files.submit(batch_of([(f"{'x' * 900}.m{n}", {NOW: 1.0}, RULES[0]) for n in range(size)]))
            if number:
                outcomes.append(files.collect())
        outcomes.append(files.collect())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    stuck = thread.is_alive()
    if stuck:
        for pid in files.pids:
            os.kill(pid, signal.SIGKILL)
        thread.join(60)
    files.close()
    assert not stuck
    assert [len(outcome.failures) for outcome in outcomes] == sizes


def test_there_are_as_many_processes_as_the_metrics_are_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing under way is lost when there come to be more of them."""
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    metrics, asked = 0, []
    thread, closed = MemoryFileWriter(), []
    monkeypatch.setattr(thread, "close", lambda: closed.append("thread"))

    def processes(count: int) -> FileWriter:
        asked.append(count)
        return MemoryFileWriter()

    writer = FittingFileWriter(thread, processes, lambda: metrics)
    batch = batch_of([("a", {1: 1.0}, RULES[0])])
    writer.submit(batch)
    metrics = FIRST_PROCESS_METRICS
    writer.submit(batch)  # the first is under way: not now
    assert (writer.workers, asked, len(thread.batches)) == (0, [], 2)
    assert [writer.collect().stored for _ in range(2)] == [1, 1]
    there_are = (FIRST_PROCESS_METRICS, 1), (MORE_METRICS - 1, 1), (2 * MORE_METRICS, 3), (9 * MORE_METRICS, 3), (5, 3)
    for metrics, workers in there_are:  # noqa: B007  # the writer asks for it
        writer.submit(batch)
        assert writer.collect().stored == 1
        assert writer.workers == workers
    assert (asked, closed, len(thread.batches)) == ([1, 3], ["thread"], 2)


def test_few_metrics_are_written_without_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    writer = FittingFileWriter(MemoryFileWriter(), lambda count: MemoryFileWriter(), lambda: FIRST_PROCESS_METRICS - 1)
    writer.submit(batch_of([("a", {1: 1.0}, RULES[0])]))
    assert (writer.collect().stored, writer.workers, writer.depth) == (1, 0, MemoryFileWriter.depth)
