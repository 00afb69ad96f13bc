"""Running alert scripts: each in a process group of its own, a few at once, all bounded.

A script gets the change as JSON on its stdin and as ``SALTERN_*`` in an otherwise bare environment. It is done when
it has ended and its output is closed; what is left of its group at its timeout gets SIGTERM, and SIGKILL after a
moment.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import stat
import tempfile
import time
from collections import deque
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

from saltern.process_group import group_lives, signal_group

MAX_AT_ONCE = 8
CLOSE_WITHIN_S, CLOSE_GRACE_S = 1.0, 0.3  # together less than parts have to stop in
TERM_GRACE_S = 2.0  # between SIGTERM and SIGKILL for a script that takes too long, and what it started
LOOK_EVERY_S = 0.02
MAX_WAITING = 1000
MAX_SHEBANG_BYTES = 256  # the kernel reads no more
MAX_OUTPUT_BYTES = 4096  # kept for the log; the rest is read and forgotten, so that no script hangs on a full pipe
READ_BYTES = 64 * 1024
PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG")
VARIABLES = ("alert", "state", "previous", "series", "value", "threshold", "message", "when", "target")
MAX_VARIABLE_CHARS = 16 * 1024

_log = logging.getLogger(__name__)


class Job(NamedTuple):
    """One run of a script: ``alert`` is the change as the event has it."""

    argv: tuple[str, ...]
    alert: dict[str, Any]
    timeout_s: float


class ScriptRunner:
    """Runs jobs, those of one key in order. Relative paths of scripts are below *folder*, where they also run."""

    def __init__(self, folder: str, *, at_once: int = MAX_AT_ONCE, waiting: int = MAX_WAITING) -> None:
        self._folder = folder
        self._at_once = at_once
        self._max_waiting = waiting
        self._waiting: dict[Hashable, deque[Job]] = {}  # a key is here while a job of it runs or waits
        self._ready: deque[Hashable] = deque()  # keys of which no job runs
        self._workers: set[asyncio.Task[None]] = set()
        self._queued = 0
        self._dropping = False
        self.started = 0
        self.failed = 0
        self.dropped = 0

    def submit(self, key: Hashable, job: Job) -> bool:
        """Queue *job* behind the others of *key*; return whether there was room. Needs a running event loop."""
        if self._queued >= self._max_waiting:
            self.dropped += 1
            if not self._dropping:
                _log.error("alert scripts: %d wait already: more are dropped until some ended", self._queued)
            self._dropping = True
            return False
        self._dropping = False
        self._queued += 1
        if key in self._waiting:
            self._waiting[key].append(job)
        else:
            self._waiting[key] = deque([job])
            self._ready.append(key)
        if len(self._workers) < self._at_once and self._ready:
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        return True

    async def drain(self) -> None:
        """Wait until every job has ended."""
        while self._workers:
            await asyncio.wait(set(self._workers))

    async def close(self) -> None:
        """Let what runs and waits end within a moment; then kill the scripts that run, and forget those that wait.

        What was to be told would otherwise be lost with a stop at the wrong time: the change itself is remembered.
        """
        workers = set(self._workers)
        if workers:
            _, workers = await asyncio.wait(workers, timeout=CLOSE_WITHIN_S)
        if workers:
            _log.error("alert scripts: %d run or wait and are ended with the master", self._queued + len(workers))
        self._ready.clear()
        for worker in workers:
            worker.cancel()
        if workers:
            await asyncio.wait(workers)
        self._waiting.clear()
        self._queued = 0

    async def _work(self) -> None:
        while self._ready:
            key = self._ready.popleft()
            jobs = self._waiting[key]
            self._queued -= 1
            await self._attempt(jobs.popleft())
            if jobs:
                self._ready.append(key)
            else:
                del self._waiting[key]

    async def _attempt(self, job: Job) -> None:
        self.started += 1
        argv = (self.locate(job.argv[0]), *job.argv[1:])
        try:
            fault = await run_script(argv, job.alert, job.timeout_s, self._folder)
        except OSError as error:
            fault = f"can't be started: {error.strerror or error}"
        except Exception as error:
            fault = f"failed within Saltern: {type(error).__name__}: {error}"
        if fault:
            self.failed += 1
            _log.error("alert %s is %s: the script %s %s", job.alert["name"], job.alert["state"], argv[0], fault)

    def fault(self, program: str) -> str:
        """Return why *program* could not be started now, in a few words, or ``""``. May block."""
        path = self.locate(program)
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                return f"the script {path} is no file"
            if not os.access(path, os.X_OK, effective_ids=True):
                return f"the script {path} can't be run by the master's user: chmod +x {path}"
            with open(path, "rb") as stream:
                start = stream.read(MAX_SHEBANG_BYTES)
        except PermissionError:
            return "" if os.access(path, os.X_OK, effective_ids=True) else f"the script {path} can't be got at"
        except OSError as error:
            return f"the script {path} can't be found: {error.strerror}"
        if start.startswith(b"#!"):
            interpreter = os.fsdecode(start[2:].split(b"\n")[0].strip().split(b" ")[0])
            if not os.access(interpreter, os.X_OK):
                return f"the script {path} names an interpreter that isn't there: {interpreter!r}"
        elif b"\0" not in start:  # else it is a program
            return f"the script {path} doesn't begin with the line of an interpreter, as #!/bin/sh"
        return ""

    def locate(self, program: str) -> str:
        """Return the path of *program*: below the folder, else a bare name on ``PATH``."""
        path = os.path.join(self._folder, os.path.expanduser(program))
        if not os.path.exists(path) and os.sep not in program:
            return shutil.which(program) or path
        return path


async def run_script(argv: tuple[str, ...], alert: Mapping[str, Any], timeout_s: float, folder: str) -> str:
    """Run *argv* to its end and return what was wrong in a few words, or ``""``.

    Raises ``OSError`` when it can't be started. Cancelling ends its process group.
    """
    grace_s = TERM_GRACE_S
    with tempfile.TemporaryFile() as stdin:  # a file, not a pipe: a script that doesn't read can't hold us up
        stdin.write(json.dumps(alert, ensure_ascii=True).encode("ascii") + b"\n")
        stdin.seek(0)
        async with _Output() as output:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=stdin,
                stdout=output.end_of_child,
                stderr=output.end_of_child,
                start_new_session=True,
                env=environment(alert),
                cwd=folder,
            )
            output.child_has_it()
            try:
                async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as tasks:
                    tasks.create_task(process.wait())
                    tasks.create_task(output.read())
            except TimeoutError:
                return f"was ended after {timeout_s:g} s{output.shown()}"
            except asyncio.CancelledError:
                grace_s = CLOSE_GRACE_S
                raise
            finally:
                if process.returncode is None or not output.closed:
                    await _end_group(process, grace_s)
    if process.returncode == 0:
        return ""
    if process.returncode is not None and process.returncode < 0:
        return f"was ended by signal {-process.returncode}{output.shown()}"
    return f"ended with {process.returncode}{output.shown()}"


def environment(alert: Mapping[str, Any]) -> dict[str, str]:
    """Return a script's whole environment."""
    values = {**alert, "alert": alert["name"], "target": alert.get("metric", alert.get("target", ""))}
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed_on | {f"SALTERN_{name.upper()}": _variable(values.get(name)) for name in VARIABLES}


