"""A store as an operator starts one, on a folder of its own, that can be stopped and started again."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from saltern.own_python import python_module
from support.measure import tree
from support.programs import HOST, start, stop, wait_for

UP_WITHIN_S = 60.0
STOPPED_WITHIN_S = 60.0
READ_BACK_WITHIN_S = 1800.0
ANSWER_WITHIN_S = 60.0

Series = dict[int, float]


class FleetStore:
    """``saltern-graphite serve`` with *root* and no other options but *more*; it isn't started yet."""

    def __init__(self, root: Path, more: Sequence[str]) -> None:
        self.root = root
        self._more = more
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: http.client.HTTPConnection | None = None
        self.batch = ""

    @property
    def pid(self) -> int:
        """The main process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it listens."""
        self.root.mkdir(parents=True, exist_ok=True)
        ready = self.root / "run" / "graphite.json"
        ready.unlink(missing_ok=True)
        argv = python_module("saltern_graphite", "serve", "--root", str(self.root), "--pickle", "off")
        argv += ["--line", f"{HOST}:0", "--batch", f"{HOST}:0", "--http", f"{HOST}:0", *self._more]
        process = self._process = start(argv, self.root / "log.txt")
        wait_for("saltern-graphite", lambda: ready.exists() or process.poll() is not None, UP_WITHIN_S)
        if process.poll() is not None:
            raise RuntimeError(f"saltern-graphite did not start: {(self.root / 'log.txt').read_text()}")
        told = json.loads(ready.read_text())
        self.batch = told["batch"]
        self._connection = http.client.HTTPConnection(
            HOST, int(told["http"].rpartition(":")[2]), timeout=ANSWER_WITHIN_S
        )

    def stop(self) -> float:
        """Tell it to stop; return how many seconds that took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOPPED_WITHIN_S)
        took = time.monotonic() - began
        stop([self._process])
        self._process = None
        return took

    def start_again(self) -> float:
        """Start it and wait until it has read its log back; return the seconds that took."""
        began = time.monotonic()
        self.start()
        wait_for("the log's points", lambda: not self.health()["replaying"], READ_BACK_WITHIN_S, 0.5)
        return time.monotonic() - began

    def processes(self) -> list[int]:
        """Return the main process and those of its writers."""
        return tree(self.pid) if self._process is not None else []

    def health(self) -> dict[str, Any]:
        """Return what it says of itself."""
        told: dict[str, Any] = json.loads(self._ask("GET", "/health"))
        return told

    def render(self, targets: Sequence[str], first: int, last: int) -> dict[str, Series]:
        """Return the points of *targets* from *first* to *last* (epoch s), by the series' names."""
        query: list[tuple[str, object]] = [("target", target) for target in targets]
        query += [("from", first - 1), ("until", last + 1), ("format", "json"), ("noCache", 1)]
        found = json.loads(self._ask("POST", "/render", urllib.parse.urlencode(query)))
        return {
            one["target"]: {at: value for value, at in one["datapoints"] if value is not None and first <= at <= last}
            for one in found
        }

    def _ask(self, method: str, path: str, body: str | None = None) -> bytes:
        """Ask over the kept connection. Raises ``OSError`` when there is no answer in time."""
        assert self._connection is not None
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        for again in (False, True):
            try:
                self._connection.request(method, path, body, headers)
                answer = self._connection.getresponse()
                told = answer.read()
                break
            except (OSError, http.client.HTTPException) as error:  # it was idle for too long, or takes too long
                self._connection.close()
                if again or isinstance(error, TimeoutError):
                    raise OSError(f"{method} {path}: {error!r}") from error
        if answer.status != http.client.OK and path != "/health":
            raise OSError(f"{method} {path}: status {answer.status}: {told[:200]!r}")
        return told


@contextlib.contextmanager
def fleet_store(root: Path, more: Sequence[str]) -> Iterator[FleetStore]:
    """Run a store until the block ends."""
    store = FleetStore(root, more)
    try:
        store.start()
        yield store
    finally:
        if store.processes():
            store.stop()
