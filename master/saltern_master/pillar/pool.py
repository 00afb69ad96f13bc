"""The processes that compile pillars: started when there is work, ended when they hang or rest, anew when they die.

One request a process at a time. A request that takes longer than ``pillar_timeout`` costs its process, and is answered
by what was being rendered; the next one gets another process.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import mmap
import os
import signal
import time
from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern.own_python import python_module
from saltern.wire import pack_value, unpack_value
from saltern_master.pillar.settings import Settings
from saltern_master.pillar.worker import BEGINNING, FRAME_HEAD, MAX_FRAME_BYTES, PLACE_BYTES

log = logging.getLogger(__name__)

START_WITHIN_S = 30.0
"""For a process to begin: it imports, on a host that may be busy."""
REST_S = 60.0
"""Without work, after which a process ends: it has some 20 MiB, and beginning anew takes it a third of a second."""


class PillarTimeout(CommandError):
    """A pillar took too long; ``place``: in which file, or external pillar."""

    def __init__(self, text: str, place: str) -> None:
        super().__init__(text)
        self.place = place


class PillarProcessEnded(CommandError):
    """The process ended by itself, or by others' will."""


class _Worker:
    """One process. Not shared: whoever has it is its only user."""

    def __init__(self, process: asyncio.subprocess.Process, place: mmap.mmap) -> None:
        self._process = process
        self._place = place
        self.fresh = True
        self.rests_since = 0.0

    @classmethod
    async def started(cls, settings: bytes) -> _Worker:
        """Return a process that has the settings."""
        descriptor = os.memfd_create("pillar", os.MFD_CLOEXEC)
        try:
            os.ftruncate(descriptor, PLACE_BYTES)
            place = mmap.mmap(descriptor, PLACE_BYTES)
            process = await asyncio.create_subprocess_exec(
                *python_module("saltern_master.pillar.worker", str(descriptor)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                pass_fds=[descriptor],
                start_new_session=True,
                limit=1024 * 1024,
            )
        finally:
            os.close(descriptor)
        worker = cls(process, place)
        worker._write(settings)
        return worker

    async def ask(self, frame: bytes, within_s: float) -> bytes:
        """Return the answer to a request. Raises ``PillarTimeout``, ``PillarProcessEnded``."""
        assert self._process.stdout is not None
        self._write(frame)
        began = time.monotonic()
        try:
            async with asyncio.timeout(within_s + (START_WITHIN_S if self.fresh else 0)) as limit:
                if self.fresh:
                    head = await self._begun(limit, within_s)
                else:
                    head = await self._process.stdout.readexactly(FRAME_HEAD)
                length = int.from_bytes(head, "big")
                if length > MAX_FRAME_BYTES:
                    raise CommandError("the process that compiles pillar answered nonsense")
                answer = await self._process.stdout.readexactly(length)
        except TimeoutError:
            took_s = time.monotonic() - began
            text = f"it took over {within_s:g} s ({took_s:.0f} s) and was ended{self._where()}"
            raise PillarTimeout(text, self._where()) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise PillarProcessEnded(f"the process that compiled it ended{self._where()}") from None
        self.fresh = False
        return answer

    async def _begun(self, limit: asyncio.Timeout, within_s: float) -> bytes:
        """Wait for a new process to begin, which isn't its first request's fault, and then for the head."""
        assert self._process.stdout is not None
        head = asyncio.ensure_future(self._process.stdout.readexactly(FRAME_HEAD))
        try:
            while not head.done() and self._place[0] == 0:
                await asyncio.wait([head], timeout=0.02)
            limit.reschedule(asyncio.get_running_loop().time() + within_s)
            return await head
        finally:
            head.cancel()

    def _where(self) -> str:
        if self._place.closed:
            return ""
        text = bytes(self._place[:PLACE_BYTES]).split(b"\0", 1)[0].decode("utf-8", "replace")
        return f", in {text}" if text and text != BEGINNING else ""

    def _write(self, frame: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(len(frame).to_bytes(FRAME_HEAD, "big") + frame)

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.returncode is None

    async def end(self) -> None:
        """End the process and what it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        transport = getattr(self._process, "_transport", None)  # else asyncio closes it later, or at no time
        if transport is not None:
            transport.close()
        await self._process.wait()
        self._place.close()


class Pool:
    """Up to *size* processes with the same settings."""

    def __init__(self, settings: Settings, size: int) -> None:
        self._settings = pack_value({"settings": list(settings)}, secrets=True)
        self._timeout_s = settings.timeout_s
        self._turns = asyncio.Semaphore(size)
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._look: asyncio.TimerHandle | None = None
        self._closed = False
        self.ended = 0
        """Processes that were ended, or died, at work."""
        self.seconds = 0.0
        """Spent on requests."""

    async def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a request. Raises ``CommandError`` for one that came to nothing.

        A process that ends may have been somebody else's victim: it is asked of another one, once.
        """
        frame = pack_value(dict(request), secrets=True)
        try:
            return await self._ask(frame)
        except PillarProcessEnded:
            if self._closed:
                raise
            return await self._ask(frame)

    async def _ask(self, frame: bytes) -> dict[str, Any]:
        async with self._turns:
            began = time.monotonic()
            worker = await self._worker()
            done = False
            try:
                answer = unpack_value(await worker.ask(frame, self._timeout_s), secrets=True)
                done = True
            finally:
                self.seconds += time.monotonic() - began
                if done and not self._closed:
                    self._rest(worker)
                else:
                    self.ended += not done
                    await self._end(worker)
        if "failed" in answer:
            raise CommandError(str(answer["failed"]))
        return dict(answer)

    async def _worker(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            self.ended += 1
            await self._end(worker)
        try:
            worker = await _Worker.started(self._settings)
        except OSError as error:
            raise CommandError(f"no process to compile pillar could be started: {error.strerror}") from None
        self._all.add(worker)
        return worker

    def _rest(self, worker: _Worker) -> None:
        """Have a process wait for work, the last one first, so that those that aren't needed end."""
        worker.rests_since = time.monotonic()
        self._idle.append(worker)
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(REST_S, self._end_rested)

    def _end_rested(self) -> None:
        until = time.monotonic() - REST_S
        rested = [worker for worker in self._idle if worker.rests_since <= until]
        self._idle = [worker for worker in self._idle if worker.rests_since > until]
        for worker in rested:
            self._ended(worker)
        self._look = None
        if self._idle:
            after_s = self._idle[0].rests_since - until
            self._look = asyncio.get_running_loop().call_later(after_s, self._end_rested)

    def _shut(self) -> None:
        self._closed = True
        if self._look is not None:
            self._look.cancel()

    async def close(self) -> None:
        """End all idle processes; those at work end after it."""
        self._shut()
        while self._idle:
            await self._end(self._idle.pop())

    async def kill(self) -> None:
        """End all processes now."""
        self._shut()
        self._idle.clear()
        for worker in list(self._all):
            await self._end(worker)
        await asyncio.gather(*self._ending)

    async def _end(self, worker: _Worker) -> None:
        """End a process, whatever becomes of who asks for it."""
        await asyncio.shield(self._ended(worker))

    def _ended(self, worker: _Worker) -> asyncio.Task[None]:
        """Begin to end a process; return what does."""
        self._all.discard(worker)
        ending = asyncio.get_running_loop().create_task(worker.end())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        return ending
