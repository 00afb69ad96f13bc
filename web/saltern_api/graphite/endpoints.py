"""Graphite's endpoints: who asks, what he sees, and the store's answer."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator, Mapping

import httpx
from starlette.requests import Request
from starlette.types import ASGIApp

from saltern_api.answers import ClientGone, Endpoint, Refused, no_session
from saltern_api.context import Context
from saltern_api.graphite.passed import Passed
from saltern_api.graphite.paths import EVENTS, PATHS, path_of
from saltern_api.graphite.seen import Seen, SeenBook
from saltern_api.graphite.store import CONNECTIONS, COPIED, MetricStore, Question
from saltern_api.places import Places
from saltern_api.tokens import session_token, token_of

SHARE = CONNECTIONS // 4
"""Of one caller's questions, how many the store is asked at once; more wait their turn."""
_FOREIGN = ("cross-site", "same-site")


class Graphite:
    """The endpoints; each answer is *store*'s."""

    def __init__(self, context: Context, store: MetricStore) -> None:
        self._context = context
        self._store = store
        self._seen = SeenBook(context.workers)
        self._places = Places(CONNECTIONS, SHARE)

    def table(self) -> Iterator[tuple[str, Mapping[str, Endpoint]]]:
        """Yield each path with what answers which method there, but for that of events."""
        for path, methods in PATHS.items():
            yield path, dict.fromkeys(methods, functools.partial(self.read, path))

    async def read(self, route: str, request: Request) -> ASGIApp:
        """Ask for what the caller sees."""
        seen, body = await self._asked(request)
        return await self._passed(request, path_of(route, request), body, seen, seen.principal)

    async def post_event(self, request: Request) -> ASGIApp:
        """POST ``/events``: keep an event, for who may put events on the bus."""
        seen, body = await self._asked(request)
        if not seen.fires:
            raise no_session()
        return await self._passed(request, EVENTS.encode(), body, None, seen.principal)

    async def _asked(self, request: Request) -> tuple[Seen, bytes]:
        """Return what the caller sees, and his request's body."""
        token = session_token(request)
        if token_of(request).by_cookie and request.headers.get("sec-fetch-site") in _FOREIGN:
            raise Refused(403, "a page of another site sees nothing here by the cookie")  # as a script, by jsonp
        body = await self._context.body(request)
        return await self._seen.of(request, token), body

    async def _passed(self, request: Request, path: bytes, body: bytes, seen: Seen | None, principal: str) -> ASGIApp:
        question = Question(
            "POST" if request.method == "POST" else "GET",
            path,
            request.scope["query_string"],
            {name: ", ".join(values) for name in COPIED if (values := request.headers.getlist(name))},
            body,
        )
        await self._places.take(principal)
        leave = functools.partial(self._places.leave, principal)
        try:
            return Passed(await _unless_gone(request, self._store, question, seen), leave)
        except BaseException:
            leave()
            raise


async def _unless_gone(request: Request, store: MetricStore, question: Question, seen: Seen | None) -> httpx.Response:
    """Return the answer of *store*. Raises ``ClientGone`` when the client goes before, and what the store does."""
    asking = asyncio.ensure_future(store.ask(question, seen))
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((asking, gone), return_when=asyncio.FIRST_COMPLETED)
        if asking.done():
            return asking.result()
        asking.cancel()
        (late,) = await asyncio.gather(asking, return_exceptions=True)
        if isinstance(late, httpx.Response):
            await late.aclose()
        raise ClientGone
    finally:
        for task in (asking, gone):
            task.cancel()
        await asyncio.gather(asking, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
