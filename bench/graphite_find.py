"""Finding metrics by pattern, and the index that does it: over a million names, and beside graphite-web.

A million names are given to an index as receivers give them, one by one, in a process of its own, whose memory is
looked at before and after: once as a fleet of like hosts has them, and once so that no two branches have a name in
common. The pattern is the budget's, ``saltern.*.stats.cpu.*.user``; over 2,500 hosts it matches 20,000 metrics. The
time is a client's, over HTTP on a kept connection: ``/metrics/find`` as Grafana asks it, and ``/metrics/expand``, which
has every path.

graphite-web, under gunicorn with one worker, looks through the folders themselves: it gets a tree of 100,000 empty
files, and ours the index of the same tree. That tree is also what the rate of building is measured on, and how long
other requests wait meanwhile.

    make bench NAME=graphite_find [ARGS=--quick]
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from support import report, table
from support.cost import percentile
from support.graphite_web import PEER, graphite_web
from support.index_server import HOST, METRICS_A_HOST, PATTERN, IndexServer, fleet, index_server
from support.measure import median
from support.programs import folder
from support.report import Figure, say
from support.table import BUDGET, Judged

FIND_BUDGET_MS = 20.0
BYTES_BUDGET = 200.0
BUILD_BUDGET_A_S = 200_000.0
WAIT_BUDGET_MS = 20.0
NAMES, QUICK_NAMES = 1_000_000, 50_000
FILES, QUICK_FILES = 100_000, 10_000
ASKED, THEY_ARE_ASKED = 200, 5
BUILDS = 5
EVERY_S = 0.02
ALONE_S = 3.0
MS = 1000

FIND = f"/metrics/find?query={PATTERN}"
EXPAND = f"/metrics/expand?query={PATTERN}"
RENDER = "/render?target=constantLine(1)&from=-1h&format=json"


def bench(options: argparse.Namespace) -> list[Figure]:
    """Measure the large index, then both sides over one tree."""
    names, files = (QUICK_NAMES, QUICK_FILES) if options.quick else (NAMES, FILES)
    rows = []
    for kind in ("fleet", "unlike"):
        with index_server(names, kind) as server:
            taken = server.facts["bytes"] / names
            rate = names / server.facts["adding_s"]
            say(f"{names:,} names, {kind}: {taken:.1f} bytes each, added at {rate:,.0f}/s")
            rows.append(Judged(_figure(f"memory of an index, {kind}", taken, BYTES_BUDGET, BUDGET, "bytes/metric"), 1))
            if kind == "fleet":
                rows += _large(server, names)
    with folder("find") as root:
        _make_files(root / "tree", files)
        rows += _beside_graphite_web(root, files, 1 if options.quick else BUILDS)
    table.show(rows)
    return [row.figure for row in rows]


def _large(server: IndexServer, names: int) -> list[Judged]:
    rows = []
    for what, path in (("find", FIND), ("expand", EXPAND)):
        waits = _waits(lambda path=path: server.get(path), ASKED)  # type: ignore[misc]
        say(f"{what} over {names:,}: p50 {median(waits):.2f} ms, p99 {percentile(waits, 99):.2f} ms")
        at_least = 1 if path == FIND else 0  # the budget is for finding, not for a megabyte of paths
        rows.append(Judged(_figure(f"{what} over {names:,}, p50", median(waits), FIND_BUDGET_MS, BUDGET), at_least))
        rows.append(Judged(_figure(f"{what} over {names:,}, p99", percentile(waits, 99), FIND_BUDGET_MS, BUDGET)))
    return rows


def _beside_graphite_web(root: Path, files: int, builds: int) -> list[Judged]:
    rows = []
    ours: dict[str, float] = {}
    with index_server(files) as server:
        expected = {path: json.loads(server.get(path)) for path in (FIND, EXPAND)}
        for path in (FIND, EXPAND):
            ours[path] = median(_waits(lambda path=path: server.get(path), ASKED))  # type: ignore[misc]
        rates = [_build(server, root / "tree", files) for _ in range(builds)]
        say(f"built at {median(rates):,.0f} metrics/s")
        rows.append(Judged(_figure("index built", median(rates), BUILD_BUDGET_A_S, BUDGET, "metrics/s", more=True), 1))
        alone, beside = _paced(server, 0, root), _paced(server, builds, root)
        say(f"a request meanwhile: p99 {percentile(beside, 99):.2f} ms, without {percentile(alone, 99):.2f} ms")
        rows.append(Judged(_figure("request while building, p99", percentile(beside, 99), WAIT_BUDGET_MS, BUDGET), 1))
        rows.append(Judged(_figure("request while not, p99", percentile(alone, 99), WAIT_BUDGET_MS, BUDGET)))
    with graphite_web(root / "web", root / "tree") as (_, port):
        connection = http.client.HTTPConnection(HOST, port, timeout=300)

        def ask(path: str) -> bytes:
            connection.request("GET", path)
            return connection.getresponse().read()

        for what, path in (("find", FIND), ("expand", EXPAND)):
            if json.loads(ask(path)) != expected[path]:
                raise RuntimeError(f"{PEER} and we do not find the same with {path}")
            theirs = median(_waits(lambda path=path: ask(path), THEY_ARE_ASKED))  # type: ignore[misc]
            say(f"{what} over {files:,}: {ours[path]:.2f} ms, {PEER} {theirs:.1f} ms")
            rows.append(Judged(_figure(f"{what} over {files:,}, p50", ours[path], theirs, PEER)))
    return rows


def _waits(ask: Callable[[], bytes], times: int) -> list[float]:
    """Ask so many times; return how long each took, in ms, sorted. A first one, before, does not count."""
    ask()
    waits = []
    for _ in range(times):
        began = time.monotonic()
        ask()
        waits.append((time.monotonic() - began) * MS)
    return sorted(waits)


def _build(server: IndexServer, tree: Path, files: int) -> float:
    """Return metrics/s of one build."""
    server.start_build(tree)
    built = server.built()
    if built["metrics"] != files:
        raise RuntimeError(f"{built['metrics']} metrics were found, {files} are there")
    return files / float(built["seconds"])


def _paced(server: IndexServer, builds: int, root: Path) -> list[float]:
    """Ask every :data:`EVERY_S` for something that needs no index, while *builds* follow each other; ms, sorted.

    Without any it is done for :data:`ALONE_S`.
    """
    for _ in range(builds):
        server.start_build(root / "tree")
    if builds:
        over = threading.Thread(target=lambda: [server.built() for _ in range(builds)], daemon=True)
    else:
        over = threading.Thread(target=lambda: time.sleep(ALONE_S), daemon=True)
    over.start()
    waits = []
    while over.is_alive():
        began = time.monotonic()
        server.get(RENDER)
        took = time.monotonic() - began
        waits.append(took * MS)
        time.sleep(max(0.0, EVERY_S - took))
    return sorted(waits)


def _make_files(tree: Path, count: int) -> None:
    """Create empty files, of as many metrics of a fleet."""
    say(f"making {count:,} files of {count // METRICS_A_HOST:,} hosts")
    known: set[Path] = set()
    for name in fleet(count):
        path = tree / f"{name.replace('.', '/')}.wsp"
        if path.parent not in known:
            path.parent.mkdir(parents=True)
            known.add(path.parent)
        path.touch()


def _figure(what: str, ours: float, theirs: float, peer: str, unit: str = "ms", more: bool = False) -> Figure:
    return Figure("graphite_find", what, ours, theirs, peer, unit, more)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sys.exit(report.run(parser, bench))
