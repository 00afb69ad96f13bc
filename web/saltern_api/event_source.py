"""One connection to the master's socket on which events come, for the event loop; its messages: ``saltern.local``."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, NamedTuple

from saltern.errors import ChannelError, MasterNotRunning, RequestTimeout, error_of
from saltern.local import SocketPath, frame, taken
from saltern_api.event_filter import EVERYTHING, EventFilter
from saltern_api.rendering import to_json

ANSWERS_WITHIN_S = 10.0
READ_BYTES = 1 << 18
LOST = "salt/events/lost"
MAX_TOGETHER = 1000
_OF_JOBS = ("salt/job/", "salt/run/", "salt/wheel/")


class Received(NamedTuple):
    """An event: its number, how it goes out as JSON, and as a server-sent event; whether it tells what a job gave."""

    number: int | None
    json: bytes
    sse: bytes
    returned: bool = False

    @classmethod
    def of(cls, tag: str, data: Any, number: int | None) -> Received:
        """Return the event of *tag* and *data*."""
        told = to_json({"tag": tag, "data": data})
        head = f"id: {number}\n" if number is not None else ""
        shown = json.dumps(tag)[1:-1] if not tag.isprintable() else tag  # a tag is one line, whatever is in it
        returned = tag.startswith(_OF_JOBS) and "/ret" in tag
        return cls(number, told, f"{head}tag: {shown}\ndata: ".encode(errors="replace") + told + b"\n\n", returned)


class EventSource:
    """What ``open_source`` returns."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = bytearray()
        self.ended = False
        """Whether the master has said that no more will come; it may also just go."""
        self.principal = ""
        """Who follows, as the master says."""
        self.at = 0
        """The number of the last event before those that come."""

    async def begin(self, request: dict[str, Any]) -> None:
        """Ask for events. Raises what the master answers, ``ChannelError``."""
        self._writer.write(frame(request, secrets=True))
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                answer = await self._message()
        except TimeoutError:
            raise RequestTimeout("the master did not answer event.subscribe in time") from None
        if answer is None:
            raise ChannelError("the master closed the connection")
        if "error" in answer:
            raise error_of(answer)
        result = answer.get("result")
        told = result if isinstance(result, dict) else {}
        at, self.principal = told.get("at"), str(told.get("principal") or "")
        self.at = at if isinstance(at, int) else 0

    async def receive(self) -> list[Received]:
        """Return the events that came, at least one; none when there won't be more."""
        events: list[Received] = []
        while len(events) < MAX_TOGETHER and not self.ended:
            message = taken(self._buffer) if events else await self._message()
            if message is None:
                break
            if message.get("end"):
                self.ended = True
                break
            tag, number = message.get("tag"), message.get("id")
            if isinstance(tag, str):
                number = number if isinstance(number, int) and tag != LOST else None  # it is none that was published
                events.append(Received.of(tag, message.get("data"), number))
        return events

    def close(self) -> None:
        """Let go of the master; safe to call twice."""
        self._writer.close()

    async def _message(self) -> dict[str, Any] | None:
        """Return the next message, ``None`` when the master has closed. Raises ``WireError``."""
        while (message := taken(self._buffer)) is None:
            data = b""
            with contextlib.suppress(OSError):
                data = await self._reader.read(READ_BYTES)
            if not data:
                return None
            self._buffer += data
        return message


async def open_source(
    sock_dir: str, token: str, address: str, after: int | None = None, wanted: EventFilter = EVERYTHING
) -> EventSource:
    """Return a connection on which the *wanted* events come that *token* may see, from now on or behind number *after*.

    Raises ``MasterNotRunning``, ``NotAuthorised``, ``ChannelError``.
    """
    path = None
    try:
        path = SocketPath(sock_dir)
        reader, writer = await asyncio.open_unix_connection(path.path, limit=READ_BYTES)
    except OSError as error:
        raise MasterNotRunning(f"no master answers in {sock_dir} ({error.strerror})") from None
    finally:
        if path is not None:
            path.close()
    source = EventSource(reader, writer)
    kwargs: dict[str, Any] = {"tag": "", "numbered": True} | ({} if after is None else {"after": after})
    kwargs |= wanted.asked()
    try:
        await source.begin(
            {
                "command": "event.subscribe",
                "args": [],
                "kwargs": kwargs,
                "auth": {"token": token, "for": "any"},
                "origin": address,
            }
        )
    except BaseException:
        source.close()
        raise
    return source
