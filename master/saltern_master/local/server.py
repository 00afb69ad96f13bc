"""Serves local programs: jobs, keys, runners, events. ``saltern.local`` describes the socket's messages."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from saltern.errors import ChannelError, FunctionNotFound, NotAuthorised, SalternError, WireError
from saltern.local import LENGTH, MAX_LOCAL_BYTES, SOCKET_NAME, SocketPath, frame
from saltern.wire import unpack_value
from saltern_master.bus import EventBus, Subscriber
from saltern_master.jobs.publisher import Publisher
from saltern_master.local.authorisation import EVENTS, RUNNER, WHEEL, Authorisation, user_name

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 500
LISTEN_BACKLOG = 512
_CREDENTIALS = struct.Struct("3i")

Functions = dict[str, Callable[..., Any]]


class LocalServer:
    """The listening socket; every connection's user is known from the kernel."""

    def __init__(
        self,
        sock_dir: str,
        bus: EventBus,
        publisher: Publisher,
        wheel: Functions,
        runners: Functions,
        authorisation: Authorisation,
        *,
        open_to_users: bool,
    ) -> None:
        """*open_to_users*: whether users other than the master's own may connect at all (some have grants)."""
        self._sock_dir = sock_dir
        self._bus = bus
        self._publisher = publisher
        self._wheel = wheel
        self._runners = runners
        self._authorisation = authorisation
        self._mode = 0o666 if open_to_users else 0o600
        self._folder_mode = 0o755 if open_to_users else 0o700
        self._sessions: set[asyncio.Task[None]] = set()
        self._path: SocketPath | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises ``ChannelError``, also when another master does so already."""
        path = os.path.join(self._sock_dir, SOCKET_NAME)
        try:
            os.makedirs(self._sock_dir, mode=self._folder_mode, exist_ok=True)
            self._path = SocketPath(self._sock_dir)
            if _answers(self._path.path):
                raise ChannelError(f"{path}: another master is running here")
            if os.path.exists(self._path.path) and stat.S_ISSOCK(os.stat(self._path.path).st_mode):
                os.unlink(self._path.path)
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            old_mask = os.umask(0o777 & ~self._mode)
            try:
                listener.bind(self._path.path)
            finally:
                os.umask(old_mask)
            self._server = await asyncio.start_unix_server(
                self._accept, sock=listener, limit=1 << 18, backlog=LISTEN_BACKLOG
            )
        except OSError as error:
            raise ChannelError(f"{path}: can't listen here: {error.strerror}") from None

    async def stop(self) -> None:
        """Stop listening and end all connections; does nothing when ``start`` failed."""
        if self._server is None:
            return
        self._server.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        if self._path is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._path.path)
            self._path.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._sessions) >= MAX_CONNECTIONS:
            writer.write(frame({"error": f"{MAX_CONNECTIONS} programs are connected already", "kind": "ChannelError"}))
            writer.close()
            return
        self._sessions.add(task)
        session = _Session(self, reader, writer)
        try:
            await session.run()
        except (ConnectionError, EOFError, asyncio.CancelledError):
            pass  # the program went away, or we do
        except WireError as error:
            log.warning("a local program of user %s sent nonsense: %s", session.user, error)
        finally:
            self._sessions.discard(task)
            session.close()

    async def answer(self, session: _Session, request: dict[str, Any]) -> Any:
        """Do what a request asks for and return its result. Raises ``SalternError``."""
        actions: dict[str, Callable[[_Session, dict[str, Any]], Awaitable[Any]]] = {
            "job": self._job,
            "subscribe": self._subscribe,
            "fire_event": self._fire_event,
            "wheel": self._call_wheel,
            "runner": self._call_runner,
        }
        action = actions.get(str(request.get("do")))
        if action is None:
            raise FunctionNotFound(f"{request.get('do')!r:.60} is not something the master does")
        return await action(session, request)

    async def _job(self, session: _Session, request: dict[str, Any]) -> Any:
        jid = self._publisher.next_jid()
        if request.get("follow"):
            session.follow(self._bus.subscribe(f"salt/job/{jid}/ret/"))
        published = self._publisher.publish(
            jid,
            request,
            session.user,
            lambda minions, functions: self._authorisation.may_run(session.uid, minions, functions),
        )
        return published._asdict()

    async def _subscribe(self, session: _Session, request: dict[str, Any]) -> Any:
        self._require(session, EVENTS, "follow the event bus")
        session.follow(self._bus.subscribe(str(request.get("tag") or "")))
        return True

    async def _fire_event(self, session: _Session, request: dict[str, Any]) -> Any:
        self._require(session, EVENTS, "fire events")
        tag, data = request.get("tag"), request.get("data")
        if not isinstance(tag, str) or not tag or not isinstance(data, dict):
            raise FunctionNotFound("an event needs a tag (text) and data (a map)")
        self._bus.publish(tag, dict(data))
        return True

    async def _call_wheel(self, session: _Session, request: dict[str, Any]) -> Any:
        self._require(session, WHEEL, "manage keys")
        return await _call(self._wheel, "wheel", request.get("fun"), [], request.get("kwargs"))

    async def _call_runner(self, session: _Session, request: dict[str, Any]) -> Any:
        self._require(session, RUNNER, "run functions on the master")
        return await _call(self._runners, "runner", request.get("fun"), request.get("arg"), request.get("kwarg"))

    def _require(self, session: _Session, special: str, what: str) -> None:
        if not self._authorisation.may(session.uid, special):
            raise NotAuthorised(f"user {session.user} may not {what}: grant {special} in publisher_acl")


class _Session:
    """One connection: requests in, answers and events out, in one writer's order."""

    def __init__(self, server: LocalServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._subscriber: Subscriber | None = None
        self._pump: asyncio.Task[None] | None = None
        connection = writer.get_extra_info("socket")
        _, self.uid, _ = _CREDENTIALS.unpack(
            connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )
        self.user = user_name(self.uid)

    async def run(self) -> None:
        while True:
            (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
            if length > MAX_LOCAL_BYTES:
                raise WireError(f"a message of {length:,} bytes")
            request = unpack_value(await self._reader.readexactly(length), secrets=True)
            if not isinstance(request, dict):
                raise WireError("a message that is not a map")
            try:
                answer = {"result": await self._server.answer(self, request)}
            except SalternError as error:
                answer = {"error": str(error), "kind": type(error).__name__}
            except Exception as error:
                log.exception("%s for user %s failed", request.get("do"), self.user)
                answer = {"error": f"the master failed: {type(error).__name__}: {error}", "kind": "ChannelError"}
            self._writer.write(frame(answer))
            await self._writer.drain()
            self._start_pump()

    def follow(self, subscriber: Subscriber) -> None:
        """Stream the events of *subscriber* to the program, after the answer to the current request."""
        self._stop_following()
        self._subscriber = subscriber

    def close(self) -> None:
        self._stop_following()
        self._writer.close()

    def _start_pump(self) -> None:
        if self._subscriber is not None and self._pump is None:
            self._pump = asyncio.get_running_loop().create_task(self._stream(self._subscriber))

    def _stop_following(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None
        if self._subscriber is not None:
            self._subscriber.close()
            self._subscriber = None

    async def _stream(self, subscriber: Subscriber) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                events = await subscriber.batch()
                self._writer.write(b"".join(frame({"tag": event.tag, "data": event.data}) for event in events))
                await self._writer.drain()


async def _call(functions: Functions, what: str, fun: Any, arg: Any, kwarg: Any) -> Any:
    function = functions.get(fun) if isinstance(fun, str) else None
    if function is None:
        raise FunctionNotFound(f"{fun!r:.60} is not a {what} function: there are {', '.join(sorted(functions))}")
    args, kwargs = arg if isinstance(arg, list) else [], kwarg if isinstance(kwarg, dict) else {}
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError as error:
        raise FunctionNotFound(f"{fun} was called wrongly: {error}") from None
    result = function(*args, **kwargs)
    return await result if inspect.isawaitable(result) else result


def _answers(path: str) -> bool:
    """Return whether a program listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except OSError:
            return False
        return True
