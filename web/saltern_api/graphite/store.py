"""The metric store at ``render_url``, asked over HTTP: what is sent along, and what its failures are to a client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx

from saltern.errors import ConfigError
from saltern_api.answers import Refused, one_line
from saltern_api.graphite.seen import Seen

HEADER = "X-Saltern-Series"
"""How many bytes of a body are its restriction; and in an answer, the digest of the one that was heeded."""
COPIED = (
    *("accept", "accept-encoding", "content-type", "if-none-match", "user-agent"),
    *("x-dashboard-uid", "x-dashboard-id", "x-panel-id", "x-grafana-org-id"),
)
"""What the store is told of a request besides; no token is among it."""
USUAL = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "saltern-api"}
"""What it is told where nothing is said; the client's library would say things of its own."""
CONNECTIONS = 64
CONNECT_S = 5.0
READ_S = 45.0
"""The store gives up after 30 s, and waits 10 s for its index."""
ANSWERS_S = 60.0
MAX_FAULT_BYTES = 4096
_OURS = (401, 403)
"""What is no client's fault: the store doesn't let us in."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a client asks of the store: *path* and *query* as they go over the wire."""

    method: str
    path: bytes
    query: bytes
    headers: dict[str, str]
    body: bytes


class MetricStore:
    """The store at *url*, ``http`` or ``https``, with ``user:password@`` if it asks for one. Raises ``ConfigError``."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, TypeError):
            parsed = httpx.URL("")
        if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment:
            raise ConfigError("render_url must be the URL of a host, as in http://127.0.0.1:8080")
        auth = httpx.BasicAuth(parsed.username, parsed.password) if parsed.userinfo else None
        self._url = parsed.copy_with(userinfo=b"")
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS // 2)
        timeout = httpx.Timeout(READ_S, connect=CONNECT_S)
        self._client = httpx.AsyncClient(
            auth=auth, limits=limits, timeout=timeout, trust_env=False, follow_redirects=False, transport=transport
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def ask(self, question: Question, seen: Seen | None) -> httpx.Response:
        """Return the answer to *question*, as far as *seen* allows it, its body to be read and closed.

        ``None``: what changes something, of who may. Raises ``Refused`` where the store fails.
        """
        headers, body = {**USUAL, **question.headers}, question.body
        restricted = seen is not None and seen.restriction is not None
        if seen is not None and seen.restriction is not None:
            headers[HEADER] = str(len(seen.restriction))
            body = seen.restriction + body
        path = self._url.raw_path.rstrip(b"/") + question.path
        url = self._url.copy_with(raw_path=path + (b"?" + question.query if question.query else b""))
        request = self._client.build_request(question.method, url, headers=headers, content=body or None)
        with told():
            async with asyncio.timeout(ANSWERS_S):
                answer = await self._client.send(request, stream=True)
        try:
            await _check(answer)
            if restricted and seen is not None and answer.headers.get(HEADER) != seen.digest:
                raise Refused(502, "the store at render_url can't restrict what is seen: only administrators see it")
        except BaseException:
            await answer.aclose()
            raise
        return answer


async def pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the body of *answer* as it came. Raises ``Refused`` where it breaks off."""
    with told():
        async for piece in answer.aiter_raw():
            yield piece


async def _check(answer: httpx.Response) -> None:
    """Raise ``Refused`` for an answer that no client is to have."""
    status = answer.status_code
    if status < 300 or status == 304 or (400 <= status < 500 and status not in _OURS):
        return
    fault = bytearray()
    async for piece in pieces(answer):
        fault += piece
        if len(fault) > MAX_FAULT_BYTES:
            break
    if status == 503 and not answer.headers.get("content-encoding"):  # it says why, such as that it took too long
        raise Refused(503, one_line(fault[:MAX_FAULT_BYTES].decode(errors="replace")) or "the store is busy")
    raise Refused(502, f"the store at render_url failed (status {status}): its log has more")


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Have a failure on the way to the store told as a client is to hear it."""
    try:
        yield
    except (httpx.TimeoutException, TimeoutError):
        raise Refused(504, "the store at render_url did not answer in time") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise Refused(502, f"the store at render_url can't be asked: {type(error).__name__}") from None
