"""One program of the stack: started, killed, stopped, and started again when it ends by itself."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

END_WITHIN_S = 20.0
AGAIN_AFTER_S = 1.0
"""As a supervisor would wait before it starts a program that ended again."""


class End(NamedTuple):
    """A program ended by itself, *at* (epoch s)."""

    at: float
    code: int


class Program:
    """A program by its *argv*; what it says goes to *log*. It doesn't outlive us, whatever ends us."""

    def __init__(self, argv: list[str], log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        self.ends: list[End] = []
        """When it ended though nobody made it."""
        self.ended_at: list[float] = []
        """When we ended it (epoch s)."""
        self._argv = ["setpriv", "--pdeathsig", "KILL", *argv]
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._again_at = 0.0

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start it, unless it runs. From the main thread: the kernel ends it with the thread that started it."""
        self._wanted = True
        if self.pid is None:
            with open(self.log, "ab") as log:
                self._process = subprocess.Popen(
                    self._argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
                )

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def terminate(self) -> bool:
        """Ask it to end; return whether it did in time, else it was killed."""
        return self._end(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if (pid := self.pid) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def supervise(self) -> None:
        """Start it again when it ended by itself; call this often."""
        if not self._wanted or self.pid is not None:
            return
        if self._process is not None:
            self.ends.append(End(time.time(), self._process.returncode))
            self._process = None
            self._again_at = time.monotonic() + AGAIN_AFTER_S
        elif time.monotonic() >= self._again_at:
            self.start()

    def _end(self, number: signal.Signals) -> bool:
        self._wanted = False
        process = self._process
        if process is None:
            return True
        self.ended_at.append(time.time())
        self.send(number)
        self.send(signal.SIGCONT)
        try:
            process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return False
        finally:
            self._process = None
        return True
