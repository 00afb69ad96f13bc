"""The agent's cost on its host: memory, and CPU for one sample that was sent and acknowledged.

Against node_exporter, scraped at the same interval as Prometheus does (kept connection, gzip), and against a Salt
minion that runs ``status.all_status`` on its schedule and returns it to its master. All three run side by side.

CPU is that of whole processes over a window, divided by the samples in it: what an agent does between samples (timers,
heartbeats, acknowledgements) is in the figure, so the one at the real interval is the higher.

    make bench NAME=agent [ARGS=--quick]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from saltern.event import MasterEvent
from support import psutil_alone, report, salt
from support.measure import Memory, cpu_s, cpu_with_children_s, memory, tree
from support.node_exporter import NodeExporter, node_exporter
from support.report import Figure, say
from support.stack import Stack, stack


class Window(NamedTuple):
    """A measurement: a sample every *interval_s*, for *samples* samples, after *settle_s*."""

    interval_s: float
    samples: int
    settle_s: float


SHORT, REAL = Window(1.0, 60, 5.0), Window(15.0, 8, 62.0)
QUICK_SHORT, QUICK_REAL = Window(1.0, 8, 3.0), Window(3.0, 3, 5.0)
MS = 1000
LOUDEST = 6


class Side(NamedTuple):
    """What one side cost: CPU seconds a sample, metrics a sample, memory."""

    cpu_s: float
    metrics: int
    memory: Memory


def bench(options: argparse.Namespace) -> list[Figure]:
    """Measure at a short interval for a fine figure, then at the real one for CPU, Salt and memory."""
    say("psutil alone")
    floor = psutil_alone.cpu_s()
    with node_exporter() as exporter:
        window = QUICK_SHORT if options.quick else SHORT
        with _stack_every(window.interval_s) as running:
            ours, theirs = _side_by_side(running, exporter, window)
        figures = [_cpu(ours, theirs, exporter.peer, window), _floor(ours, floor, window)]
        window = QUICK_REAL if options.quick else REAL
        schedule = {"stats": {"function": "status.all_status", "seconds": window.interval_s, "return_job": True}}
        with _stack_every(window.interval_s) as running, salt.salt(1, {"schedule": schedule}) as other:
            (minion,) = other.pids.values()
            began = cpu_with_children_s(tree(minion)), time.monotonic()
            ours, theirs = _side_by_side(running, exporter, window)
            seconds = time.monotonic() - began[1]
            salts = Side(
                (cpu_with_children_s(tree(minion)) - began[0]) / seconds * window.interval_s, 0, memory(tree(minion))
            )
    figures += [_cpu(ours, theirs, exporter.peer, window), _cpu(ours, salts, salt.PEER, window)]
    return [*figures, *_memory(ours, theirs, exporter.peer), *_memory(ours, salts, f"{salt.PEER} minion")]


def _stack_every(interval_s: float) -> Any:
    entry = {"function": "stats.collect", "seconds": interval_s, "target": "*", "metrics": True}
    return stack(1, {"schedule": {"stats": entry}})


def _side_by_side(running: Stack, exporter: NodeExporter, window: Window) -> tuple[Side, Side]:
    """Measure agent and node_exporter, which is scraped as each sample of the agent's arrives."""
    (minion,) = running.minions
    pid = running.pids[f"agent {minion}"]
    events = MasterEvent(running.sock_dir)
    events.subscribe("salt/job/")
    say(f"a sample every {window.interval_s:g} s: letting both settle for {window.settle_s:g} s")
    sample: dict[str, Any] = {}
    scraped = 0

    def next_sample() -> None:
        nonlocal sample, scraped
        sample = _await_sample(events, minion)
        scraped = exporter.scrape()

    _for_seconds(window.settle_s, next_sample)
    _rest(window)
    before, before_theirs = cpu_s(pid), cpu_s(exporter.pid)
    say(f"measuring {window.samples} samples")
    for _ in range(window.samples):
        next_sample()
    _rest(window)  # so that the last sample's acknowledgement is in
    used, used_theirs = cpu_s(pid) - before, cpu_s(exporter.pid) - before_theirs
    events.close()
    processes = tree(pid)
    metrics = _numbers(sample)
    say(f"agent: {metrics} metrics, {len(processes)} processes; node_exporter: {scraped} metrics")
    say(f"the last sample's collectors, ms: {_loudest(sample)}")
    say(f"this host: {_tcp_sockets()} TCP sockets, {sum(name.isdigit() for name in os.listdir('/proc'))} processes")
    return (
        Side(used / window.samples, metrics, memory(processes)),
        Side(used_theirs / window.samples, scraped, memory(tree(exporter.pid))),
    )


def _await_sample(events: MasterEvent, minion: str) -> dict[str, Any]:
    """Wait for the next scheduled sample and return it."""
    while True:
        event = events.get_event(wait=60.0)
        if event is None:
            raise TimeoutError("no sample came from the agent for a minute")
        if event.get("schedule") == "stats" and event.get("id") == minion:
            sample: dict[str, Any] = event["return"]
            return sample


def _loudest(sample: dict[str, Any]) -> str:
    """Return what the most expensive collectors took, as they say themselves."""
    took = {name: told["duration_ms"] for name, told in sample["collector"].items()}
    names = sorted(took, key=lambda name: -float(took[name]))
    return ", ".join(f"{name} {took[name]:.2f}" for name in names[:LOUDEST])


def _tcp_sockets() -> int:
    """Count the host's TCP sockets: what both sides say of them costs more the more there are."""
    return sum(len(Path(f"/proc/net/{name}").read_text().splitlines()) - 1 for name in ("tcp", "tcp6"))


def _numbers(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_numbers(part) for part in value.values())
    return int(isinstance(value, (int, float)))


def _for_seconds(seconds: float, step: Callable[[], None]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        step()


def _rest(window: Window) -> None:
    """Wait until between two samples."""
    time.sleep(min(window.interval_s / 2, 2.0))


def _cpu(ours: Side, theirs: Side, peer: str, window: Window) -> Figure:
    counts = f"{ours.metrics} metrics" + (f" against {theirs.metrics}" if theirs.metrics else "")
    what = f"CPU a sample, one every {window.interval_s:g} s ({counts})"
    return Figure("agent", what, ours.cpu_s * MS, theirs.cpu_s * MS, peer, "ms")


def _floor(ours: Side, floor_s: float, window: Window) -> Figure:
    what = f"CPU a sample, one every {window.interval_s:g} s, against the bare calls"
    return Figure("agent", what, ours.cpu_s * MS, floor_s * MS, psutil_alone.PEER, "ms")


def _memory(ours: Side, theirs: Side, peer: str) -> list[Figure]:
    return [
        Figure("agent", "memory, RSS", ours.memory.rss, theirs.memory.rss, peer, "MiB"),
        Figure("agent", "memory, PSS", ours.memory.pss, theirs.memory.pss, peer, "MiB"),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sys.exit(report.run(parser, bench))
