"""The agent's cost on its host: memory, and CPU for one sample that was sent and acknowledged.

Against node_exporter, scraped at the same interval as Prometheus does (kept connection, gzip), against collectd, which
writes to a Graphite of no effort, and against a Salt minion that runs ``status.all_status`` on its schedule and returns
it to its master. All of them run side by side, on a host with 100, 1,000 and 5,000 processes and TCP sockets more than
it has by itself. Of two agents one has the default options, by which processes and sockets beyond a bound are not told
by state; the other counts all. node_exporter's default collectors count neither; collectd counts both here.

CPU is that of whole processes over a window, divided by the samples in it: what an agent does between samples (timers,
heartbeats, acknowledgements) is in the figure.

    make bench NAME=agent [ARGS=--quick]
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from saltern.event import MasterEvent
from support import psutil_alone, report, salt
from support.agents import agent
from support.collectd import Collectd, collectd
from support.crowd import count, crowd
from support.measure import Memory, cpu_s, cpu_with_children_s, memory, tree
from support.node_exporter import NodeExporter, node_exporter
from support.report import Figure, say
from support.stack import Master, master

CROWDS = (100, 1000, 5000)
ALL = {"processes": {"max_scanned": 100_000}, "sockets": {"max_scanned": 100_000}}
MS = 1000
LOUDEST = 6
DEFAULT, COUNTS_ALL = "default", "counts-all"


class Window(NamedTuple):
    """A measurement for each crowd: a sample every *interval_s*, for *samples* samples, after *settle_s*."""

    interval_s: float
    samples: int
    settle_s: float


REAL, QUICK = Window(15.0, 8, 47.0), Window(3.0, 3, 7.0)


class Programs(NamedTuple):
    """What runs side by side: the agents' process ids by minion id, and the others."""

    master: Master
    agents: dict[str, int]
    exporter: NodeExporter
    collectd: Collectd
    salt_pid: int


class Costs(NamedTuple):
    """CPU seconds a sample of each, and how many metrics a sample has."""

    agents: dict[str, float]
    exporter: float
    collectd: float
    salt: float
    metrics: int
    exporter_metrics: int
    collectd_metrics: int


def bench(options: argparse.Namespace) -> list[Figure]:
    """Measure with each crowd in one run, and the memory of each at its end."""
    window = QUICK if options.quick else REAL
    say("psutil alone")
    floor_s = psutil_alone.cpu_s()
    figures: list[Figure] = []
    with _programs(window) as programs:
        for size in CROWDS:
            say(f"{size} processes and sockets more")
            with crowd(size, size):
                costs = _costs(programs, window)
            figures += _cpu(programs, costs, size, window)
            if size == CROWDS[0]:
                what = f"CPU a sample, one every {window.interval_s:g} s, against the bare calls"
                ours = costs.agents[DEFAULT]
                figures.append(Figure("agent", what, ours * MS, floor_s * MS, psutil_alone.PEER, "ms"))
                figures += _memory(programs)
    return figures


@contextlib.contextmanager
def _programs(window: Window) -> Any:
    """Run all sides until the block ends."""
    entry = {"function": "stats.collect", "seconds": window.interval_s, "target": "*", "metrics": True}
    schedule = {"stats": {"function": "status.all_status", "seconds": window.interval_s, "return_job": True}}
    with contextlib.ExitStack() as stack:
        exporter = stack.enter_context(node_exporter())
        other = stack.enter_context(salt.salt(1, {"schedule": schedule}))
        running = stack.enter_context(master({"schedule": {"stats": entry}}))
        agents = {
            DEFAULT: stack.enter_context(agent(running, DEFAULT)),
            COUNTS_ALL: stack.enter_context(agent(running, COUNTS_ALL, {"stats": ALL})),
        }
        third = stack.enter_context(collectd(window.interval_s))
        yield Programs(running, agents, exporter, third, next(iter(other.pids.values())))


