"""Real graphite-web on the files of our stores, and the past of metrics that moved from one store to another."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from support.engines import Engine
from support.fleets import POINTS, SAMPLE, TARGET, at, homes
from support.relays import CarbonCRelay
from support.scaling_doc import block
from support.stacks import wait_for
from support.stores import SalternStore

ASK = """
import sys
import django
django.setup()
from django.test import Client
for path in sys.argv[1:]:
    print(Client().get(path).content.decode())
"""


def ask_graphite_web(folder: Path, settings: str, *paths: str) -> list[Any]:
    """Return what Debian's graphite-web, with *settings*, answers to each path."""
    (folder / "log").mkdir(parents=True, exist_ok=True)
    own = f'SECRET_KEY = "x"\nSTORAGE_DIR = CONF_DIR = "{folder}"\nLOG_DIR = "{folder}/log"\nALLOWED_HOSTS = ["*"]\n'
    (folder / "tested_settings.py").write_text(own + settings)
    (folder / "ask.py").write_text(ASK)
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(folder),
        "DJANGO_SETTINGS_MODULE": "graphite.settings",
        "GRAPHITE_SETTINGS_MODULE": "tested_settings",
    }
    argv = ["/usr/bin/python3", str(folder / "ask.py"), *paths]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.timeout(300)
def test_graphite_web_reads_two_stores_as_one(tmp_path: Path) -> None:
    slot = int(time.time()) - 100
    stores = [SalternStore(tmp_path / name, "--flush-interval", "1") for name in ("a", "b")]
    half = dict(list(SAMPLE.items())[:100]), dict(list(SAMPLE.items())[100:])
    for n, (store, sample) in enumerate(zip(stores, half, strict=True)):
        with store, Engine(tmp_path / f"master{n}", f"carbon_port: {store.port('batch')}") as engine:
            for one in (slot, slot + 1):
                engine.put(one, sample)
            wait_for(engine.delivered, "the store to take them")
            store.wait_until_written()
    trees = {f"/srv/stores/{n}": store.root / "whisper" for n, store in enumerate(stores, start=1)}
    settings = block("graphite-web", {**trees, "/srv/stores/graphite.db": tmp_path / "graphite.db"})
    between = {"from": slot - 1, "until": slot + 1, "format": "json"}
    queries = [{"target": target, **between} for target in (TARGET, f"sumSeries({TARGET})")]
    every, total = ask_graphite_web(tmp_path / "web", settings, *(f"/render?{urlencode(query)}" for query in queries))
    assert {row["target"]: row["datapoints"] for row in every} == {
        name: [[value, slot], [value, slot + 1]] for name, value in POINTS.items()
    }
    assert [value for value, _ in total[0]["datapoints"]] == [sum(POINTS.values())] * 2


@pytest.mark.timeout(300)
def test_graphite_web_asks_two_stores_as_one(tmp_path: Path) -> None:
    slot = int(time.time()) - 100
    with SalternStore(tmp_path / "a") as one, SalternStore(tmp_path / "b") as other:
        for store, names in ((one, list(SAMPLE)[:100]), (other, list(SAMPLE)[100:])):
            sample = {name: SAMPLE[name] for name in names}
            with Engine(tmp_path / f"master{store.root.name}", f"carbon_port: {store.port('batch')}") as engine:
                for at_once in (slot, slot + 1):
                    engine.put(at_once, sample)
                wait_for(engine.delivered, "the store to take them")
        members = {f"10.0.0.1{n}:8080": f"127.0.0.1:{store.port('http')}" for n, store in enumerate((one, other), 1)}
        settings = block("graphite-web-cluster", {**members, "/srv/stores/graphite.db": tmp_path / "graphite.db"})
        between = {"from": slot - 1, "until": slot + 1, "format": "json"}
        queries = [{"target": target, **between} for target in (TARGET, f"sumSeries({TARGET})")]
        paths = [f"/render?{urlencode(query)}" for query in queries]
        every, total = ask_graphite_web(tmp_path / "web", settings, *paths)
    assert {row["target"]: row["datapoints"] for row in every} == {
        name: [[value, slot], [value, slot + 1]] for name, value in POINTS.items()
    }
    assert [value for value, _ in total[0]["datapoints"]] == [sum(POINTS.values())] * 2


@pytest.mark.timeout(300)
def test_the_past_of_metrics_that_moved_is_filled_in(tmp_path: Path) -> None:
    slot = int(time.time()) - 100
    stores = [SalternStore(tmp_path / f"store{n}", "--flush-interval", "1") for n in range(3)]
    with stores[0], stores[1], stores[2]:
        relay = CarbonCRelay(tmp_path / "relay", "c-relay-by-hash", stores[:2])
        options = block("master-to-relay", {"carbon_port: 2003": f"carbon_port: {relay.port}"})
        with relay, Engine(tmp_path / "master", options) as engine:
            engine.put(slot, SAMPLE)
            homes(stores, slot)
            relay.reload(stores)
            engine.put(slot + 1, SAMPLE)
            moved = homes(stores, slot + 1)[2]
        assert moved
        for store in stores:
            store.wait_until_written()
        folder = "/var/lib/saltern/graphite/whisper"
        replaced = {
            **{f"10.0.0.1{n}:{folder}": str(stores[n - 1].root / "whisper") for n in (1, 2)},
            folder: stores[2].root / "whisper",
            "/var/tmp/": f"{tmp_path}/",
            "saltern-graphite": f"{sys.executable} -m saltern_graphite",
        }
        argv = ["bash", "-ec", block("fill", replaced)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        for one in (slot, slot + 1):
            assert at(stores[2], one) == {name: POINTS[name] for name in moved}