def _variable(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:.15g}" if isinstance(value, float) else str(value)
    return text.replace("\0", "")[:MAX_VARIABLE_CHARS].encode("utf-8", "replace").decode("utf-8")


async def _end_group(process: asyncio.subprocess.Process, grace_s: float) -> None:
    """Do as ``saltern.process_group.end_group`` does, while the loop goes on."""
    signal_group(process.pid, signal.SIGTERM)
    until = time.monotonic() + grace_s
    while (process.returncode is None or group_lives(process.pid)) and time.monotonic() < until:
        await asyncio.sleep(LOOK_EVERY_S)
    signal_group(process.pid, signal.SIGKILL)
    await process.wait()


class _Output:
    """The pipe of a script's stdout and stderr, of which the first bytes are kept.

    It is ours, not asyncio's, so that it can be closed while a child that left the group still holds it.
    """

    async def __aenter__(self) -> _Output:
        self.closed = False
        self._kept = b""
        ours, self.end_of_child = os.pipe()
        self._reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(self._reader)
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(ours, "rb", buffering=0))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.child_has_it()
        self._transport.close()

    def child_has_it(self) -> None:
        """Close our copy of the child's end, so that the pipe ends when the child's does."""
        if self.end_of_child >= 0:
            os.close(self.end_of_child)
            self.end_of_child = -1

    async def read(self) -> None:
        """Read until the last holder of the other end closes it."""
        while chunk := await self._reader.read(READ_BYTES):
            self._kept += chunk[: MAX_OUTPUT_BYTES - len(self._kept)]
        self.closed = True

    def shown(self) -> str:
        """Return the kept output as one line after a colon, or nothing."""
        text = " ".join(self._kept.decode("utf-8", "replace").split())
        return f": {text[:500]}" if text else ""
