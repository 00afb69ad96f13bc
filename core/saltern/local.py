"""The master's Unix socket: how programs on the master's own host talk to it.

The socket is ``<sock_dir>/master.sock``; the kernel tells the master who called. Messages are msgpack maps behind a
4-byte big-endian length. A client sends ``{"command": name, "args": […], "kwargs": {…}, "within_s": …}`` and reads
``{"result": …}``, or ``{"error": one line, "code": …, "fields": {…}}`` (``saltern.errors``). With ``"whole": true`` it
is all data of a runner's or wheel's answer. With ``"auth": {…}``, a ``token`` or ``username``, ``password`` and
``eauth``, it is someone who logs in that calls, from the address ``"origin"``. Commands that go on, as
``event.subscribe`` and ``job.publish`` with ``follow``, then send ``{"tag": …, "data": …}`` until ``{"end": true}``.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from saltern.errors import ChannelError, MasterNotRunning, RequestTimeout, WireError, error_of
from saltern.wire import pack_value, unpack_value

SOCKET_NAME = "master.sock"
MAX_LOCAL_BYTES = 64 * 1024 * 1024
MAX_SOCKET_PATH = 100  # bytes; Linux's sun_path holds 108
ANSWER_GRACE_S = 2.0
"""How long the master may take to say that it didn't make it in time."""
LENGTH = struct.Struct(">I")
PIECE_BYTES = 64 * 1024
MAX_TOGETHER = 64
SPLIT_LEVELS = 4  # of an answer: the answer, its result, by minion, what that returned


def frame(value: Any, *, secrets: bool = False) -> bytes:
    """Return one message as it goes over the socket; *secrets*: the texts of secrets go with it."""
    packed = pack_value(value, secrets=secrets)
    return LENGTH.pack(len(packed)) + packed


def pieces(value: Any) -> Iterator[bytes]:
    """Yield ``pack_value(value)`` piece by piece: packing keeps the interpreter from everybody else, and between pieces
    others have their turn. A piece is some members of a map or a list, or one that is large, taken apart itself.
    """
    return _pieces(value, 0)


def _pieces(value: Any, depth: int) -> Iterator[bytes]:
    if depth == SPLIT_LEVELS or type(value) not in (dict, list):
        yield _packed_at(value, depth)
        return
    members = list(value.items() if isinstance(value, dict) else value)
    yield _head(type(value), len(members))
    at, count = 0, 1
    while at < len(members):
        some = members[at : at + count]
        if len(some) > 1:
            packed = _packed_at(dict(some) if isinstance(value, dict) else some, depth)
            packed = packed[len(_head(type(value), len(some))) :]
            size = len(packed)
            yield packed
        else:
            size = 0
            if isinstance(value, dict):
                yield _packed_at(some[0][0], depth + 1)
            for piece in _pieces(some[0][1] if isinstance(value, dict) else some[0], depth + 1):
                size += len(piece)
                yield piece
        at += len(some)
        count = min(2 * count, MAX_TOGETHER) if size < PIECE_BYTES else 1


def _packed_at(value: Any, depth: int) -> bytes:
    """Return the bytes of a value that is within so many others: it may be nested so much less deep."""
    for _ in range(depth):
        value = [value]
    return pack_value(value)[depth:]


def _head(kind: type, count: int) -> bytes:
    """Return msgpack's header of a map or an array."""
    if count < 16:
        return bytes(((0x80 if kind is dict else 0x90) | count,))
    short, long = (0xDE, 0xDF) if kind is dict else (0xDC, 0xDD)
    return struct.pack(">BH", short, count) if count < 1 << 16 else struct.pack(">BI", long, count)


def taken(buffer: bytearray) -> dict[str, Any] | None:
    """Take the first message of a master's out of *buffer* and return it; ``None`` while it isn't there whole.

    Raises ``WireError`` for what is no message.
    """
    if len(buffer) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack_from(buffer)
    if length > MAX_LOCAL_BYTES:
        raise WireError(f"the master sent a message of {length:,} bytes: the limit is {MAX_LOCAL_BYTES:,}")
    end = LENGTH.size + length
    if len(buffer) < end:
        return None
    message = unpack_value(bytes(memoryview(buffer)[LENGTH.size : end]))
    del buffer[:end]
    if not isinstance(message, dict):
        raise WireError("the master sent something that is not a message")
    return message


class Access(NamedTuple):
    """A way to the master whose sockets are in *sock_dir*: as this user, or as who logs in by *auth* from *origin*."""

    sock_dir: str
    auth: Mapping[str, Any] = {}
    origin: str = ""


