"""Whose pages may change something: only those of this server's own origin, and of origins that were named.

A browser lets any page send a POST anywhere, with the reader's access to the network; that the page can't read the
answer is no help when the request has done its work. What is no browser says neither ``Origin`` nor
``Sec-Fetch-Site`` and is not concerned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from saltern.http.hosts import Refuse, split_host

_READING = ("GET", "HEAD", "OPTIONS")
_PORTS = {"http": "80", "https": "443"}
_MAX_CHARS = 100  # of an origin, in a complaint


class OwnPages:
    """*app* for requests that change nothing, that come from no page, or from one of an origin that is trusted.

    Others get 403 and are counted.
    """

    def __init__(
        self,
        app: ASGIApp,
        trusted: Collection[str],
        count: Callable[[str], None],
        refuse: Refuse,
        *,
        more_origins: str,
        kinds: Sequence[str],
        read_by_post: Collection[str] = (),
    ) -> None:
        """*trusted* are origins besides our own, *more_origins* says in messages how an operator names them.

        *kinds*: the media types of bodies that a page may send; any other is 415. *read_by_post*: paths where a POST is
        but a long GET. Whatever else is no GET changes something.
        """
        self._app = app
        self._trusted = frozenset(trusted)
        self._count = count
        self._refuse = refuse
        self._more_origins = more_origins
        self._kinds = tuple(kinds)
        self._read_by_post = frozenset(read_by_post)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not self._changes(scope):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origins, site = headers.getlist("origin"), headers.get("sec-fetch-site")
        if not self._trusts(origins, site, headers.get("host", "")):
            self._count("requestsForeign")
            shown = ascii((origins or [site or ""])[0][:_MAX_CHARS])
            answer = self._refuse(
                403, f"pages of {shown} may change nothing here: send it from no page, or {self._more_origins}"
            )
        elif (origins or site) and (kind := body_kind(headers)) not in self._kinds:
            answer = self._refuse(415, f"a page may send {' or '.join(self._kinds)}, not {kind[:_MAX_CHARS]!a}")
        else:
            await self._app(scope, receive, send)
            return
        await answer(scope, receive, send)

    def _trusts(self, origins: list[str], site: str | None, host: str) -> bool:
        if origins:
            return len(origins) == 1 and (origins[0] in self._trusted or is_own_origin(origins[0], host))
        return site in (None, "same-origin", "none")

    def _changes(self, scope: Scope) -> bool:
        path: str = scope["path"]
        read = path.removesuffix("/") in self._read_by_post and scope["method"] == "POST"
        return scope["method"] not in _READING and not read


def body_kind(headers: Headers) -> str:
    """Return the media type of a request's body, in small letters and without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_own_origin(origin: str, host: str) -> bool:
    """Whether *origin* is where *host*, a ``Host`` header, leads; before the port there may be a proxy with TLS."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    usual = _PORTS.get(parts.scheme)
    (theirs, their_port), (ours, our_port) = split_host(parts.netloc), split_host(host)
    same = (theirs.lower(), their_port or usual) == (ours.lower(), our_port or usual)
    return usual is not None and bool(ours) and same and origin == f"{parts.scheme}://{parts.netloc}"
