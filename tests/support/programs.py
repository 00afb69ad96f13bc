"""Real programs on loopback, each with a log, ended at the end of a test whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from support.stacks import wait_for

START_WAIT_S = 60.0
STOP_WAIT_S = 40.0


class Program:
    """A program that is started, killed and started again with the same arguments.

    ``with Program(...) as program`` starts it, waits for *ready* (nothing: for its process alone), and kills it.
    """

    def __init__(self, argv: Sequence[str], log: Path, ready: Callable[[], object] | None = None) -> None:
        self.argv = list(argv)
        self._log = log
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready."""
        # Debian's programs in Python run with Debian's Python: ours must not be found first.
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        wait_for(self._is_ready, f"{self.argv[0]} to be ready", START_WAIT_S)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send it a signal and wait until it has ended."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(STOP_WAIT_S)
            self._process = None

    def kill(self) -> None:
        """End it as a crash would."""
        self.end(signal.SIGKILL)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def log(self) -> str:
        """Return what it said."""
        return self._log.read_text(errors="replace")

    def __enter__(self) -> Program:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_WAIT_S)

    def _is_ready(self) -> bool:
        assert self._process is not None
        code = self._process.poll()
        assert code is None, f"{self.argv} ended with {code}: {self.log()[-2000:]}"
        return self._ready is None or bool(self._ready())
