"""The server's own metrics: what is in a sample, and that children count."""

from __future__ import annotations

import subprocess
import sys

import pytest

from saltern_graphite.telemetry.counters import Counters
from saltern_graphite.telemetry.health import why_not_ok
from saltern_graphite.telemetry.measurable import Measured
from saltern_graphite.telemetry.process_usage import children, cpu_seconds, memory_bytes, started_at
from saltern_graphite.telemetry.self_metrics import SelfMetrics
from support.stacks import wait_for

PREFIX = "carbon.agents.web1_example_org-a."


class FakeCache:
    size, queues = 7, 3

    def oldest_age(self) -> float:
        return 1.5


class FakeLog:
    bytes = 4096


class FakeStore:
    """A store that only counts."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.cache = FakeCache()
        self.wal = FakeLog()

    def retentions(self, name: str) -> list[tuple[int, int]]:
        assert name == f"{PREFIX}metricsReceived"
        return [(10, 100), (60, 100)]

    def health(self) -> dict[str, object]:
        return {"ok": True}


@pytest.fixture
def store() -> FakeStore:
    store = FakeStore()
    assert isinstance(store, Measured)
    return store


@pytest.fixture
def own(store: FakeStore) -> SelfMetrics:
    return SelfMetrics(store, host="web1.example.org")


def sampled(own: SelfMetrics) -> dict[str, float]:
    """Return a sample without the names' common part."""
    sample = own.sample()
    assert all(name.startswith(PREFIX) for name in sample)
    return {name.removeprefix(PREFIX): value for name, value in sample.items()}


def test_a_sample_of_an_idle_server_has_carbons_names_and_ours(own: SelfMetrics) -> None:
    carbons = """metricsReceived committedPoints updateOperations creates droppedCreates errors cache.size cache.queues
        cache.queries cache.bulk_queries cache.overflow activeConnections blacklistMatches whitelistRejects cpuUsage
        memUsage"""
    sample = sampled(own)
    assert set(sample) == {*carbons.split(), "log.bytes", "oldestUnwritten", "connectionsRefused"}
    assert (sample["cache.size"], sample["cache.queues"]) == (7.0, 3.0)
    assert (sample["log.bytes"], sample["oldestUnwritten"]) == (4096.0, 1.5)
    assert own.interval_s() == 10.0


def test_counts_are_of_the_time_since_the_last_sample(store: FakeStore, own: SelfMetrics) -> None:
    store.counters.add("metricsReceived", 10)
    store.counters.add("cacheQueries", 4)
    store.counters.drop({"udp_full": 3, "future": 1})
    first = sampled(own)
    assert (first["metricsReceived"], first["cache.queries"], first["errors"]) == (10.0, 4.0, 4.0)
    assert (first["drops.udp_full"], first["cache.overflow"], first["drops.future"]) == (3.0, 3.0, 1.0)
    store.counters.add("metricsReceived", 2)
    second = sampled(own)
    assert (second["metricsReceived"], second["cache.queries"], second["drops.udp_full"]) == (2.0, 0.0, 0.0)


def test_means_of_updates_are_there_only_when_something_was_written(store: FakeStore, own: SelfMetrics) -> None:
    store.counters.add_all({"updateOperations": 4, "committedPoints": 40})
    store.counters.add("updateSeconds", 0.5)
    sample = sampled(own)
    assert (sample["avgUpdateTime"], sample["pointsPerUpdate"]) == (0.125, 10.0)
    assert "updateSeconds" not in sample
    assert not {"avgUpdateTime", "pointsPerUpdate"} & set(sampled(own))


def test_what_others_count_and_measure_is_told_by_its_own_name(store: FakeStore, own: SelfMetrics) -> None:
    store.counters.add("blacklistMatches", 2)
    store.counters.add("framesOdd")
    connected = ["one"]
    store.counters.gauge("activeConnections", lambda: len(connected))
    sample = sampled(own)
    assert (sample["blacklistMatches"], sample["framesOdd"], sample["activeConnections"]) == (2.0, 1.0, 1.0)
    connected.append("another")
    assert sampled(own)["activeConnections"] == 2.0


BUSY_CHILD = """
import subprocess, sys, time
held = bytearray(64 << 20)
end = time.process_time() + 0.3
while time.process_time() < end: pass
if len(sys.argv) > 1: subprocess.run([sys.executable, "-c", sys.argv[1]])
print("done", flush=True)
sys.stdin.read()
"""


def test_processor_time_and_memory_of_children_count_while_they_live_and_after(own: SelfMetrics) -> None:
    cpu_before, memory_before = cpu_seconds(), memory_bytes()
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", BUSY_CHILD, BUSY_CHILD.replace("sys.stdin.read()", "")]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as child:
        assert child.stdout is not None
        assert [child.stdout.readline(), child.stdout.readline()] == [b"done\n", b"done\n"]  # its own child's first
        assert child.pid in children()
        assert cpu_seconds() - cpu_before > 0.55
        assert memory_bytes() - memory_before > 64 << 20
        assert sampled(own)["cpuUsage"] > 1.0
    wait_for(lambda: child.pid not in children(), "the child to be gone")
    assert cpu_seconds() - cpu_before > 0.55
    assert memory_bytes() - memory_before < 64 << 20


def test_this_process_started_after_its_parent() -> None:
    assert started_at() > 0
    pipe = subprocess.PIPE
    code = "from saltern_graphite.telemetry.process_usage import started_at; print(started_at())"
    later = subprocess.run([sys.executable, "-c", code], stdout=pipe, check=True)
    assert float(later.stdout) > started_at()


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"ok": True, "error": ""}, ""),
        ({"ok": False, "error": "a.wsp can't be written:\n No space left"}, "a.wsp can't be written: No space left"),
        ({"ok": False, "cache": {"points": 9, "max_points": 9}}, "9 points wait to be written, the bound is 9"),
        (
            {"ok": False, "cache": {"points": 1, "max_points": 9}, "log": {"bytes": 12, "max_bytes": 10}},
            "12 bytes are in the write-ahead log, the bound is 10",
        ),
        ({"ok": False}, "no reason"),
    ],
)
def test_health_names_what_is_wrong_in_one_line(told: dict[str, object], why: str) -> None:
    line = why_not_ok(told)
    assert why in line
    assert bool(line) is not told["ok"]
    assert "\n" not in line