class SocketPath:
    """A Unix socket's path, made short enough for the kernel by way of its folder's descriptor."""

    def __init__(self, folder: str, name: str = SOCKET_NAME) -> None:
        self._folder_fd: int | None = None
        self.path = os.path.join(folder, name)
        if len(os.fsencode(self.path)) > MAX_SOCKET_PATH:
            self._folder_fd = os.open(folder, os.O_PATH | os.O_DIRECTORY)
            self.path = f"/proc/self/fd/{self._folder_fd}/{name}"

    def close(self) -> None:
        """Give the folder's descriptor back."""
        if self._folder_fd is not None:
            os.close(self._folder_fd)
            self._folder_fd = None


class LocalConnection:
    """One connection to a running master, blocking. Usable in a ``with`` block."""

    def __init__(self, access: str | Access, timeout_s: float = 10.0) -> None:
        """Connect by *access*, a folder of sockets or more. Raises ``MasterNotRunning``, ``ChannelError``."""
        sock_dir, auth, origin = access if isinstance(access, Access) else Access(access)
        self._added: dict[str, Any] = {"auth": dict(auth)} if auth else {}
        if auth and origin:
            self._added["origin"] = origin
        self._buffer = bytearray()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        path = os.path.join(sock_dir, SOCKET_NAME)
        short = None
        try:
            short = SocketPath(sock_dir)
            self._socket.connect(short.path)
        except PermissionError:
            self.close()
            raise ChannelError(
                f"{path}: permission denied: run this as the master's user or root, or have "
                "publisher_acl in its configuration name you, and restart it"
            ) from None
        except OSError as error:
            self.close()
            raise MasterNotRunning(
                f"no master answers at {path} ({error.strerror}): is saltern-master running, "
                "and is this its --config-dir?"
            ) from None
        finally:
            if short:
                short.close()

    def __enter__(self) -> LocalConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        self._socket.close()

    def interrupt(self) -> None:
        """End the connection from another thread: who waits on it gets a ``ChannelError``."""
        with contextlib.suppress(OSError):  # it is closed already
            self._socket.shutdown(socket.SHUT_RDWR)

    def fileno(self) -> int:
        """Return the socket's descriptor, for a poller."""
        return self._socket.fileno()

    def call(self, command: str, *args: Any, within_s: float | None = 60.0, **kwargs: Any) -> Any:
        """Have the master carry out *command* and return its result, waited for *within_s* seconds.

        Raises the error that the master answered with, ``RequestTimeout`` when it didn't, or ``ChannelError``.
        """
        self.send({"command": command, "args": list(args), "kwargs": kwargs, "within_s": within_s})
        return self._answer(command, within_s)

    def call_whole(self, command: str, args: list[Any], kwargs: dict[str, Any], within_s: float | None) -> Any:
        """Like ``call``, of a runner or wheel function; return the data of its last event, ``return``, ``jid``, …"""
        self.send({"command": command, "args": args, "kwargs": kwargs, "within_s": within_s, "whole": True})
        return self._answer(command, within_s)

    def _answer(self, command: str, within_s: float | None) -> Any:
        deadline = None if within_s is None else time.monotonic() + within_s + ANSWER_GRACE_S
        while True:
            answer = self.receive(None if deadline is None else deadline - time.monotonic())
            if answer is None:
                raise RequestTimeout(f"the master did not answer {command} within {within_s:g} s")
            if "result" in answer or "error" in answer:
                break  # before it comes what was still under way of a job or of events that were followed till now
        if "error" in answer:
            raise error_of(answer)
        return answer.get("result")

    def send(self, message: dict[str, Any]) -> None:
        """Send a message without waiting for its answer. Raises ``ChannelError``."""
        try:
            self._socket.sendall(frame({**message, **self._added}, secrets=True))
        except OSError as error:
            # The master may have said why before it closed.
            answer = None
            with contextlib.suppress(ChannelError):
                answer = self.receive(0.0)
            if answer is not None and "error" in answer:
                raise error_of(answer) from None
            raise ChannelError(f"the master closed the connection: {error.strerror}") from None

    def receive(self, timeout_s: float | None) -> dict[str, Any] | None:
        """Return the next message, or ``None`` when none came within *timeout_s* (``None``: wait for ever).

        Raises ``ChannelError`` when the master is gone.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            message = taken(self._buffer)
            if message is not None:
                return message
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                # What has arrived already counts even when no time is left to wait.
                left = 0.000_001
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(1 << 18)
            except (TimeoutError, BlockingIOError):
                return None
            except OSError as error:
                raise ChannelError(f"the connection to the master broke: {error.strerror}") from None
            if not data:
                raise ChannelError("the master closed the connection")
            self._buffer += data
