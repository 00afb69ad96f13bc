"""Whose pages may change something: only those of this server's own origin, and of origins that were named.

A browser lets any page send a POST anywhere, with the reader's access to the network; that the page can't read the
answer is no help when the request has done its work. What is no browser says neither ``Origin`` nor
``Sec-Fetch-Site`` and is not concerned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from saltern_graphite.http.answers import error_answer
from saltern_graphite.http.hosts import split_host
from saltern_graphite.http.params import FORM_KINDS, JSON_KIND, body_kind

READ_BY_POST = frozenset(
    {
        "/render",
        "/metrics",
        "/metrics/find",
        "/metrics/expand",
        "/metrics/index.json",
        "/tags/findSeries",
        "/tags/autoComplete/tags",
        "/tags/autoComplete/values",
        "/events/get_data",
    }
)
"""Where a POST is but a long GET. Whatever else is no GET changes something."""

_READING = ("GET", "HEAD", "OPTIONS")
_PORTS = {"http": "80", "https": "443"}
_KINDS = (JSON_KIND, FORM_KINDS[0])
_MAX_CHARS = 100  # of an origin, in a complaint


class OwnPages:
    """*app* for requests that change nothing, that come from no page, or from one of an origin that is trusted.

    Others get 403 and are counted; *trusted* are origins besides our own. A page must send JSON, or a form: a body of
    any other kind is 415.
    """

    def __init__(self, app: ASGIApp, trusted: Collection[str], count: Callable[[str], None]) -> None:
        self._app = app
        self._trusted = frozenset(trusted)
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not _changes(scope):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origins, site = headers.getlist("origin"), headers.get("sec-fetch-site")
        if not self._trusts(origins, site, headers.get("host", "")):
            self._count("requestsForeign")
            shown = ascii((origins or [site or ""])[0][:_MAX_CHARS])
            answer = error_answer(
                403, f"pages of {shown} may change nothing here: send it from no page, or name theirs by --cors-origin"
            )
        elif (origins or site) and (kind := body_kind(headers)) not in _KINDS:
            answer = error_answer(415, f"a page may send {' or '.join(_KINDS)}, not {kind[:_MAX_CHARS]!a}")
        else:
            await self._app(scope, receive, send)
            return
        await answer(scope, receive, send)

    def _trusts(self, origins: list[str], site: str | None, host: str) -> bool:
        if origins:
            return len(origins) == 1 and (origins[0] in self._trusted or _is_own(origins[0], host))
        return site in (None, "same-origin", "none")


def _changes(scope: Scope) -> bool:
    path: str = scope["path"]
    return scope["method"] not in _READING and (path.removesuffix("/") not in READ_BY_POST or scope["method"] != "POST")


def _is_own(origin: str, host: str) -> bool:
    """Whether *origin* is where *host*, a ``Host`` header, leads; before the port there may be a proxy with TLS."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    usual = _PORTS.get(parts.scheme)
    (theirs, their_port), (ours, our_port) = split_host(parts.netloc), split_host(host)
    same = (theirs.lower(), their_port or usual) == (ours.lower(), our_port or usual)
    return usual is not None and bool(ours) and same and origin == f"{parts.scheme}://{parts.netloc}"
