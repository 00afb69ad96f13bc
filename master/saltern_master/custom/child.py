"""Processes that runners of the operator's own run in, one a call: nothing of theirs is ever loaded into the master.

Such a one leads a process group. It has ended when its answer was read and a moment has passed; at a deadline, or with
the master, it is ended with all that it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import struct
import time
from collections.abc import Mapping
from typing import Any

from saltern.config import MasterOptions
from saltern.errors import ArgumentError, Busy, CommandError, FunctionNotFound, SalternError, WireError
from saltern.own_python import python_module
from saltern.process_group import group_lives, signal_group
from saltern.visible import visible
from saltern.wire import pack_value, unpack_value

log = logging.getLogger(__name__)

PROGRAM = "saltern_agent.on_master.program"
LENGTH = struct.Struct(">I")
MAX_ANSWER_BYTES = 32 * 1024 * 1024
MAX_CHILDREN, MAX_OF_ONE = 32, 8
MAX_PRINTED_BYTES = 8 * 1024
READ_BYTES = 64 * 1024
END_WITHIN_S, TERM_GRACE_S = 2.0, 2.0
LOOK_EVERY_S = 0.02
_ERRORS: Mapping[str, type[SalternError]] = {
    error.code: error for error in (FunctionNotFound, ArgumentError, CommandError)
}


class Children:
    """Starts children, a bounded number of them, and sees to it that each ends."""

    def __init__(self, options: MasterOptions) -> None:
        """*options*: of the master, whose configuration is that of the clients in them, too."""
        folder = options["config_dir"]
        self._environment = {"SALTERN_CONFIG_DIR": folder} if os.path.isdir(folder) else {}
        self._running: dict[Child, str] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self.started = 0
        self.killed = 0

    async def start(self, owner: str, what: str) -> Child:
        """Start a child for *owner*, a principal; *what* it is for stands in the log. Raises ``Busy``."""
        of_one = sum(1 for other in self._running.values() if other == owner)
        if of_one >= MAX_OF_ONE or len(self._running) >= MAX_CHILDREN:
            raise Busy(f"{of_one} functions of yours, {len(self._running)} in all, run in processes already: try again")
        child = Child(what)
        self._running[child] = owner
        try:
            await child.start({**os.environ, **self._environment})
        except BaseException:
            del self._running[child]
            raise
        self.started += 1
        return child

    def release(self, child: Child, *, finished: bool) -> None:
        """Have *child* end: by itself within a moment when it has *finished*, else at once."""
        self.killed += not finished
        task = asyncio.get_running_loop().create_task(self._end(child, finished=finished))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def stop(self) -> None:
        """End all that runs, now."""
        for child in self._running:
            child.kill()
        await self.settled()

    async def settled(self) -> None:
        """Wait until what was released has ended."""
        while self._ending:
            await asyncio.wait(set(self._ending))

    def metrics(self) -> dict[str, float]:
        """Return the counters."""
        return {"started": self.started, "killed": self.killed, "running": len(self._running)}

    async def _end(self, child: Child, *, finished: bool) -> None:
        try:
            await child.end(finished=finished)
        finally:
            child.kill()
            self._running.pop(child, None)


class Child:
    """One process, and the messages to and from it."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._process: asyncio.subprocess.Process | None = None
        self._printed = b""
        self._printing: asyncio.Task[None] | None = None

    async def start(self, environment: Mapping[str, str]) -> None:
        """Start it. Raises ``CommandError``."""
        pipe = asyncio.subprocess.PIPE
        try:
            self._process = await asyncio.create_subprocess_exec(
                *python_module(PROGRAM), stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True, env=environment
            )
        except OSError as error:
            raise CommandError(f"no process can be started: {error.strerror}") from None
        self._printing = asyncio.get_running_loop().create_task(self._read_printed())

    async def send(self, message: Mapping[str, Any], *, secrets: bool = False) -> None:
        """Send a message; that it isn't there any more is found out when its answer is waited for."""
        assert self._process is not None
        assert self._process.stdin is not None
        packed = pack_value(message, secrets=secrets)
        self._process.stdin.write(LENGTH.pack(len(packed)) + packed)
        with contextlib.suppress(ConnectionError):
            await self._process.stdin.drain()

    async def receive(self) -> dict[str, Any]:
        """Return its next message. Raises what it says that went wrong, or ``CommandError`` when it has ended."""
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            (length,) = LENGTH.unpack(await self._process.stdout.readexactly(LENGTH.size))
            if length > MAX_ANSWER_BYTES + READ_BYTES:
                raise CommandError(f"its answer is over {MAX_ANSWER_BYTES:,} bytes")
            message = unpack_value(await self._process.stdout.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            raise CommandError(await self._how_it_ended()) from None
        except WireError as error:
            raise CommandError(f"its answer makes no sense: {error}") from None
        if not isinstance(message, dict):
            raise CommandError("its answer makes no sense")
        if "error" in message:
            raise _ERRORS.get(str(message.get("code")), CommandError)(str(message["error"]))
        return message

    def kill(self) -> None:
        """End the whole group, now."""
        if self._process is not None:
            signal_group(self._process.pid, signal.SIGKILL)

    async def end(self, *, finished: bool) -> None:
        """Wait for its end, or bring it about, and log what was printed."""
        assert self._process is not None
        assert self._printing is not None
        if finished:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._process.wait()), END_WITHIN_S)
        if group_lives(self._process.pid):
            signal_group(self._process.pid, signal.SIGTERM)
        until = time.monotonic() + TERM_GRACE_S
        while group_lives(self._process.pid) and time.monotonic() < until:
            await asyncio.sleep(LOOK_EVERY_S)
        self.kill()
        await self._process.wait()
        self._printing.cancel()  # what left the group may hold it open
        self._process._transport.close()  # type: ignore[attr-defined]  # there is no public way to let go of its pipes
        if self._printed:
            text = self._printed.decode("utf-8", "replace").rstrip()
            log.info("%s printed: %s", self._what, visible(text))

    async def _how_it_ended(self) -> str:
        assert self._process is not None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._process.wait()), END_WITHIN_S)
        code = self._process.returncode
        if code is None:
            return "it closed its pipe to the master without an answer"
        if code < 0:
            return f"its process was ended by {_signal_name(-code)}"
        return f"its process ended with exit code {code} and without an answer"

    async def _read_printed(self) -> None:
        """Read what is printed to its end, so that no print hangs on a full pipe; the first of it is kept."""
        assert self._process is not None
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(READ_BYTES):
            self._printed += chunk[: MAX_PRINTED_BYTES - len(self._printed)]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time one
        return f"signal {number}"
