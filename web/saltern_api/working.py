"""Requests in threads: each with a client of the master's, which is interrupted when nobody waits for it any more.

What was asked of the master goes on there; a job isn't ended by a client that leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from saltern.complaints import Complaint
from saltern.errors import MasterNotRunning, SalternError
from saltern_api.addresses import address_of
from saltern_api.answers import ClientGone, Refused, error_answer
from saltern_api.master import Client, Master
from saltern_api.pipe import Pipe, PipeClosed
from saltern_api.places import Places

UNWATCHED_S = 0.05
"""Most answers are there by then; only of those that aren't the client is watched."""
READ_WITHIN_S = 60.0
"""How long a client may take to read a piece of its answer."""
LEAST_SHARE = 4
SAID_AGAIN_S = 60.0
"""So often the log says that there is no master, however many ask for it."""
STOPPING = "saltern-api stops: what was begun goes on, and jobs.list_jobs tells of it"

log = logging.getLogger(__name__)

T = TypeVar("T")


class Sink:
    """Where a thread writes an answer: nothing is sent before it says ``start``."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.pipe = Pipe()
        self.started: asyncio.Future[None] = self._loop.create_future()

    def start(self) -> None:
        """Say that the answer will be a good one."""
        self._loop.call_soon_threadsafe(self._started)

    def _started(self) -> None:
        if not self.started.done():
            self.started.set_result(None)

    def write(self, data: bytes) -> None:
        """Write more of it. Raises ``PipeClosed``."""
        self.pipe.write(data)


class Job:
    """One request's work in a thread."""

    def __init__(self, master: Master, address: str, work: Callable[[Client], Any], away: Complaint) -> None:
        """*away*: says that there is no master."""
        self._away = away
        self._master = master
        self._address = address
        self._work = work
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._gone = False
        self._stopping = False

    def run(self) -> Any:
        """Do it, unless nobody waits for it any more."""
        with self._master.client(self._address) as client:
            with self._lock:
                if self._gone:
                    raise ClientGone
                self._client = client
            try:
                return self._work(client)
            except SalternError as error:
                raise self._told(error) from None
            finally:
                with self._lock:
                    self._client = None

    def _told(self, error: SalternError) -> Exception:
        if isinstance(error, MasterNotRunning):
            self._away.say("%s", error)
        return Refused(502, STOPPING) if self._stopping and not self._gone else error

    def leave(self) -> None:
        """Have it end soon: nobody waits."""
        self._gone = True
        self._interrupt()

    def stop(self) -> None:
        """Have it end soon, who waits be told: the program stops."""
        self._stopping = True
        self._interrupt()

    def _interrupt(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.interrupt()


class Workers:
    """*threads* requests are worked on at a time; an address has half of them at most, and so has a token."""

    def __init__(self, master: Master, threads: int) -> None:
        share = max(LEAST_SHARE, threads // 2)
        self.master = master
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self._by_address = Places(threads, share)
        self._by_token = Places(threads * threads, share)
        self._jobs: set[Job] = set()
        self._away = Complaint(log, logging.WARNING, again_s=SAID_AGAIN_S)

    @property
    def working(self) -> int:
        """Return how many requests are worked on."""
        return self._by_address.taken

    @property
    def waiting(self) -> int:
        """Return how many wait for a thread."""
        return self._by_address.waiting + self._by_token.waiting

    def stop(self) -> None:
        """Have what is under way end soon, and tell who waits for it."""
        for job in list(self._jobs):
            job.stop()

    def close(self) -> None:
        """Begin no more work."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def call(self, request: Request, work: Callable[[Client], T], token: str = "") -> T:
        """Return what *work* returns. Raises ``Busy``, ``ClientGone`` and what it raises."""
        job, done = await self._begin(request, work, token)
        try:
            await asyncio.wait((done,), timeout=UNWATCHED_S)
            if not done.done():
                await _or_gone(request, done)
            result: T = done.result()
            return result
        finally:
            if not done.done():
                job.leave()

    async def stream(
        self,
        request: Request,
        work: Callable[[Client, Sink], None],
        token: str = "",
        *,
        headers: Mapping[str, str],
        status: int = 200,
    ) -> ASGIApp:
        """Return the answer that *work* writes, once it says that there will be one. Raises as ``call``."""
        sink = Sink()

        def write(client: Client) -> None:
            error: BaseException | None = None
            try:
                work(client, sink)
            except BaseException as raised:
                error = raised
                raise
            finally:
                sink.pipe.end(error)

        job, done = await self._begin(request, write, token)
        try:
            await _or_gone(request, done, sink.started)
            if not sink.started.done():
                done.result()
        except BaseException:
            sink.pipe.close()
            job.leave()
            raise
        return Streamed(sink.pipe, job, status, headers)

    async def _begin(self, request: Request, work: Callable[[Client], T], token: str) -> tuple[Job, asyncio.Future[T]]:
        address = address_of(request)
        loop = asyncio.get_running_loop()
        if token:
            await self._by_token.take(token)
        try:
            await self._by_address.take(address)
        except BaseException:
            if token:
                self._by_token.leave(token)
            raise

        def leave(_: Future[T]) -> None:
            self._jobs.discard(job)
            self._by_address.leave(address)
            if token:
                self._by_token.leave(token)

        def ended(future: Future[T]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended before the thread
                loop.call_soon_threadsafe(leave, future)

        job = Job(self.master, address, work, self._away)
        self._jobs.add(job)
        try:
            running = self._pool.submit(job.run)
        except RuntimeError:  # shut down: nobody is answered any more
            leave(Future())
            raise ClientGone from None
        running.add_done_callback(ended)
        done = asyncio.wrap_future(running)
        done.add_done_callback(_retrieve)
        return job, done


class Streamed:
    """An answer that is sent as a thread writes it; all at once where all of it is there."""

    def __init__(self, pipe: Pipe, job: Job, status: int, headers: Mapping[str, str]) -> None:
        self._pipe = pipe
        self._job = job
        self._status = status
        self._left = False
        self._headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. What fails on the way ends the connection: half an answer is none."""
        gone = asyncio.ensure_future(self._watch(receive))
        try:
            try:
                piece = await self._pipe.read()
            except PipeClosed:
                raise
            except Exception as error:  # nothing was sent: it can still be said
                if self._left:
                    raise PipeClosed from None
                await error_answer(error, scope["path"][:200])(scope, receive, send)
                return
            rest = self._pipe.all()
            headers = self._headers
            if rest is not None:
                piece = (piece or b"") + rest
                headers = [*headers, (b"content-length", str(len(piece)).encode())]
            await send({"type": "http.response.start", "status": self._status, "headers": headers})
            while piece is not None and rest is None:
                await _in_time(send, piece, more=True)
                piece = await self._pipe.read()
            await _in_time(send, piece or b"", more=False)
        except PipeClosed:
            pass  # the client went away
        finally:
            gone.cancel()
            self._pipe.close()
            self._job.leave()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._left = True
        self._pipe.close()
        self._job.leave()


async def _in_time(send: Send, body: bytes, *, more: bool) -> None:
    async with asyncio.timeout(READ_WITHIN_S):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _or_gone(request: Request, *done: asyncio.Future[Any]) -> None:
    """Return when one of *done* is. Raises ``ClientGone`` when the client of *request* goes before."""
    await asyncio.wait(done, timeout=UNWATCHED_S, return_when=asyncio.FIRST_COMPLETED)
    if any(one.done() for one in done):
        return
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((*done, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    if not any(one.done() for one in done):
        raise ClientGone


async def _gone(request: Request) -> None:
    """Return when the client of *request* has gone. Its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _retrieve(done: asyncio.Future[Any]) -> None:
    """Look at what became of work that nobody waits for: asyncio complains otherwise."""
    if not done.cancelled():
        done.exception()
