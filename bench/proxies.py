"""Thousands of devices behind one agent: memory, start, ``test.ping`` and 15 s slots; and a few beside Salt's proxies.

One real master, one real agent as their host; the devices come from the host's pillar, each with 40 numbers every
15 s. Memory of one is what the host with all of them has above the same host with none, divided, after some minutes of
work. Then one in twenty hangs in every call and one in twenty comes and goes, and no slot of a healthy one may be lost:
that is read from the master's own account. The other side of those figures is the budget.

A few devices that do nothing (each side's own proxymodule ``dummy``) are measured on both sides: Salt's single proxies,
its ``deltaproxy``, and our host. There all of the host's memory is divided by the devices, as it is for Salt.

    make bench NAME=proxies [ARGS=--quick] [ARGS="--devices 1000"] [ARGS=--ours-alone]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from saltern.client import LocalClient
from saltern.errors import SalternError
from saltern.runner import RunnerClient
from support import report
from support.agents import agent
from support.measure import Memory, cpu_s, median, memory, tree
from support.points_sink import PointsSink, points_sink
from support.programs import HOST, folder, wait_for
from support.report import Figure, say
from support.salt_proxies import PEER, Proxies, control_proxy, singles
from support.stack import Master, master

DEVICES, QUICK_DEVICES = 5000, 200
FEW, QUICK_FEW = 20, 4
NUMBERS, EVERY_S = 40, 15
ONE_IN = 20
"""Of so many devices one hangs and one flaps in the time of trouble."""
WELL_S, QUICK_WELL_S = 90.0, 20.0
TROUBLE_S, QUICK_TROUBLE_S = 240.0, 45.0
PINGS, QUICK_PINGS = 21, 5
IDLE_S, QUICK_IDLE_S = 60.0, 5.0
"""Before the memory of a few is taken."""
UP_WITHIN_S = 300.0
SETTLE_S = 5.0
MS, US, KIB = 1000, 1_000_000, 1024
BUDGET = "the budget"
MEMORY_BUDGET_KIB, START_BUDGET_S, PING_BUDGET_MS = 60.0 * 1000 / 1024, 10.0, 300.0

HOST_ID, ALONE_ID = "host", "alone"
"""The same host has another id, and so a key of its own, for the time when it has no devices."""
MODULE = Path(__file__).with_name("support") / "bench_device.py"


class Window(NamedTuple):
    """What was spent and what came in a time: CPU as shares of a core, points a second, slots of healthy devices."""

    master: float
    host: float
    points_s: float
    expected: int
    lost: int
    late: int


def bench(options: argparse.Namespace) -> list[Figure]:
    """Measure Salt's few, our few, and our many."""
    few = QUICK_FEW if options.quick else FEW
    figures = [] if options.ours_alone else _beside_salt(few, options.quick)
    return figures + _many(options)


def _beside_salt(few: int, quick: bool) -> list[Figure]:
    """Measure a few devices that do nothing on both sides."""
    pings, idle_s = (QUICK_PINGS, QUICK_IDLE_S) if quick else (PINGS, IDLE_S)
    say(f"{few} single proxies of {PEER}")
    single = singles(few, pings, idle_s)
    say(f"{few} devices of a deltaproxy of {PEER}")
    delta = control_proxy(few, pings, idle_s)
    say(f"{few} devices of ours")
    with _pillar({_name(number): {"proxytype": "dummy"} for number in range(few)}) as roots, master(roots) as running:
        ours = _few(running, few, pings, idle_s)
    figures = []
    for theirs, peer in ((single, f"{PEER}, single proxies"), (delta, f"{PEER}, deltaproxy")):
        what = f"{few} idle devices"
        figures += [
            Figure(
                "proxies", f"{what}: memory of one, RSS", ours.memory.rss / few, theirs.memory.rss / few, peer, "MiB"
            ),
            Figure(
                "proxies", f"{what}: memory of one, PSS", ours.memory.pss / few, theirs.memory.pss / few, peer, "MiB"
            ),
            Figure("proxies", f"{what}: start until all answer", ours.start_s, theirs.start_s, peer, "s"),
        ]
        if theirs.pings_s:
            us, them = median(ours.pings_s) * MS, median(theirs.pings_s) * MS
            figures.append(Figure("proxies", f"{what}: test.ping, median", us, them, peer, "ms"))
    return figures


