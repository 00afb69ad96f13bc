"""A real ``saltern-graphite serve`` whose surroundings fail."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from saltern.own_python import python_module
from support.batch_sender import Sender
from support.hurried import with_constants
from support.stacks import wait_for
from support.whisper_trees import missing, unsound

SCHEMAS = "[all]\npattern = .*\nretentions = 1s:1h,10s:2h\n"
QUIET_SCHEMAS = f"[own]\npattern = ^carbon\\.\nretentions = 1d:7d\n{SCHEMAS}"
"""The server's own metrics are one point a day: their files take no room and no inode of a test's small disk."""
START_WAIT_S = 60.0
ANSWER_WAIT_S = 40.0
_ANY_PORT = "127.0.0.1:0"
_HURRIED = {"saltern_graphite.store.writer:HOLD_S": 2.0}
"""Until a file that could not be written is tried again."""
_PROGRAM = with_constants(python_module("saltern_graphite"), _HURRIED)


class FaultServer:
    """``with FaultServer(folder) as server``: started, and killed at the end whatever happened.

    Its console is outside *root*, so that the test can fill that. *prefix* is put before the command
    (``prlimit …``).
    """

    def __init__(
        self,
        root: Path,
        *more: str,
        console: Path,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        schemas: str = SCHEMAS,
    ) -> None:
        self.root = root
        self.endpoints: dict[str, Any] = {}
        self._console = console
        self._senders: list[Sender] = []
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        (root / "conf").mkdir(parents=True, exist_ok=True)
        (root / "conf" / "storage-schemas.conf").write_text(schemas)
        ports = [word for name in ("line", "batch", "http") for word in (f"--{name}", _ANY_PORT)]
        ports += ["--pickle", "off"]
        self._argv = [*prefix, *_PROGRAM, "serve", "--root", str(root), *ports, "--flush-interval", "1", *more]

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *, any_state: bool = False) -> None:
        """Start it and wait until it listens; with *any_state* it need not be able to write where."""
        run_file = self.root / "run" / "graphite.json"
        said = self.log().count("listening: ") if any_state else 0
        if not any_state:
            run_file.unlink(missing_ok=True)
        with open(self._console, "ab") as console:
            self._process = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=console, stderr=console, env=self._environment
            )

        def listens() -> bool:
            assert self.alive, f"it ended: {self.log()[-2000:]}"
            return self.log().count("listening: ") > said if any_state else run_file.exists()

        wait_for(listens, "the server to listen", START_WAIT_S)
        if any_state:
            told = self.log().rpartition("listening: ")[2].split("\n")[0]
            self.endpoints = dict(word.split("=", 1) for word in told.split())
        else:
            self.endpoints = json.loads(run_file.read_text())

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal and return its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(40)

    def connect(self, name: str) -> socket.socket:
        """Return a connection to one of its ports."""
        host, _, port = str(self.endpoints[name]).removeprefix("http://").rpartition(":")
        return socket.create_connection((host, int(port)), timeout=ANSWER_WAIT_S)

    def sender(self) -> Sender:
        """Return a new sender of batches, closed at the end."""
        self._senders.append(Sender(lambda: self.connect("batch")))
        return self._senders[-1]

    def health(self) -> tuple[int, dict[str, Any]]:
        """Return status and content of ``/health``."""
        try:
            with urllib.request.urlopen(self.endpoints["http"] + "/health", timeout=ANSWER_WAIT_S) as answer:
                return int(answer.status), json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def get(self, path: str) -> Any:
        """Return the JSON at *path*."""
        with urllib.request.urlopen(self.endpoints["http"] + path, timeout=ANSWER_WAIT_S) as answer:
            return json.load(answer)

    def ill(self, *words: str) -> None:
        """Wait until ``/health`` is not ok, in one line of which one of *words* is a part."""

        def told() -> bool:
            status, health = self.health()
            return status == 503 and any(word in health["error"] for word in words)

        wait_for(told, f"/health to speak of {words}: {self.health()}")
        assert "\n" not in self.health()[1]["error"]

    def well(self) -> None:
        """Wait until ``/health`` is ok."""
        wait_for(self._healthy, "/health to be ok", 30)

    def _healthy(self) -> bool:
        with contextlib.suppress(OSError):  # a crowd that leaves may still keep us out
            return self.health()[0] == 200
        return False

    def scrape(self) -> str:
        """Return ``/metrics`` in Prometheus' text."""
        with urllib.request.urlopen(self.endpoints["http"] + "/metrics", timeout=ANSWER_WAIT_S) as answer:
            return str(answer.read().decode())

    def log(self) -> str:
        """Return what it said."""
        return self._console.read_text(errors="replace")

    def lines(self, *words: str) -> list[str]:
        """Return the lines of the log with one of *words* in them."""
        return [line for line in self.log().splitlines() if any(word in line for word in words)]

    def __enter__(self) -> FaultServer:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sender in self._senders:
            sender.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait(40)


def all_stored(server: FaultServer, tree: Path, *senders: Sender) -> None:
    """Assert that everything acknowledged comes to be in the files, and that each file there is whole."""
    acknowledged = {point: value for sender in senders for point, value in sender.acknowledged.items()}
    assert acknowledged
    with contextlib.suppress(AssertionError):
        wait_for(lambda: not missing(tree, acknowledged), "the points", 30)
    lost = missing(tree, acknowledged)
    assert not lost, f"{len(lost)} of {len(acknowledged)} are not in files, such as {lost[:3]}: {server.log()[-2000:]}"
    assert unsound(tree.rglob("*.wsp")) == []
    assert "Traceback" not in server.log(), server.log()[-3000:]
