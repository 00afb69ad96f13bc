"""A whole stack of real processes that a test starts, kills and starts again, part by part."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from saltern.client import LocalClient
from saltern.config import master_config
from saltern.runner import RunnerClient
from saltern_master.up.stack import PREFERRED_PORTS, Stack
from support import ending
from support.ports import free_port

START_WAIT_S = 60.0


class Parts:
    """The programs of one stack, by name: ``graphite``, ``master``, ``agent <id>``."""

    def __init__(
        self,
        root: Path,
        minions: int = 1,
        master: str = "",
        minion: str = "",
        ids: list[str] | None = None,
        *,
        console: bool = False,
    ) -> None:
        """*master*, *minion*: YAML for the configuration files; *ids*: the minions' own, not as many as *minions*.

        *console*: with it, which few tests want.
        """
        ports = {name: free_port() for name in PREFERRED_PORTS}
        self.stack = Stack(str(root), minions, demo=False, usual_ports=ports)
        if ids:
            self.stack.minion_ids = ids
        self.environment: dict[str, dict[str, str]] = {}
        """By program: what is put into its environment when it starts."""
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        (root / "etc").mkdir(parents=True)
        (root / "etc" / "master").write_text(master)
        for minion_id in self.stack.minion_ids:
            folder = Path(self.stack.minion_config(minion_id))
            folder.mkdir(parents=True)
            (folder / "minion").write_text(minion)
        self.stack.prepare()
        self.programs = {one.name: one for one in self.stack.programs() if console or one.name != "web"}

    @property
    def names(self) -> list[str]:
        return list(self.programs)

    @property
    def client(self) -> LocalClient:
        return LocalClient(self.stack.config_dir)

    @property
    def runner(self) -> RunnerClient:
        return RunnerClient(master_config(self.stack.config_dir))

    def start(self, *names: str) -> None:
        """Start programs (all of them when none is named) and wait until those that listen do."""
        for name in names or self.names:
            program = self.programs[name]
            log = open(self.log_path(name), "ab")  # noqa: SIM115  # the child has it
            self._processes[name] = subprocess.Popen(
                program.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment.get(name, {})},
            )
            log.close()
        for name in names or self.names:
            if self.programs[name].ready_file:
                wait_for(lambda name=name: self._listens(name), f"{name} to listen", START_WAIT_S)  # type: ignore[misc]

    @contextmanager
    def running(self) -> Iterator[Parts]:
        """Start everything, wait until every agent is there, and end it all afterwards."""
        try:
            self.start()
            wait_for(lambda: set(self.stack.minion_ids) <= set(self.up()), "the agents", 60)
            yield self
        finally:
            self.stop_all()

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM) -> int:
        """End a program and return its exit code."""
        process = self._processes.pop(name)
        process.send_signal(number)
        return process.wait(30)

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def alive(self, name: str) -> bool:
        return self._processes[name].poll() is None

    def stop_all(self) -> None:
        processes = list(self._processes.values())
        self._processes.clear()
        ending.kill(processes)

    def log_path(self, name: str) -> Path:
        return Path(self.stack.log_dir) / f"{name.replace(' ', '-')}.log"

    def log(self, name: str) -> str:
        return self.log_path(name).read_text(errors="replace")

    def http(self, path: str, **query: Any) -> Any:
        url = f"{self.stack.http_url}{path}?{urllib.parse.urlencode(query, doseq=True)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)

    def render(self, target: str, since_s: int = 600) -> dict[str, list[tuple[float, int]]]:
        """Return the non-null points of every series of a target."""
        rows = self.http("/render", target=target, format="json", **{"from": f"-{since_s}s"})
        return {row["target"]: [(v, t) for v, t in row["datapoints"] if v is not None] for row in rows}

    def call(self, fun: str, *arg: object, **kwarg: object) -> Any:
        """Return the answer of the one minion there is."""
        answers = self.client.cmd("*", fun, list(arg), kwarg=kwarg, timeout=30)
        return answers.get(self.stack.minion_ids[0], answers)

    def up(self) -> list[str]:
        return list(self.runner.cmd("manage.up"))

    def _listens(self, name: str) -> bool:
        assert self.alive(name), f"{name} ended: {self.log(name)[-2000:]}"
        try:
            ready = json.loads(Path(self.programs[name].ready_file or "").read_text())
        except (OSError, ValueError):
            return False
        return bool(ready.get("pid") == self.pid(name))


def wait_for(true: Callable[[], Any], what: str, seconds: float = 40.0) -> Any:
    """Return the first true value of *true*, tried again and again; fail after *seconds*."""
    deadline = time.monotonic() + seconds
    while True:
        result = true()
        if result:
            return result
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)


def keep_ports(root: Path) -> None:
    """Have a new stack of ``saltern-up`` in *root* listen on ports that nobody else takes while it is down."""
    (root / "run").mkdir(parents=True)
    (root / "run" / "ports.json").write_text(json.dumps({name: free_port() for name in PREFERRED_PORTS}))


def process_tree(pid: int) -> set[int]:
    """Return the ids of a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parent = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry))
    found, todo = set(), [pid]
    while todo:
        one = todo.pop()
        found.add(one)
        todo += children.get(one, [])
    return found
