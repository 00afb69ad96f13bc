"""The master's graphite engine and VictoriaMetrics, read back over its HTTP API."""

from __future__ import annotations

import json
import shlex
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from support.engines import Engine
from support.fleets import MINIONS, POINTS, SAMPLE, TARGET
from support.ports import free_port, listens
from support.programs import Program
from support.scaling_doc import block
from support.stacks import wait_for


class VictoriaMetrics(Program):
    """The document's, on free ports and with little memory."""

    def __init__(self, root: Path) -> None:
        self.line_port, self._http_port = free_port(), free_port()
        replaced = {
            "10.0.0.11:2003": f"127.0.0.1:{self.line_port}",
            "10.0.0.11:8428": f"127.0.0.1:{self._http_port}",
            "/var/lib/victoria-metrics": root / "data",
        }
        argv = [*shlex.split(block("victoria-metrics", replaced)), "-memory.allowedBytes=64MB"]
        super().__init__(argv, root / "log", lambda: listens(self._http_port) and listens(self.line_port))

    def get(self, path: str, **query: str) -> str:
        """Return what it answers."""
        url = f"http://127.0.0.1:{self._http_port}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return str(answer.read().decode())

    def points(self) -> dict[str, dict[int, float]]:
        """Return every sample's points by name and time."""
        self.get("/internal/force_flush")  # what came in the last seconds is not visible otherwise
        exported = self.get("/api/v1/export", **{"match[]": f'{{__graphite__="{TARGET}"}}'})
        rows = [json.loads(line) for line in exported.splitlines()]
        return {
            row["metric"]["__name__"]: {at // 1000: v for at, v in zip(row["timestamps"], row["values"], strict=True)}
            for row in rows
        }


@pytest.mark.timeout(120)
def test_every_point_is_there_also_those_of_its_absence(tmp_path: Path) -> None:
    slot = int(time.time()) - 100
    database = VictoriaMetrics(tmp_path / "victoria-metrics")
    replaced = {"10.0.0.11": "127.0.0.1", "2003": database.line_port}
    with (
        database,
        Engine(tmp_path / "master", block("master-to-victoria-metrics", replaced)) as engine,
    ):
        engine.put(slot, SAMPLE)
        wanted = {name: {slot: value} for name, value in POINTS.items()}
        wait_for(lambda: database.points() == wanted, "all points")
        assert len(json.loads(database.get("/metrics/find", query="saltern.*"))) == len(MINIONS)
        database.end()
        engine.put(slot + 1, SAMPLE)
        wait_for(lambda: engine.metrics()["failures"], "the engine to notice")
        assert not engine.delivered()
        database.start()
        wanted = {name: {slot: value, slot + 1: value} for name, value in POINTS.items()}
        wait_for(lambda: database.points() == wanted, "all points, the old ones too", 30)
        assert engine.delivered()
