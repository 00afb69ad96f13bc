"""The entrance for programs on the master's host: a Unix socket, its callers known from the kernel.

``saltern.local`` describes the messages. Connections, bytes and idle time are bounded for each user; who has no grant
at all is told so and let go at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import stat
import struct
import time
from typing import Any

from saltern.errors import (
    Busy,
    ChannelError,
    MessageTooLarge,
    NotAuthorised,
    SalternError,
    WireError,
    answer_of,
    os_errors,
)
from saltern.files import make_folder
from saltern.local import LENGTH, MAX_LOCAL_BYTES, SOCKET_NAME, SocketPath, frame, pieces
from saltern.wire import unpack_value
from saltern_master.auth.caller import Caller
from saltern_master.auth.logins import Logins
from saltern_master.auth.policy import Policy
from saltern_master.commands.dispatcher import Dispatcher
from saltern_master.commands.stream import Source, Stream
from saltern_master.complaints import Complaints
from saltern_master.shape import REQUEST

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 1000
MAX_CONNECTIONS_OF_A_USER = 64
KEPT_FOR_OWNERS = 64
"""Connections of all that only root and the master's own user may take."""
MAX_USER_REQUEST_BYTES = 4 * 1024 * 1024
MAX_USER_BYTES = 16 * 1024 * 1024
"""Bytes of requests on their way in, of all connections of one user that isn't an owner."""
MAX_SPEAKER_BYTES = 64 * 1024 * 1024
"""The same of the HTTP API, which speaks for all who log in, and bounds each of them itself."""
IDLE_S = 60.0
"""How long a connection may take for its next request, for the whole of it, and to read the answer."""
STRANGER_IDLE_S = 10.0
MAX_STRANGER_REQUEST_BYTES = 1024 * 1024
"""Of a user who is granted nothing, and may only log in."""
LISTEN_BACKLOG = 512
STREAM_PIECE_BYTES = 256 * 1024
TURN_S = 0.005  # of packing an answer, before others have the loop
END = frame({"end": True})
_CREDENTIALS = struct.Struct("3i")


class LocalEntrance:
    """The listening socket."""

    def __init__(self, sock_dir: str, dispatcher: Dispatcher, policy: Policy, logins: Logins) -> None:
        self._sock_dir = sock_dir
        self._dispatcher = dispatcher
        self._policy = policy
        self._logins = logins
        self._sessions: set[asyncio.Task[None]] = set()
        self._shares: dict[int, Share] = {}
        self._complaints = Complaints("local programs")
        self._path: SocketPath | None = None
        self._server: asyncio.Server | None = None
        self.refused = 0

    async def start(self) -> None:
        """Listen. Raises ``ChannelError``, also when another master does so already."""
        path = os.path.join(self._sock_dir, SOCKET_NAME)
        with os_errors(ChannelError, path, "can't listen here"):
            make_folder(self._sock_dir, 0o755 if self._open else 0o700)
            if self._open and os.stat(self._sock_dir).st_uid == os.geteuid():
                os.chmod(self._sock_dir, 0o755)  # noqa: S103  # users with grants must get to the socket in it
            self._path = SocketPath(self._sock_dir)
            if _answers(self._path.path):
                raise ChannelError(f"{path}: another master is running here", path=path)
            if os.path.exists(self._path.path) and stat.S_ISSOCK(os.stat(self._path.path).st_mode):
                os.unlink(self._path.path)
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            old_mask = os.umask(0o111 if self._open else 0o177)
            try:
                listener.bind(self._path.path)
            finally:
                os.umask(old_mask)
            self._server = await asyncio.start_unix_server(
                self._accept, sock=listener, limit=1 << 18, backlog=LISTEN_BACKLOG
            )

    def reread(self, options: object = None) -> None:
        """Let those in who are granted something now: the socket's mode follows from it."""
        if self._path is None or self._server is None:
            return
        opened = self._open
        with contextlib.suppress(OSError):
            os.chmod(self._sock_dir, 0o755 if opened else 0o700)  # the socket in it must be reached
            os.chmod(self._path.path, 0o666 if opened else 0o600)

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

    @property
    def _open(self) -> bool:
        """Whether others than owners have a say here: who is granted something, and the HTTP API's user."""
        return self._policy.open_to_users or self._logins.speaker_uid >= 0

    def metrics(self) -> dict[str, float]:
        """Return the entrance's counters and gauges."""
        return {"connections": len(self._sessions), "refused": self.refused}

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        caller = self._policy.local_caller(_uid_of(writer))
        owner = self._policy.sees_all(caller)
        share = self._shares.setdefault(caller.uid, Share())
        try:
            self._admit(caller, share, owner=owner)
        except SalternError as error:
            self.refused += 1
            if not share.connections:
                del self._shares[caller.uid]
            writer.write(frame(answer_of(error)))
            writer.close()
            return
        share.connections += 1
        self._sessions.add(task)
        stranger = caller.uid != self._logins.speaker_uid and not self._policy.has_rights(caller)
        session = Session(
            self._dispatcher, self._logins, caller, share, reader, writer, trusted=owner, stranger=stranger
        )
        try:
            await session.run()
        except (ConnectionError, EOFError, TimeoutError, asyncio.CancelledError):
            pass  # the program went away, was silent for too long, or we end
        except WireError as error:
            self._complaints.say(str(caller), "nonsense", f"a local program sent nonsense: {error}")
        finally:
            self._sessions.discard(task)
            share.connections -= 1
            if not share.connections:
                del self._shares[caller.uid]
            session.close()

    def _admit(self, caller: Caller, share: Share, *, owner: bool) -> None:
        """Raise for a connection that can't be had: ``NotAuthorised``, ``Busy``."""
        speaks = caller.uid == self._logins.speaker_uid
        if not (speaks or self._policy.has_logins or self._policy.has_rights(caller)):
            raise _nothing(caller)
        most = MAX_CONNECTIONS if owner else MAX_CONNECTIONS - KEPT_FOR_OWNERS
        if len(self._sessions) >= most:
            raise Busy(f"{len(self._sessions)} programs are connected already: try again")
        if not (owner or speaks) and share.connections >= MAX_CONNECTIONS_OF_A_USER:
            raise Busy(f"{caller} has {share.connections} connections already: close some, or try again")