def _few(running: Master, few: int, pings: int, idle_s: float) -> Proxies:
    client = LocalClient(running.config_dir)
    began = time.perf_counter()
    with agent(running, HOST_ID) as pid:
        wait_for("our devices' answers", lambda: _answered(client) == few, UP_WITHIN_S)
        start_s = time.perf_counter() - began
        time.sleep(idle_s)
        used = memory(tree(pid))
        return Proxies(start_s, [_ping(client, few) for _ in range(pings)], used)


def _many(options: argparse.Namespace) -> list[Figure]:
    """Measure our many devices in one run."""
    devices = options.devices or (QUICK_DEVICES if options.quick else DEVICES)
    well_s, trouble_s = (QUICK_WELL_S, QUICK_TROUBLE_S) if options.quick else (WELL_S, TROUBLE_S)
    pings = QUICK_PINGS if options.quick else PINGS
    with contextlib.ExitStack() as held:
        root = held.enter_context(folder("devices"))
        trouble = root / "trouble"
        roots = held.enter_context(_pillar({}))
        sink, port = held.enter_context(points_sink())
        running = held.enter_context(master(_options(root, roots, port)))
        alone = _alone(running)
        say(f"the host alone: {alone.rss:.1f} MiB RSS, {alone.pss:.1f} PSS; {devices} devices")
        _write_host(Path(roots["pillar_roots"]["base"][0]), _entries(devices, trouble))
        began = time.perf_counter()
        pid = held.enter_context(agent(running, HOST_ID))
        runners = RunnerClient({"sock_dir": running.sock_dir})
        client = LocalClient(running.config_dir)
        wait_for("all devices on the host", lambda: _opened(client) == devices, UP_WITHIN_S, every_s=0.5)
        wait_for("all devices at the master", lambda: _up(runners) == devices, UP_WITHIN_S, every_s=0.5)
        start_s = time.perf_counter() - began
        say(f"all up after {start_s:.1f} s")
        well = _window(running, runners, sink, pid, devices, well_s)
        cpu = cpu_s(pid), cpu_s(running.pid), time.process_time()
        seconds = [_ping(client, devices) for _ in range(pings)]
        spent = cpu_s(pid) - cpu[0], cpu_s(running.pid) - cpu[1], time.process_time() - cpu[2]
        host, at_master, here = (one * US / devices / pings for one in spent)
        say(f"{pings} pings: median {median(seconds) * MS:.0f} ms, at most {max(seconds) * MS:.0f} ms")
        say(f"CPU for an answer, samples in it: host {host:.0f} us, master {at_master:.0f} us, client {here:.0f} us")
        used = memory(tree(pid))
        say(f"with {devices} devices: {used.rss:.1f} MiB RSS, {used.pss:.1f} PSS")
        trouble.touch()
        hard = _window(running, runners, sink, pid, devices, trouble_s)
        trouble.unlink()
    return _figures(devices, alone, used, start_s, seconds, well, hard)


def _figures(
    devices: int, alone: Memory, used: Memory, start_s: float, pings: list[float], well: Window, hard: Window
) -> list[Figure]:
    each = [(now - before) * KIB / devices for now, before in zip(used, alone, strict=True)]
    what = f"{devices} devices with {NUMBERS} numbers every {EVERY_S} s"
    rows = [
        ("memory of one above the host alone, RSS", each[0], MEMORY_BUDGET_KIB, BUDGET, "KiB"),
        ("memory of one above the host alone, PSS", each[1], MEMORY_BUDGET_KIB, BUDGET, "KiB"),
        ("start of the agent until all are up", start_s, START_BUDGET_S, BUDGET, "s"),
        ("test.ping to all, median", median(pings) * MS, PING_BUDGET_MS, BUDGET, "ms"),
        (f"slots of healthy ones lost, of {well.expected}, all well", well.lost, 0, BUDGET, "slots"),
        (f"slots of healthy ones lost, of {hard.expected}, one in ten in trouble", hard.lost, 0, BUDGET, "slots"),
        ("late slots of healthy ones, one in ten in trouble", hard.late, well.late, "all well", "slots"),
        ("CPU of the master, one in ten in trouble", hard.master * 100, well.master * 100, "all well", "% of a core"),
        ("CPU of the host, one in ten in trouble", hard.host * 100, well.host * 100, "all well", "% of a core"),
        ("points a second, one in ten in trouble", hard.points_s, well.points_s, "all well", "points"),
    ]
    return [Figure("proxies", f"{what}: {name}", ours, theirs, peer, unit) for name, ours, theirs, peer, unit in rows]


