"""A source that asks a Graphite render API: ours, graphite-web, carbonapi or VictoriaMetrics.

Every request is a POST on a connection of its own, done by asyncio streams so that a stop of the master never waits
for an API that hangs; the answer's bytes are read by ``http.client``, which knows HTTP.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import io
import json
import re
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from saltern.errors import ConfigError
from saltern_master.alerts.source import NoAnswer, RenderRefused, Series

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
READ_BYTES = 64 * 1024
PARSE_ASIDE_BYTES = 256 * 1024  # bigger answers are parsed in a thread, away from the event loop
MAX_ERROR_CHARS = 300
ASKED_FOR = {"format": "json", "noNullPoints": "true", "noCache": "true"}
BUSY_STATUSES = (429, 502, 503, 504)  # a proxy's or a starting server's: no word about the target


class HttpSource:
    """The API whose ``/render`` is below *render_url*, ``http`` or ``https``, with ``user:password@`` if it asks."""

    def __init__(
        self, render_url: str, *, timeout_s: float = TIMEOUT_S, max_answer_bytes: int = MAX_ANSWER_BYTES
    ) -> None:
        """Raises ``ConfigError`` when *render_url* is no URL of a host."""
        try:
            parts = urlsplit(render_url)
            port = parts.port
        except ValueError as error:
            raise ConfigError(f"render_url: {render_url!r:.200}: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or not re.fullmatch(r"[!-~]+", render_url):
            raise ConfigError(f"render_url: must be like 'http://127.0.0.1:8080', not {render_url!r:.200}")
        self._host = parts.hostname
        self._tls = parts.scheme == "https"
        self._port = port or (443 if self._tls else 80)
        self._path = f"{parts.path.rstrip('/')}/render"
        login, _, self._host_header = parts.netloc.rpartition("@")
        credentials = base64.b64encode(unquote(login).encode()).decode("ascii")
        self._authorization = f"Authorization: Basic {credentials}\r\n" if login else ""
        self.url = f"{parts.scheme}://{self._host_header}{self._path}"
        self._timeout_s = timeout_s
        self._max_answer_bytes = max_answer_bytes

    def __str__(self) -> str:
        return self.url

    async def render(self, target: str, from_: int, until: int) -> list[Series]:
        """Return the series of *target*; see ``RenderSource``."""
        fields = {"target": target, "from": from_, "until": until, **ASKED_FOR}
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._ask(urlencode(fields, errors="surrogateescape").encode("ascii"))
        except TimeoutError:
            raise NoAnswer(f"no answer within {self._timeout_s:g} s") from None
        except OSError as error:
            raise NoAnswer(f"no answer: {error.strerror or error}") from None
        if len(answer) > PARSE_ASIDE_BYTES:
            return await asyncio.to_thread(parse_answer, answer)
        return parse_answer(answer)

    async def _ask(self, form: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls or None)
        try:
            head = (
                f"POST {self._path} HTTP/1.1\r\nHost: {self._host_header}\r\nConnection: close\r\n"
                f"{self._authorization}Accept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                f"Content-Length: {len(form)}\r\n\r\n"
            )
            writer.write(head.encode("ascii") + form)
            answer = bytearray()
            while chunk := await reader.read(READ_BYTES):
                answer += chunk
                if len(answer) > self._max_answer_bytes:
                    raise RenderRefused(f"the answer is over {self._max_answer_bytes:,} bytes: narrow the target")
            return bytes(answer)
        finally:
            writer.transport.abort()  # nothing is left to send; an orderly close could wait for a dead peer
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def parse_answer(answer: bytes) -> list[Series]:
    """Return the series of a whole HTTP answer. Raises ``NoAnswer`` and ``RenderRefused``."""
    response = http.client.HTTPResponse(_Received(answer))  # type: ignore[arg-type]  # it only calls makefile()
    try:
        response.begin()
        body = response.read()
    except http.client.IncompleteRead:
        raise NoAnswer("the answer was cut short") from None
    except (http.client.HTTPException, ValueError) as error:
        raise NoAnswer(f"the answer isn't HTTP: {_one_line(f'{type(error).__name__}: {error}')}") from None
    if response.status in BUSY_STATUSES:
        raise NoAnswer(f"answered {response.status} {_one_line(response.reason)}: {_plain_text(body)}")
    if response.status != http.client.OK:
        raise RenderRefused(f"{response.status}: {_plain_text(body) or _one_line(response.reason)}")
    try:
        return [_series(item) for item in _items(json.loads(body))]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise RenderRefused(f"the answer isn't a list of series: {_plain_text(body[:4096])}") from None


class _Received:
    """What ``http.client`` takes for a socket: bytes that are all here already."""

    def __init__(self, received: bytes) -> None:
        self._received = received

    def makefile(self, *_: Any) -> io.BytesIO:
        return io.BytesIO(self._received)


def _items(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise TypeError("not a list")
    return answer


def _series(item: Any) -> Series:
    points = [(float(at), None if value is None else float(value)) for value, at in item["datapoints"]]
    return Series(str(item["target"]), points)


def _plain_text(body: bytes) -> str:
    """Return an error page as one line without tags."""
    text = re.sub(r"<(style|script|head)\b.*?</\1>|<[^>]*>", " ", body[:65536].decode("utf-8", "replace"), flags=re.S)
    return _one_line(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:MAX_ERROR_CHARS]
