"""The console before a large fleet: how long its pages take, what listening browsers cost, and how large it is.

A stack of three minions runs for real, and stands for all: a proxy before its API tells the console of each answer's
minions again and again (``support/wide_api.py``), and the store has what the pages draw of each host. So a page's time
has in it what the console, the API and the store do; the master's own time for large answers is measured elsewhere.
Nothing else speaks to a fleet like this, so the figures stand beside our goals: below 200 ms for the front page, 500 ms
for any other.

    make bench NAME=console [ARGS="--quick"] [ARGS="--minions 10000"]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from saltern.client import LocalClient
from saltern.event import MasterEvent
from saltern.own_python import python_module
from support import report
from support.measure import cpu_s, median, memory, p95
from support.programs import HOST, folder, free_ports, running, wait_for
from support.report import Figure, say
from support.stack import Stack, stack
from support.wide_api import fleet

MINIONS, QUICK_MINIONS = 5000, 500
ROUNDS, QUICK_ROUNDS = 15, 3
REAL = 3
FRONT_MS, PAGE_MS, LIVE_MS = 200.0, 500.0, 1000.0
GOAL, NOTHING = "the goal", "nothing beside it"
BROWSERS, QUICK_BROWSERS = 50, 10
LISTENED_S, QUICK_LISTENED_S = 10.0, 2.0
EVENTS_A_SECOND = 50
TAG = "bench/tick"
UP_WITHIN_S = 60.0
MEMORY = Path("/dev/shm")
SERIES = ("cpu.total.percent", "memory.percent", "disk.root.percent", "load.1m")
POINTS = 20
INTERVAL_S = 15
SCHEMAS = f"[all]\npattern = .*\nretentions = {INTERVAL_S}s:1h\n"
PAGES = (
    "/", "/?group=group01", "/search?q=host0123", "/hosts", "/hosts?page=20", "/hosts?q=host0*", "/hosts?state=crit",
    "/hosts/host00001", "/hosts/host00001/values", "/hosts/host00001/grains", "/explorer", "/dashboards", "/alerts",
    "/alerts/many", "/alerts/history", "/alerts/silences", "/alerts/rules", "/events", "/run?tgt=*&fun=test.ping",
    "/jobs", "/jobs/{jid}", "/plugins", "/plugins/disks?tgt=*", "/machines/add", "/keys", "/modules", "/people",
    "/tokens", "/audit", "/preferences",
)  # fmt: skip
MASTER: dict[str, Any] = {
    "rest_cherrypy": {"max_streams_per_user": 1000},
    "alerts_interval": 5,
    "alerts": {"many": {"metric": "saltern.*.stats.uptime.seconds", "warn": "> 1", "crit": "> 1e12"}},
}


class Console(NamedTuple):
    """The console under measurement: where it is, its process, and a login."""

    url: str
    pid: int
    client: httpx.Client


def bench(options: argparse.Namespace) -> list[Figure]:
    """Ask for pages, then listen; return the figures."""
    minions = options.minions or (QUICK_MINIONS if options.quick else MINIONS)
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    if MEMORY.is_dir():
        tempfile.tempdir = str(MEMORY)  # five folders a host: on a disk they take minutes to make and to delete
    with stack(REAL, MASTER) as small, console(small, minions) as made:
        idle = memory([made.pid]).rss
        figures = _pages(made, small, minions, rounds)
        after = memory([made.pid]).rss
        figures.append(Figure("console", "memory of the console after its start", idle, 0.0, NOTHING, "MiB"))
        figures.append(
            Figure("console", f"memory of the console after all pages of {minions} hosts", after, 0.0, NOTHING, "MiB")
        )
        return figures + _listened(made, small, quick=options.quick)


@contextmanager
def console(small: Stack, minions: int) -> Iterator[Console]:
    """Run a console before *minions* that the stack *small* stands for, until the block ends."""
    endpoints = json.loads((Path(small.sock_dir) / "endpoints.json").read_text())
    admin = json.loads((Path(small.sock_dir) / "api-admin.json").read_text())
    schemas = Path(small.config_dir).parent / "graphite" / "conf" / "storage-schemas.conf"
    schemas.parent.mkdir(exist_ok=True)
    schemas.write_text(SCHEMAS)  # small files: it is the console that is measured
    os.kill(small.pids["graphite"], signal.SIGHUP)
    _fill(endpoints["line"], minions)
    (port,) = free_ports(1)
    wide = [sys.executable, str(Path(__file__).parent / "support" / "wide_api.py")]
    wide += [str(port), endpoints["api"], str(minions), *small.minions]
    with folder("console") as root, running(wide, root / "wide.log"):
        config = {
            "api": f"http://{HOST}:{port}",
            "port": 0,
            "state_dir": str(root / "state"),
            "max_streams_per_user": 1000,
        }
        (root / "web").write_text(json.dumps(config))
        ready = root / "web.json"
        argv = python_module("saltern_web", "-c", str(root), "--ready-file", str(ready))
        with running(argv, root / "web.log") as process:
            wait_for(f"the console in {root}", ready.exists, UP_WITHIN_S)
            url = json.loads(ready.read_text())["http"]
            with httpx.Client(base_url=url, timeout=60.0, headers={"Accept": "text/html"}) as client:
                wait_for("the login", lambda: _log_in(client, admin), UP_WITHIN_S)
                yield Console(url, process.pid, client)


def _log_in(client: httpx.Client, admin: dict[str, str]) -> bool:
    page = client.get("/login")
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    form = {"csrfmiddlewaretoken": token, **{name: admin[name] for name in ("username", "password", "eauth")}}
    return client.post("/login", data=form).status_code == 302


def _fill(line: str, minions: int) -> None:
    """Send the store what the table of hosts draws of each."""
    say(f"{minions * len(SERIES) * POINTS:,} points of {minions:,} hosts")
    host, _, port = line.rpartition(":")
    now = int(time.time()) // INTERVAL_S * INTERVAL_S
    with socket.create_connection((host, int(port))) as connection:
        for number in range(POINTS):
            at = now - number * INTERVAL_S
            lines = [
                f"saltern.{name}.stats.{series} {(row * 7 + number) % 100} {at}"
                for row, name in enumerate(fleet(minions))
                for series in SERIES
            ]
            connection.sendall(("\n".join(lines) + "\n").encode())


def _pages(made: Console, small: Stack, minions: int, rounds: int) -> list[Figure]:
    jid = LocalClient(small.config_dir).run_job("*", "status.loadavg")["jid"]
    time.sleep(2 * INTERVAL_S if minions >= MINIONS else 0)  # until the store has made the files, as in a fleet at rest
    figures = []
    for path in PAGES:
        took: list[float] = []
        size = 0
        made.client.get(path.format(jid=jid))  # the proxy makes its answers
        cpu = cpu_s(made.pid)
        for _ in range(rounds):
            began = time.perf_counter()
            answer = made.client.get(path.format(jid=jid))
            took.append((time.perf_counter() - began) * 1000)
            size = len(answer.content)
        if answer.status_code != 200:
            say(f"{path}: {answer.status_code}: left out")
            continue
        goal = FRONT_MS if path == "/" else PAGE_MS
        cost = (cpu_s(made.pid) - cpu) / rounds * 1000
        missed = "" if p95(took) <= goal else "  MISSED"
        told = f"median {median(took):.0f} ms, 95th percentile {p95(took):.0f} ms, {size / 1024:.0f} kB"
        say(f"{path}: {told}, {cost:.0f} ms of the console's CPU{missed}")
        what = f"{path} with {minions} hosts"
        figures.append(Figure("console", f"{what}, median", median(took), goal, GOAL, "ms"))
        figures.append(Figure("console", f"{what}, 95th percentile", p95(took), goal, GOAL, "ms"))
    return figures


def _listened(made: Console, small: Stack, *, quick: bool) -> list[Figure]:
    browsers = QUICK_BROWSERS if quick else BROWSERS
    seconds = QUICK_LISTENED_S if quick else LISTENED_S
    before = memory([made.pid]).rss
    say(f"{browsers} browsers follow events, {EVENTS_A_SECOND} a second for {seconds:g} s")
    late, heard, fired, cpu, after = asyncio.run(_follow(made, small, browsers, seconds))
    what = f"{browsers} browsers that follow {EVENTS_A_SECOND} events a second"
    if heard != fired * browsers:
        raise RuntimeError(f"{heard} events came of {fired * browsers}")
    return [
        Figure("console", f"{what}: an event is there, median", median(late) * 1000, LIVE_MS, GOAL, "ms"),
        Figure("console", f"{what}: an event is there, 95th percentile", p95(late) * 1000, LIVE_MS, GOAL, "ms"),
        Figure("console", f"{what}: the console's CPU", cpu / seconds * 100, 0.0, NOTHING, "% of a core"),
        Figure("console", f"{what}: memory for each of them", (after - before) * 1024 / browsers, 0.0, NOTHING, "KiB"),
    ]


async def _follow(
    made: Console, small: Stack, browsers: int, seconds: float
) -> tuple[list[float], int, int, float, float]:
    """Return how late events came (s), how many came and were fired, the console's CPU (s), and its memory (MiB)."""
    late: list[float] = []
    ready = asyncio.Semaphore(0)
    cookies = dict(made.client.cookies)

    async def listen(client: httpx.AsyncClient) -> None:
        async with client.stream("GET", "/live", params={"tag": f"{TAG}/*"}) as stream:
            async for line in stream.aiter_lines():
                if line == "data: here":
                    ready.release()
                elif line.startswith("data: {") and TAG in line:
                    late.append(time.time() - json.loads(line[6:])["data"]["sent"])

    limits = httpx.Limits(max_connections=browsers + 1)
    async with httpx.AsyncClient(base_url=made.url, cookies=cookies, timeout=None, limits=limits) as client:
        tasks = [asyncio.create_task(listen(client)) for _ in range(browsers)]
        for _ in tasks:
            await asyncio.wait_for(ready.acquire(), UP_WITHIN_S)
        began, fired = cpu_s(made.pid), 0
        with closing(MasterEvent(small.sock_dir)) as events:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                await asyncio.to_thread(events.fire_event, {"sent": time.time()}, f"{TAG}/{fired}")
                fired += 1
                await asyncio.sleep(1 / EVENTS_A_SECOND)
        await asyncio.sleep(1.0)
        cpu, after = cpu_s(made.pid) - began, memory([made.pid]).rss
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return late, len(late), fired, cpu, after


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minions", type=int, help=f"how many hosts the console is told of ({MINIONS})")
    sys.exit(report.run(parser, bench))
