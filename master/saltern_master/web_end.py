"""The far end of HTTP requests: a URL of the configuration, and POSTs to it.

Every request is a POST on a connection of its own, done by asyncio streams so that a stop of the master never waits
for an end that hangs; the answer's bytes are read by ``http.client``, which knows HTTP.

::

    SalternError
    └── ChannelError
        ├── NoAnswer         nobody answered, or not with HTTP
        └── AnswerTooLarge   an answer over the limit
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import io
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from saltern.errors import ChannelError, ConfigError

READ_BYTES = 64 * 1024
MAX_ERROR_CHARS = 300
_NONE: Mapping[str, str] = MappingProxyType({})


class NoAnswer(ChannelError):
    """The far end can't be reached, or says that it can't answer now."""


class AnswerTooLarge(ChannelError):
    """The answer is over the limit of bytes."""


class Answer(NamedTuple):
    """A whole answer: its status, the status in words, its body."""

    status: int
    reason: str
    body: bytes


class WebEnd:
    """What is at *url* with *below* behind it, ``http`` or ``https``, with ``user:password@`` or a *token* if it asks.

    *option* is what the URL is called in the configuration, *example* one that would do. ``str()`` is the URL without
    its credentials.
    """

    def __init__(
        self,
        option: str,
        url: str,
        example: str,
        *,
        below: str = "",
        token: str = "",
        timeout_s: float,
        max_answer_bytes: int,
    ) -> None:
        """Raises ``ConfigError`` when *url* is no URL of a host."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConfigError(f"{option}: {_shown(url)}: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or not re.fullmatch(r"[!-~]+", url):
            raise ConfigError(f"{option}: must be like {example!r}, not {_shown(url)}")
        self._host = parts.hostname
        self._tls = parts.scheme == "https"
        self._port = port or (443 if self._tls else 80)
        self._path = f"{parts.path.rstrip('/')}{below}" if below else parts.path or "/"
        self._query = f"?{parts.query}" if parts.query and not below else ""
        login, _, self._host_header = parts.netloc.rpartition("@")
        credentials = base64.b64encode(unquote(login).encode()).decode("ascii")
        self._authorization = f"Authorization: Basic {credentials}\r\n" if login else ""
        if token:
            self._authorization = f"Authorization: Bearer {token}\r\n"
        self.url = f"{parts.scheme}://{self._host_header}{self._path}"
        self.has_login = bool(login)
        self._timeout_s = timeout_s
        self._max_answer_bytes = max_answer_bytes

    def __str__(self) -> str:
        return self.url

    async def post(self, content_type: str, body: bytes, headers: Mapping[str, str] = _NONE) -> bytes:
        """Return the bytes of the whole answer, for :func:`read_answer`. Raises ``NoAnswer``, ``AnswerTooLarge``.

        *headers*: more of them, ASCII, each in one line.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._ask(content_type, body, headers)
        except TimeoutError:
            raise NoAnswer(f"no answer within {self._timeout_s:g} s") from None
        except OSError as error:
            raise NoAnswer(f"no answer: {error.strerror or error}") from None
        except UnicodeError:
            raise NoAnswer(f"no answer: {self._host:.100} can't be the name of a host") from None

    async def _ask(self, content_type: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls or None)
        try:
            more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            head = (
                f"POST {self._path}{self._query} HTTP/1.1\r\nHost: {self._host_header}\r\nConnection: close\r\n"
                f"{self._authorization}Accept: application/json\r\nContent-Type: {content_type}\r\n"
                f"Content-Length: {len(body)}\r\n{more}\r\n"
            )
            writer.write(head.encode("ascii") + body)
            answer = bytearray()
            while chunk := await reader.read(READ_BYTES):
                answer += chunk
                if len(answer) > self._max_answer_bytes:
                    raise AnswerTooLarge(f"the answer is over {self._max_answer_bytes:,} bytes")
            return bytes(answer)
        finally:
            writer.transport.abort()  # nothing is left to send; an orderly close could wait for a dead peer
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def read_answer(answer: bytes) -> Answer:
    """Return what the bytes of a whole HTTP answer say. Raises ``NoAnswer`` when they are none."""
    response = http.client.HTTPResponse(_Received(answer))  # type: ignore[arg-type]  # it only calls makefile()
    try:
        response.begin()
        return Answer(response.status, one_line(response.reason), response.read())
    except http.client.IncompleteRead:
        raise NoAnswer("the answer was cut short") from None
    except (http.client.HTTPException, ValueError) as error:
        raise NoAnswer(f"the answer isn't HTTP: {one_line(f'{type(error).__name__}: {error}')}") from None


def plain_text(body: bytes) -> str:
    """Return an error page as one line without tags."""
    text = re.sub(r"<(style|script|head)\b.*?</\1>|<[^>]*>", " ", body[:65536].decode("utf-8", "replace"), flags=re.S)
    return one_line(text)


def one_line(text: str) -> str:
    """Return *text* as one line that isn't long."""
    return " ".join(text.split())[:MAX_ERROR_CHARS]


def _shown(url: str) -> str:
    return f"{re.sub('//[^/]*@', '//***@', url)!r:.200}"


class _Received:
    """What ``http.client`` takes for a socket: bytes that are all here already."""

    def __init__(self, received: bytes) -> None:
        self._received = received

    def makefile(self, *_: Any) -> io.BytesIO:
        return io.BytesIO(self._received)
