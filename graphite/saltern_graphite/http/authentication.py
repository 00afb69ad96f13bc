"""Nothing is answered to whoever can't say who he is."""

from __future__ import annotations

from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from saltern.http.logged import tell
from saltern_graphite.http.answers import error_answer
from saltern_graphite.http.credentials import Credentials

OPEN_PATHS = ("/health", "/metrics")
"""What may be left open: nothing in it names a metric of anyone's."""


class Authenticated:
    """*app* for those who have *credentials*, but *open_paths* for everyone; others get 401 and are counted."""

    def __init__(
        self, app: ASGIApp, credentials: Credentials, open_paths: Collection[str], count: Callable[[str], None]
    ) -> None:
        self._app = app
        self._credentials = credentials
        self._open_paths = frozenset(open_paths)
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or self._is_open(scope):
            await self._app(scope, receive, send)
            return
        user = await self._credentials.who(Headers(scope=scope).get("authorization", ""))
        if user is not None:
            tell(scope, user=user)
            await self._app(scope, receive, send)
            return
        self._count("requestsUnauthorized")
        answer = error_answer(401, "who are you? send a user and password, or a bearer token, that this server knows")
        for challenge in self._credentials.known.challenges:
            answer.headers.append("WWW-Authenticate", challenge)
        await answer(scope, receive, send)

    def _is_open(self, scope: Scope) -> bool:
        """``/metrics`` with a query finds metrics, as in Graphite: that is never open."""
        asked: str = scope["path"]
        path = asked.rstrip("/")
        return path in self._open_paths and scope["method"] in ("GET", "HEAD") and not scope["query_string"]