class Share:
    """What one user takes of the entrance."""

    __slots__ = ("connections", "in_flight")

    def __init__(self) -> None:
        self.connections = 0
        self.in_flight = 0


class Session:
    """One connection: requests in, answers and a stream's items out, in one writer's order."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        logins: Logins,
        caller: Caller,
        share: Share,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        trusted: bool,
        stranger: bool,
    ) -> None:
        """*trusted*: an owner, whose connections may be silent and requests large.

        *stranger*: a user who is granted nothing himself, and may only log in: soon, and in few words.
        """
        self._dispatcher = dispatcher
        self._logins = logins
        self._caller = caller
        self._share = share
        self._reader = reader
        self._writer = writer
        self._trusted = trusted
        self._stranger = stranger
        self._idle_s = STRANGER_IDLE_S if stranger else IDLE_S
        self._source: Source | None = None
        self._ended: asyncio.Event | None = None
        """Set when the token by which the stream was asked for ends."""
        self._pump: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    async def run(self) -> None:
        """Answer requests until the program leaves. Raises ``WireError`` for nonsense, ``TimeoutError``."""
        while True:
            following = self._pump is not None and not self._pump.done()
            async with asyncio.timeout(None if self._trusted or following else self._idle_s):
                (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
            answer = await self._answer(length)
            async with self._writing:
                await self._send(answer)
            if self._source is not None and self._pump is None:
                self._pump = asyncio.get_running_loop().create_task(self._stream(self._source, self._ended))

    def close(self) -> None:
        """End the connection and what it follows."""
        self._stop_following()
        self._writer.close()

    async def _send(self, answer: dict[str, Any]) -> None:
        """Write an answer: packed in turns of the loop, written in pieces as the program reads them."""
        packed: list[bytes] = []
        size, until = 0, time.monotonic() + TURN_S
        for piece in pieces(answer):
            packed.append(piece)
            size += len(piece)
            if size > MAX_LOCAL_BYTES:
                too_large = MessageTooLarge(f"the answer is over {MAX_LOCAL_BYTES:,} bytes: ask for less at once")
                packed = list(pieces(answer_of(too_large)))
                size = sum(map(len, packed))
                break
            if time.monotonic() > until:
                await asyncio.sleep(0)
                until = time.monotonic() + TURN_S
        written = bytearray(LENGTH.pack(size))
        for number, piece in enumerate(packed, 1):
            written += piece
            if len(written) >= STREAM_PIECE_BYTES or number == len(packed):
                self._writer.write(bytes(written))
                written.clear()
                async with asyncio.timeout(None if self._trusted else IDLE_S):
                    await self._writer.drain()

    async def _answer(self, length: int) -> dict[str, Any]:
        """Read the request of *length* bytes and return what is answered to it."""
        speaks = self._caller.uid == self._logins.speaker_uid
        limit = MAX_LOCAL_BYTES if self._trusted or speaks else MAX_USER_REQUEST_BYTES
        limit = MAX_STRANGER_REQUEST_BYTES if self._stranger else limit
        most = MAX_SPEAKER_BYTES if speaks else MAX_USER_BYTES
        if length > MAX_LOCAL_BYTES:
            raise WireError(f"a message of {length:,} bytes: the limit is {limit:,}")
        if length > limit:
            await self._pass_over(length)
            return answer_of(MessageTooLarge(f"a message of {length:,} bytes: the limit is {limit:,}"))
        if not self._trusted and self._share.in_flight and self._share.in_flight + length > most:
            await self._pass_over(length)
            return answer_of(Busy(f"{most:,} bytes of requests are on their way in already: try again"))
        self._share.in_flight += length
        try:
            async with asyncio.timeout(None if self._trusted else IDLE_S):
                packed = await self._reader.readexactly(length)
            return await self._carried_out(packed)
        except SalternError as error:
            return answer_of(error)
        finally:
            self._share.in_flight -= length

    async def _pass_over(self, length: int) -> None:
        """Read so much, and keep nothing of it."""
        async with asyncio.timeout(IDLE_S):
            while length:
                piece = await self._reader.read(min(length, STREAM_PIECE_BYTES))
                if not piece:
                    raise EOFError
                length -= len(piece)

    async def _carried_out(self, packed: bytes) -> dict[str, Any]:
        body = unpack_value(packed, secrets=True)
        if not isinstance(body, dict):
            raise WireError("a request must be a map")
        request = REQUEST.checked(body)
        caller, auth = self._caller, request.get("auth")
        if auth is None and self._stranger:
            raise _nothing(caller)
        if auth is not None:
            caller = await self._logins.caller(auth, caller, request.get("origin", ""), owner=self._trusted)
        result = await self._dispatcher.call(
            caller,
            request["command"],
            request.get("args", []),
            request.get("kwargs", {}),
            request.get("within_s"),
            whole=request.get("whole", False),
        )
        if isinstance(result, Stream):
            self._stop_following()
            self._source = result.source
            self._ended = self._logins.ended(caller)
            result = result.result
        return {"result": result}

    def _stop_following(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None
        if self._source is not None:
            self._source.close()
            self._source = None

    async def _stream(self, source: Source, ended: asyncio.Event | None) -> None:
        """Write what *source* has, in pieces, so that a slow reader costs no more than one of them.

        It ends when *ended* is set, whatever there is to come.
        """
        with contextlib.suppress(ConnectionError):
            while items := await _next(source, ended):
                piece = bytearray()
                for number, item in enumerate(items, 1):
                    piece += LENGTH.pack(len(item)) + item
                    if len(piece) >= STREAM_PIECE_BYTES or number == len(items):
                        await self._write(bytes(piece))
                        piece.clear()
            await self._write(END)

    async def _write(self, messages: bytes) -> None:
        """Write whole messages of a stream, between the answers."""
        async with self._writing:
            self._writer.write(messages)
            await self._writer.drain()


def _nothing(caller: Caller) -> NotAuthorised:
    return NotAuthorised(f"{caller} may do nothing here: publisher_acl grants nothing")


async def _next(source: Source, ended: asyncio.Event | None) -> list[bytes]:
    """Return what *source* has next; nothing when *ended* is set before."""
    if ended is None:
        return await source.batch()
    waits = [asyncio.ensure_future(source.batch()), asyncio.ensure_future(ended.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        return [] if ended.is_set() else await waits[0]  # type: ignore[return-value]  # it is the batch
    finally:
        for one in waits:
            one.cancel()


def _uid_of(writer: asyncio.StreamWriter) -> int:
    connection = writer.get_extra_info("socket")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(credentials)
    return int(uid)


def _answers(path: str) -> bool:
    """Return whether a program listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except OSError:
            return False
        return True
