"""A real ``saltern-graphite serve`` in a folder of the test's, on ports that it keeps when started again."""

from __future__ import annotations

import json
import signal
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

import whisper

from support.ports import free_port
from support.programs import Program
from support.stacks import wait_for

WRITTEN_WAIT_S = 90.0
RECEIVERS = ("line", "udp", "pickle", "batch", "http")


class SalternStore:
    """One store: ``with SalternStore(folder) as store``. Retentions are 1 s for an hour."""

    def __init__(self, root: Path, *more: str) -> None:
        self.root = root
        self.endpoints: dict[str, Any] = {name: f"127.0.0.1:{free_port()}" for name in RECEIVERS}
        self._more = more
        self._run_file = root / "run" / "graphite.json"
        (root / "conf").mkdir(parents=True)
        (root / "conf" / "storage-schemas.conf").write_text("[all]\npattern = .*\nretentions = 1s:1h,1m:1d\n")
        self._program = Program([], root / "console", self._ready)

    def start(self) -> None:
        """Start it, where it was the last time, and wait until it listens."""
        self._run_file.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "saltern_graphite", "serve", "--root", str(self.root)]
        for name in RECEIVERS:
            argv += [f"--{name}", str(self.endpoints[name]).removeprefix("http://")]
        self._program.argv = [*argv, *self._more]
        self._program.start()
        self.endpoints = json.loads(self._run_file.read_text())

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal."""
        self._program.end(number)

    def kill(self) -> None:
        """End it as a crash would."""
        self._program.kill()

    def port(self, name: str) -> int:
        """Return the port of a receiver."""
        return int(str(self.endpoints[name]).rpartition(":")[2])

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON at a path of the HTTP API."""
        url = f"{self.endpoints['http']}{path}?{urllib.parse.urlencode(query, doseq=True)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)

    def points(self, target: str, since: int, until: int) -> dict[str, dict[int, float]]:
        """Return the points of every series of a target that has any, by time, from ``/render``."""
        rows = self.get("/render", target=target, format="json", **{"from": since - 1, "until": until})
        found = {row["target"]: {at: v for v, at in row["datapoints"] if v is not None} for row in rows}
        return {name: points for name, points in found.items() if points}

    def wait_until_written(self) -> None:
        """Wait until every point that it has by now is in a file; those of its own metrics go on coming."""
        began = time.monotonic()

        def written() -> bool:
            waited_s = time.monotonic() - began
            return bool(self.get("/health")["cache"]["oldest_s"] < waited_s)

        wait_for(written, "the files", WRITTEN_WAIT_S)

    def path(self, metric: str) -> Path:
        """Return where the Whisper file of a metric is."""
        return self.root / "whisper" / (metric.replace(".", "/") + ".wsp")

    def in_file(self, metric: str, since: int) -> dict[int, float]:
        """Return what the whisper library finds in the file of a metric."""
        if not self.path(metric).exists():
            return {}
        (start, end, step), values = whisper.fetch(str(self.path(metric)), since, int(time.time()))
        return {at: v for at, v in zip(range(start, end, step), values, strict=True) if v is not None}

    def __enter__(self) -> SalternStore:
        try:
            self.start()
        except BaseException:
            self._program.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.__exit__(kind, error, trace)

    def _ready(self) -> bool:
        return self._run_file.exists()
