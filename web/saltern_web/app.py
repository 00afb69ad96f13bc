"""The ASGI application: what comes before Django, and Django."""

from __future__ import annotations

from django.core.asgi import get_asgi_application
from django.urls import get_resolver
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from saltern.http.hosts import Hosts, KnownHost
from saltern.http.origins import OwnPages
from saltern.http.safe_answers import SafeAnswers
from saltern_web.bodies import BoundedBodies
from saltern_web.session.console import SCOPE, Console
from saltern_web.static_files import PREFIX, Kept, version

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
OF_PAGES = (
    (b"content-security-policy", POLICY.encode()),
    # Without any, a browser says "Origin: null" of the forms of our own pages.
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),  # what the policy says too, for whoever doesn't read it
)
KINDS = ("application/x-www-form-urlencoded", "multipart/form-data", "")
MORE_NAMES = "name it in hosts"
MORE_ORIGINS = "ask by the console's own pages"
MAX_BODY_BYTES = 4 * 1024 * 1024
"""Beyond what a form may have, so that one a little too large is told of by a page."""
GZIP_FROM_BYTES = 1024
GZIP_LEVEL = 4


def create_app(console: Console, hosts: Hosts) -> ASGIApp:
    """Return the application; Django is set up already."""
    count = console.counters.add
    get_resolver().check()  # loads the pages before any is asked for
    routes: list[BaseRoute] = [
        Mount(f"{PREFIX}{version()}", Kept()),
        Mount("/", WithConsole(get_asgi_application(), console)),
    ]
    middleware = [
        Middleware(SafeAnswers),
        Middleware(PagePolicy),
        Middleware(KnownHost, hosts=hosts, count=count, refuse=refuse, more_names=MORE_NAMES),
        Middleware(OwnPages, trusted=(), count=count, refuse=refuse, more_origins=MORE_ORIGINS, kinds=KINDS),
        Middleware(BoundedBodies, count=count, most=MAX_BODY_BYTES),
        Middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=GZIP_LEVEL),
    ]
    app = Starlette(routes=routes, middleware=middleware)
    app.router.redirect_slashes = False
    return app


def refuse(status: int, message: str) -> ASGIApp:
    """Return the answer to what came no further."""
    return PlainTextResponse(f"{message}\n", status)


class PagePolicy:
    """*app*, each answer with the policy that its pages live by: everything from here, no script or style within."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def sending(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                assert isinstance(headers, list)
                given = {name.lower() for name, _ in headers}
                headers += [(name, value) for name, value in OF_PAGES if name not in given]
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" else send)  # type: ignore[arg-type]


class WithConsole:
    """*app*, each request with the console in its scope."""

    def __init__(self, app: object, console: Console) -> None:
        self._app = app
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scheme = "https" if self._console.secure else scope["scheme"]
        scope = {**scope, SCOPE: self._console, "root_path": "", "scheme": scheme}
        await self._app(scope, receive, send)  # type: ignore[operator]