def _options(root: Path, roots: dict[str, Any], port: int) -> dict[str, Any]:
    """Return the master's options: the devices' proxymodule on its file server, their schedule, a store."""
    modules = root / "srv" / "_proxy"
    modules.mkdir(parents=True)
    (modules / MODULE.name).write_bytes(MODULE.read_bytes())
    entry = {"function": "stats.collect", "seconds": EVERY_S, "target": "device*", "metrics": True}
    return {
        **roots,
        "file_roots": {"base": [str(root / "srv")]},
        "carbon_protocol": "saltern",
        "carbon_host": HOST,
        "carbon_port": port,
        "schedule": {"stats": entry},
    }


@contextlib.contextmanager
def _pillar(entries: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Write the host's pillar; yield the master's option that finds it."""
    with folder("pillar") as root:
        (root / "top.sls").write_text(json.dumps({"base": {HOST_ID: [HOST_ID]}}))
        _write_host(root, entries)
        yield {"pillar_roots": {"base": [str(root)]}}


def _write_host(root: Path, entries: dict[str, Any]) -> None:
    (root / f"{HOST_ID}.sls").write_text(json.dumps({"proxy": entries} if entries else {}))


def _entries(devices: int, trouble: Path) -> dict[str, Any]:
    return {
        _name(number): {
            "proxytype": MODULE.stem,
            "numbers": NUMBERS,
            "kind": _kind(number),
            "trouble": str(trouble),
        }
        for number in range(devices)
    }


def _kind(number: int) -> str:
    return {0: "hangs", 1: "flaps"}.get(number % ONE_IN, "well")


def _name(number: int) -> str:
    return f"device{number:05d}"


def _alone(running: Master) -> Memory:
    """Return the memory of the host without a device, once it has settled."""
    client = LocalClient(running.config_dir)
    with agent(running, ALONE_ID) as pid:
        wait_for("the host", lambda: client.cmd(ALONE_ID, "test.ping").get(ALONE_ID) is True, UP_WITHIN_S)
        time.sleep(SETTLE_S)
        return memory(tree(pid))


def _opened(client: LocalClient) -> int:
    """Return how many devices the host has opened, by its own numbers: the master's list of thousands costs it more."""
    with contextlib.suppress(SalternError):
        told = client.cmd(HOST_ID, "stats.collect").get(HOST_ID)
        if isinstance(told, dict):
            return int(told["agent"].get("devices", {}).get("up", 0))
    return 0


def _up(runners: RunnerClient) -> int:
    with contextlib.suppress(SalternError):
        return sum(1 for told in runners.cmd("manage.devices").values() if told["up"])
    return 0


def _answered(client: LocalClient) -> int:
    with contextlib.suppress(SalternError):
        return sum(answer is True for answer in client.cmd("device*", "test.ping").values())
    return 0


def _ping(client: LocalClient, devices: int) -> float:
    began = time.perf_counter()
    answers = client.cmd("device*", "test.ping")
    seconds = time.perf_counter() - began
    assert len(answers) == devices, f"{len(answers)} of {devices} answered"
    assert all(answer is True for answer in answers.values()), next(a for a in answers.values() if a is not True)
    return seconds


def _window(running: Master, runners: RunnerClient, sink: PointsSink, pid: int, devices: int, seconds: float) -> Window:
    """Let all work for some time and return what it took and what came."""
    say(f"slots of {EVERY_S} s for {seconds:g} s")
    before, points, began = _account(runners, devices), sink.points, time.monotonic()
    cpu = cpu_s(running.pid), cpu_s(pid)
    time.sleep(seconds)
    took = time.monotonic() - began
    shares = (cpu_s(running.pid) - cpu[0]) / took, (cpu_s(pid) - cpu[1]) / took
    points_s = (sink.points - points) / took
    after = _account(runners, devices)
    expected, received, late = (now - then for now, then in zip(after, before, strict=True))
    window = Window(*shares, points_s, expected, expected - received, late)
    say(f"{window}")
    return window


def _account(runners: RunnerClient, devices: int) -> tuple[int, int, int]:
    """Return slots expected, received and late of the healthy devices so far, by the master's account."""
    healthy = {_name(number) for number in range(devices) if _kind(number) == "well"}
    told = [of["stats"] for name, of in runners.cmd("metrics.account").items() if name in healthy and "stats" in of]
    expected, received, late = (int(sum(one[key] for one in told)) for key in ("expected", "received", "late"))
    return expected, received, late


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, help=f"(default {DEVICES}, quick {QUICK_DEVICES})")
    parser.add_argument("--ours-alone", action="store_true", help="leave out the few beside Salt's")
    sys.exit(report.run(parser, bench))
