"""The far end of HTTP requests: a URL of the configuration, and POSTs to it by httpx.

httpx is loaded by the first request, not by a master that makes none, and in a thread, as are the system's
authorities: each takes longer than the master's loop may stand. Every request has a client and a connection of its
own: no cookie of an answer is kept, and an end may be asked from any event loop.

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
import logging
import re
import ssl
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from saltern.errors import ChannelError, ConfigError

if TYPE_CHECKING:
    import httpx

MAX_ERROR_CHARS = 300
QUIET = ("httpx", "httpcore")
"""Logs that tell each request with its URL, which may be a secret, and the headers of its answer."""
_NONE: Mapping[str, str] = MappingProxyType({})

if find_spec("httpx") is None:  # said when the program starts, not when the first alert is to be told
    raise ModuleNotFoundError("No module named 'httpx'", name="httpx")


class NoAnswer(ChannelError):
    """The far end can't be reached, or says that it can't answer now."""


class AnswerTooLarge(ChannelError):
    """The answer is over the limit of bytes."""


class Answer(NamedTuple):
    """A whole answer: its status, the status in words, its body as it came, its headers in any case."""

    status: int
    reason: str
    body: bytes
    headers: Mapping[str, str] = _NONE


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
            _ = parts.port
        except ValueError as error:
            raise ConfigError(f"{option}: {_shown(url)}: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or not re.fullmatch(r"[!-~]+", url):
            raise ConfigError(f"{option}: must be like {example!r}, not {_shown(url)}")
        self._host = parts.hostname
        login, _, place = parts.netloc.rpartition("@")
        path = f"{parts.path.rstrip('/')}{below}" if below else parts.path or "/"
        self.url = f"{parts.scheme}://{place}{path}"
        self.has_login = bool(login)
        self._whole_url = f"{self.url}?{parts.query}" if parts.query and not below else self.url
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
            "User-Agent": "saltern",
        }
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        elif login:
            self._headers["Authorization"] = f"Basic {base64.b64encode(unquote(login).encode()).decode('ascii')}"
        self._tls: ssl.SSLContext | None = None
        self._timeout_s = timeout_s
        self._max_answer_bytes = max_answer_bytes

    def __str__(self) -> str:
        return self.url

    async def post(self, content_type: str, body: bytes, headers: Mapping[str, str] = _NONE) -> Answer:
        """Return the whole answer; a redirection is one. Raises ``NoAnswer``, ``AnswerTooLarge``.

        *headers*: more of them, ASCII, each in one line; they replace what is said by itself.
        """
        if self._tls is None:
            self._tls = await asyncio.to_thread(self._load)
        with self._told():
            async with asyncio.timeout(self._timeout_s):
                return await self._ask(self._tls, {"Content-Type": content_type, **headers}, body)

    def _load(self) -> ssl.SSLContext:
        import anyio
        import httpcore  # noqa: F401  # which httpx loads with its first client
        import httpx  # noqa: F401

        asyncio.run(anyio.sleep(0))  # has it load what it has for asyncio
        for name in QUIET:
            logging.getLogger(name).setLevel(logging.WARNING)
        # httpx makes one for http too, of authorities that it brings; one without any trusts nobody
        https = self.url.startswith("https:")
        return ssl.create_default_context() if https else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    async def _ask(self, tls: ssl.SSLContext, headers: Mapping[str, str], content: bytes) -> Answer:
        import httpx

        sent = httpx.Headers(self._headers)
        sent.update(headers)
        connected: list[Any] = []

        async def note(event: str, told: Mapping[str, Any]) -> None:
            if event == "connection.connect_tcp.complete":
                connected.append(told["return_value"])

        client = httpx.AsyncClient(
            verify=tls,
            trust_env=False,
            follow_redirects=False,
            timeout=None,  # noqa: S113  # the whole has one
        )
        try:
            async with (
                client,
                client.stream(
                    "POST", self._whole_url, headers=sent, content=content, extensions={"trace": note}
                ) as answer,
            ):
                received = await self._body(answer)
                return Answer(answer.status_code, one_line(answer.reason_phrase), received, answer.headers)
        finally:
            for stream in connected:  # httpx leaves one open whose TLS didn't begin in time
                await stream.aclose()

    async def _body(self, answer: httpx.Response) -> bytes:
        import httpx

        received = bytearray()
        try:
            async for piece in answer.aiter_raw():
                received += piece
                if len(received) > self._max_answer_bytes:
                    raise AnswerTooLarge(f"the answer is over {self._max_answer_bytes:,} bytes")
                await asyncio.sleep(0)  # of small pieces thousands come at once
        except httpx.RemoteProtocolError:
            raise NoAnswer("the answer was cut short") from None
        return bytes(received)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Raise ``NoAnswer`` for what httpx raises, in words that hold nothing of a URL or an answer."""
        import httpx

        try:
            yield
        except TimeoutError:
            raise NoAnswer(f"no answer within {self._timeout_s:g} s") from None
        except httpx.RemoteProtocolError as error:  # behind the colon is what came
            raise NoAnswer(f"the answer isn't HTTP: {one_line(str(error).partition(':')[0])}") from None
        except (httpx.InvalidURL, UnicodeError):
            raise NoAnswer(f"no answer: {self._host:.100} can't be the name of a host") from None
        except (httpx.HTTPError, OSError) as error:
            raise NoAnswer(f"no answer: {one_line(_cause(error))}") from None


def plain_text(body: bytes) -> str:
    """Return an error page as one line without tags."""
    text = re.sub(r"<(style|script|head)\b.*?</\1>|<[^>]*>", " ", body[:65536].decode("utf-8", "replace"), flags=re.S)
    return one_line(text)


def one_line(text: str) -> str:
    """Return *text* as one line that isn't long."""
    return " ".join(text.split())[:MAX_ERROR_CHARS]


def _shown(url: str) -> str:
    return f"{re.sub('//[^/]*@', '//***@', url)!r:.200}"


def _cause(error: BaseException) -> str:
    """Return what the system said, which libraries keep below words of their own: as the cause, or all they say."""
    below = error.__cause__ or next(iter(error.args), None)
    if isinstance(below, BaseException):
        return _cause(below)
    if isinstance(error, BaseExceptionGroup):  # one for each address of a name
        return "; ".join(_cause(one) for one in error.exceptions)
    return getattr(error, "strerror", None) or str(error) or "the connection was closed"