def _costs(programs: Programs, window: Window) -> Costs:
    """Measure all sides over the same time; node_exporter is scraped as each sample of the agent's arrives."""
    with contextlib.closing(MasterEvent(programs.master.sock_dir)) as events:
        events.subscribe("salt/job/")
        say(f"a sample every {window.interval_s:g} s: letting all settle for {window.settle_s:g} s")
        _for_seconds(window.settle_s, lambda: (_await_sample(events), programs.exporter.scrape()))
        _rest(window)
        began, before, points = time.monotonic(), _spent(programs), programs.collectd.points[0]
        say(f"measuring {window.samples} samples: {count()}")
        for _ in range(window.samples):
            sample = _await_sample(events)
            scraped = programs.exporter.scrape()
        _rest(window)  # so that the last sample's acknowledgement is in
        after = _spent(programs)
        samples = (time.monotonic() - began) / window.interval_s
    used = {name: after[name] - before[name] for name in after}
    say(f"the last sample's collectors, ms: {_loudest(sample)}")
    return Costs(
        {name: used[name] / window.samples for name in programs.agents},
        used["exporter"] / window.samples,
        used["collectd"] / samples,
        used["salt"] / samples,
        _numbers(sample),
        scraped,
        round((programs.collectd.points[0] - points) / samples),
    )


def _spent(programs: Programs) -> dict[str, float]:
    """Return the CPU seconds of each side so far."""
    return {
        **{name: cpu_s(pid) for name, pid in programs.agents.items()},
        "exporter": cpu_s(programs.exporter.pid),
        "collectd": cpu_s(programs.collectd.pid),
        "salt": cpu_with_children_s(tree(programs.salt_pid)),
    }


def _await_sample(events: MasterEvent) -> dict[str, Any]:
    """Wait for the next scheduled sample of the agent that counts all, and return it."""
    while True:
        event = events.get_event(wait=60.0)
        if event is None:
            raise TimeoutError("no sample came from the agent for a minute")
        if event.get("schedule") == "stats" and event.get("id") == COUNTS_ALL:
            sample: dict[str, Any] = event["return"]
            return sample


def _loudest(sample: dict[str, Any]) -> str:
    """Return what the most expensive collectors took, as they say themselves."""
    took = {name: told["duration_ms"] for name, told in sample["collector"].items()}
    names = sorted(took, key=lambda name: -float(took[name]))
    return ", ".join(f"{name} {took[name]:.2f}" for name in names[:LOUDEST])


def _numbers(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_numbers(part) for part in value.values())
    return int(isinstance(value, (int, float)))


def _for_seconds(seconds: float, step: Callable[[], object]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        step()


def _rest(window: Window) -> None:
    """Wait until between two samples."""
    time.sleep(min(window.interval_s / 2, 2.0))


def _cpu(programs: Programs, costs: Costs, size: int, window: Window) -> list[Figure]:
    """Return each agent's figure against each of the others."""
    figures = []
    for name, ours in costs.agents.items():
        what = f"CPU a sample, one every {window.interval_s:g} s, {size} processes and sockets, {name}"
        figures += [
            Figure("agent", f"{what} ({costs.metrics} metrics, {others})", ours * MS, theirs * MS, peer, "ms")
            for theirs, peer, others in (
                (costs.exporter, programs.exporter.peer, f"theirs {costs.exporter_metrics}"),
                (costs.collectd, programs.collectd.peer, f"theirs {costs.collectd_metrics}"),
                (costs.salt, salt.PEER, "theirs status.all_status"),
            )
        ]
    return figures


def _memory(programs: Programs) -> list[Figure]:
    ours = memory(tree(programs.agents[DEFAULT]))
    figures = []
    for pid, peer in (
        (programs.exporter.pid, programs.exporter.peer),
        (programs.collectd.pid, programs.collectd.peer),
        (programs.salt_pid, f"{salt.PEER} minion"),
    ):
        theirs: Memory = memory(tree(pid))
        figures.append(Figure("agent", "memory, RSS", ours.rss, theirs.rss, peer, "MiB"))
        figures.append(Figure("agent", "memory, PSS", ours.pss, theirs.pss, peer, "MiB"))
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sys.exit(report.run(parser, bench))
