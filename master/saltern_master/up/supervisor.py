"""Starting programs, starting them again when they end, and ending them all."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import signal
import time
from collections import Counter
from collections.abc import Callable

from saltern.process_group import signal_group
from saltern_master.up.stack import Program

log = logging.getLogger(__name__)

RESTART_MIN_S, RESTART_MAX_S = 0.2, 10.0
STEADY_AFTER_S = 10.0
KILL_AFTER_S = 1.6
_PR_SET_PDEATHSIG = 1


class Supervisor:
    """Keeps *programs* running, their output where *log* says; *say* is told of ends and restarts, a line each."""

    def __init__(self, programs: list[Program], log: Callable[[str], str], say: Callable[[str], None]) -> None:
        self._programs = programs
        self._log = log
        self._say = say
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self.begun: Callable[[], None] = lambda: None
        """Called when a program was started."""
        self.ends: Counter[str] = Counter()
        """How often each program has ended by itself."""
        self.codes: dict[str, int] = {}
        """What each did so with at last."""

    def start(self) -> None:
        """Start every program, each in its own session."""
        self._tasks = [asyncio.create_task(self._keep(program)) for program in self._programs]

    def pids(self) -> dict[str, int]:
        """Return the process id of each program that runs now."""
        return {name: process.pid for name, process in self._processes.items() if process.returncode is None}

    def reload(self) -> None:
        """Have every program read again what it can without a restart."""
        for name in self.pids():
            self._signal(name, signal.SIGHUP)

    async def stop(self) -> None:
        """End everything: SIGTERM to all at once, SIGKILL after a moment."""
        self._stopping = True
        for name in self.pids():
            self._signal(name, signal.SIGTERM)
        _, late = await asyncio.wait(self._tasks, timeout=KILL_AFTER_S) if self._tasks else (set(), set())
        if late:
            for name in self.pids():
                self._say(f"{name} did not end in {KILL_AFTER_S:g} s: killed")
                self._signal(name, signal.SIGKILL)
            await asyncio.wait(late, timeout=1.0)
            for task in late:
                task.cancel()

    def _signal(self, name: str, number: signal.Signals) -> None:
        signal_group(self._processes[name].pid, number)

    async def _keep(self, program: Program) -> None:
        wait_s = RESTART_MIN_S
        while not self._stopping:
            started = time.monotonic()
            code = await self._run(program)
            if self._stopping:
                return
            self.ends[program.name] += 1
            self.codes[program.name] = code
            if time.monotonic() - started > STEADY_AFTER_S:
                wait_s = RESTART_MIN_S
            self._say(
                f"{program.name} ended with {_code(code)}: again in {wait_s:g} s (log: {self._log(program.name)})"
            )
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, RESTART_MAX_S)

    async def _run(self, program: Program) -> int:
        with open(self._log(program.name), "ab") as output:
            process = await asyncio.create_subprocess_exec(
                *program.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self._processes[program.name] = process
        self.begun()
        return await process.wait()


_LIBC = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    """Between fork and exec: have the kernel end this process should the supervisor be killed.

    SIGHUP is nothing to it until it says itself what that does.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _code(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
