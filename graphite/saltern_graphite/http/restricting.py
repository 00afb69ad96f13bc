"""Requests that see a part of the store: ``X-Saltern-Series`` says that there is a restriction, and how long it is.

::

    POST /render HTTP/1.1
    X-Saltern-Series: 46                                  so many bytes of the body come first
    Content-Type: application/x-www-form-urlencoded

    {"series":["saltern.web01"],"minions":["web01"]}target=saltern.*.load.1

``series`` are places of series (:mod:`.restricted.prefixes`). ``minions``: of events, those about these alone: with a
tag ``minion:web01``, and with no such tag of another.

The HTTP API for commands sends it for those who may not see everything. It is taken from anyone: it shows less, never
more. An answer says in the same header, by its SHA-256, which was heeded. What can't be understood shows nothing (400),
and so does a path that knows of no restrictions (403).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio.to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from saltern.errors import GraphiteError
from saltern.http.bodies import BODY_WITHIN_S
from saltern.http.logged import tell
from saltern_graphite.http.answers import error_answer
from saltern_graphite.http.restricted.prefixes import MAX_PLACES, Prefixes

HEADER = "x-saltern-series"
POSTS = frozenset(
    {
        "/render",
        "/metrics/find",
        "/metrics/expand",
        "/metrics/index.json",
        "/tags/findSeries",
        "/tags/autoComplete/tags",
        "/tags/autoComplete/values",
        "/events/get_data",
    }
)
"""What may be asked by POST. Whatever isn't here or below knows of no restrictions."""
GETS = frozenset({*POSTS, "/tags", "/events", "/functions", "/version"})
BELOW = ("/tags/", "/events/", "/functions/")
MAX_BYTES = 4 << 20
_PARTS = {"series", "minions"}
_MEANT = 'a restriction is JSON: {"series": ["saltern.web01"], "minions": ["web01"]}'
MOST_KEPT = 64
MOST_KEPT_BYTES = 32 << 20
_KEY = "saltern.restriction"
_MAX_DIGITS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Restriction:
    """A part of the store; ``digest`` is another one for another part."""

    prefixes: Prefixes
    minions: Sequence[str]
    digest: str


def digest_of(text: bytes) -> str:
    """Return what stands for the restriction that *text* says."""
    return hashlib.sha256(text).hexdigest()


def read_restriction(text: bytes) -> Restriction:
    """Return the restriction that *text* says. Raises ``GraphiteError``: then nothing may be seen."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise GraphiteError(_MEANT) from None
    if not isinstance(said, dict) or set(said) != _PARTS:
        raise GraphiteError(_MEANT)
    for part in said.values():
        if not isinstance(part, list) or len(part) > MAX_PLACES or not all(isinstance(one, str) for one in part):
            raise GraphiteError(f"{_MEANT}, each with at most {MAX_PLACES} texts")
    return Restriction(Prefixes(said["series"]), tuple(said["minions"]), digest_of(text))


def restriction_of(request: Request) -> Restriction | None:
    """Return to what *request* is restricted; ``None``: it sees everything."""
    found: Restriction | None = request.scope.get(_KEY)
    return found


class Restricting:
    """*app*, told of each request's restriction, which comes before its body."""

    def __init__(self, app: ASGIApp, count: Callable[[str], None]) -> None:
        self._app = app
        self._count = count
        self._kept: OrderedDict[str, tuple[Restriction, int]] = OrderedDict()
        self._kept_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        lengths = Headers(scope=scope).getlist(HEADER) if scope["type"] == "http" else []
        if not lengths:
            await self._app(scope, receive, send)
            return
        if not _knows(scope):
            answer = error_answer(403, f"a restricted request may not ask {scope['method'][:20]} {scope['path'][:200]}")
            await answer(scope, receive, send)
            return
        body = _Body(receive)
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                text = await body.first(_length(lengths))
            scope[_KEY] = restriction = await self._read(text)
        except (GraphiteError, TimeoutError) as error:
            self._count("requestsRestrictedWrongly")
            why = str(error) or f"the restriction did not come within {BODY_WITHIN_S:g} s"
            await error_answer(400, f"X-Saltern-Series: {why}")(scope, receive, send)
            return
        tell(scope, restricted=restriction.digest[:12])

        async def confirming(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = restriction.digest
            await send(message)

        await self._app(scope, body.receive, confirming)

    async def _read(self, text: bytes) -> Restriction:
        """Return the restriction that *text* says: the same for the same, as far as it is remembered."""
        digest = digest_of(text)
        if digest in self._kept:
            self._kept.move_to_end(digest)
            return self._kept[digest][0]
        restriction = await anyio.to_thread.run_sync(read_restriction, text)
        if digest not in self._kept:
            self._kept[digest] = restriction, len(text)
            self._kept_bytes += len(text)
        while len(self._kept) > MOST_KEPT or self._kept_bytes > MOST_KEPT_BYTES:
            _, (_, size) = self._kept.popitem(last=False)
            self._kept_bytes -= size
        return restriction


def _knows(scope: Scope) -> bool:
    """Whether what is asked looks at restrictions."""
    path: str = scope["path"].removesuffix("/")
    if scope["method"] == "POST":
        return path in POSTS
    return scope["method"] in ("GET", "HEAD") and (path in GETS or path.startswith(BELOW))


def _length(lengths: list[str]) -> int:
    """Return how many bytes the restriction has. Raises ``GraphiteError``."""
    length = lengths[0]
    if len(lengths) > 1 or not (length.isascii() and length.isdigit()) or len(length) > _MAX_DIGITS:
        raise GraphiteError("say once how many bytes of the body are the restriction")
    if int(length) > MAX_BYTES:
        raise GraphiteError(f"a restriction may have {MAX_BYTES} bytes, not {int(length)}")
    return int(length)


class _Body:
    """A request's body, of which the beginning is taken off."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._rest: Message | None = None

    async def first(self, count: int) -> bytes:
        """Return the first *count* bytes. Raises ``GraphiteError`` when there are fewer."""
        body = bytearray()
        more = True
        while more and len(body) < count:
            message = await self._receive()
            if message["type"] != "http.request":
                break
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if len(body) < count:
            raise GraphiteError(f"the body has {len(body)} bytes, and {count} are the restriction")
        if count:
            self._rest = {"type": "http.request", "body": bytes(body[count:]), "more_body": more}
        return bytes(body[:count])

    async def receive(self) -> Message:
        """Receive what follows."""
        rest, self._rest = self._rest, None
        return rest if rest is not None else await self._receive()
