"""``/events``, the master's events as server-sent ones, and ``/ws``, the same on a WebSocket.

::

    retry: 400

    id: 17
    tag: salt/job/20261130101500000000/ret/web1
    data: {"tag": "salt/job/20261130101500000000/ret/web1", "data": {"id": "web1", …}}

``tag``, which may be repeated, is a glob of the tags that are asked for; with ``brief=1`` returns come without what was
returned. A comment line every 15 s keeps proxies from closing what is silent. Who comes back says in ``Last-Event-ID``
what he saw last, and gets what came since.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from saltern.errors import NotAuthorised, SalternError
from saltern.http.hosts import Hosts
from saltern.http.origins import is_own_origin
from saltern_api.addresses import address_of
from saltern_api.answers import Refused, error_answer
from saltern_api.context import Context
from saltern_api.event_feed import EventFeed
from saltern_api.event_filter import EventFilter
from saltern_api.event_listener import Batch
from saltern_api.tokens import IN_URL, session_token

RETRY = b"retry: 400\n\n"
COMMENT = b":\n\n"
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}
READY = "websocket client ready"
RECEIVED = "server received message"
READY_WITHIN_S = 30.0
READ_WITHIN_S = 60.0
_MAX_NUMBER = 2**63 - 1


class Events:
    """The endpoints."""

    def __init__(self, context: Context, feed: EventFeed, hosts: Hosts) -> None:
        self._context = context
        self._feed = feed
        self._hosts = hosts

    async def stream(self, request: Request) -> ASGIApp:
        """GET ``/events``."""
        wanted = EventFilter.of(request.query_params)
        token, after = session_token(request), _after(request)
        async with contextlib.AsyncExitStack() as stack:
            batches = await stack.enter_async_context(self._feed.listen(token, address_of(request), after, wanted))
            if request.method == "HEAD":
                return Response(headers=HEADERS)
            return EventStream(batches, stack.pop_all())

    async def no_socket(self, request: Request) -> ASGIApp:
        """GET ``/ws`` without an upgrade."""
        if "token" in request.path_params:
            raise NotAuthorised(IN_URL)
        raise Refused(426, "/ws is a WebSocket: ask for an upgrade", {"Upgrade": "websocket", "Connection": "Upgrade"})

    async def socket(self, websocket: WebSocket) -> None:
        """A WebSocket at ``/ws``: events behind the text ``websocket client ready``."""
        try:
            token = self._admitted(websocket)
            async with self._feed.listen(token, address_of(websocket)) as batches:
                await websocket.accept()
                await _converse(websocket, batches)
        except (SalternError, Refused) as error:
            refusal = error_answer(error, "WebSocket /ws")
            if "websocket.http.response" in websocket.scope.get("extensions", {}):
                await websocket.send_denial_response(refusal.response("application/json"))
            else:
                await websocket.close()
        except (WebSocketDisconnect, TimeoutError):
            pass

    def _admitted(self, websocket: WebSocket) -> str:
        """Return the token of who may listen. Raises ``Refused``, ``NotAuthorised``.

        A browser opens WebSockets for any page and sends the cookie along, and asks no one before.
        """
        if "token" in websocket.path_params or websocket.scope["query_string"]:
            raise NotAuthorised(IN_URL)
        host = websocket.headers.get("host", "")
        if len(websocket.headers.getlist("host")) != 1 or not self._hosts.admit(host):
            self._context.counters.add("requestsMisdirected")
            raise Refused(421, "this server does not answer under that name")
        for origin in websocket.headers.getlist("origin"):
            if origin not in self._context.settings.cors_origin and not is_own_origin(origin, host):
                self._context.counters.add("requestsForeign")
                raise Refused(403, "pages of other origins may not listen here")
        return session_token(websocket)


class EventStream:
    """Events as they come, until the client leaves or the token ends."""

    def __init__(self, batches: AsyncIterator[Batch], held: contextlib.AsyncExitStack) -> None:
        self._batches = batches
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.wait((sending, leaving))
            await self._held.aclose()
        if not sending.cancelled() and (error := sending.exception()) and not isinstance(error, TimeoutError):
            raise error

    async def _send(self, send: Send) -> None:
        headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": RETRY, "more_body": True})
        async for batch in self._batches:
            async with asyncio.timeout(READ_WITHIN_S):
                await send({"type": "http.response.body", "body": batch.sse or COMMENT, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _converse(websocket: WebSocket, batches: AsyncIterator[Batch]) -> None:
    """Answer what the client says and, once it is ready, send it events."""
    async with asyncio.timeout(READY_WITHIN_S):
        while await websocket.receive_text() != READY:
            await websocket.send_text(RECEIVED)
    await websocket.send_text(RECEIVED)
    telling = asyncio.create_task(_tell(websocket, batches))
    hearing = asyncio.create_task(_hear(websocket))
    try:
        await asyncio.wait((telling, hearing), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (telling, hearing):
            task.cancel()
        await asyncio.gather(telling, hearing, return_exceptions=True)
    if telling.done() and not telling.cancelled() and telling.exception() is None:
        await websocket.close()


async def _tell(websocket: WebSocket, batches: AsyncIterator[Batch]) -> None:
    async for batch in batches:
        for event in batch.events:
            async with asyncio.timeout(READ_WITHIN_S):
                await websocket.send_text(f"data: {event.json.decode()}\n\n")


async def _hear(websocket: WebSocket) -> None:
    while True:
        await websocket.receive_text()
        await websocket.send_text(RECEIVED)


def _after(request: HTTPConnection) -> int | None:
    """Return the number of the last event that the client saw. Raises ``Refused`` for what is none."""
    said = request.headers.get("last-event-id", "").strip()
    if not said:
        return None
    if not (said.isascii() and said.isdigit() and len(said) < 20 and int(said) <= _MAX_NUMBER):
        raise Refused(400, "Last-Event-ID must be the id of an event")
    return int(said)
