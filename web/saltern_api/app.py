"""The HTTP application: which path is answered by what, and what comes before any of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from saltern.http.access_log import AccessLog
from saltern.http.hosts import Hosts, KnownHost
from saltern.http.logged import Logged
from saltern.http.origins import OwnPages
from saltern.http.safe_answers import SAFE_HEADERS, SafeAnswers
from saltern_api.addresses import FromWhere
from saltern_api.answers import FAULT, Endpoint, ErrorAnswer, guarded
from saltern_api.bodies import KINDS
from saltern_api.context import Context
from saltern_api.counted import Counted
from saltern_api.counters import Counters
from saltern_api.endpoints.about import About
from saltern_api.endpoints.commands import Commands
from saltern_api.endpoints.events import Events
from saltern_api.endpoints.hook import Hook
from saltern_api.endpoints.pages import Pages
from saltern_api.endpoints.sessions import Sessions
from saltern_api.event_feed import EventFeed
from saltern_api.graphite.endpoints import Graphite
from saltern_api.graphite.store import MetricStore
from saltern_api.settings import ApiSettings
from saltern_api.tokens import HEADER
from saltern_api.working import Workers

_PREFLIGHT_S = 600
_MAX_PATH_CHARS = 200  # in a complaint
MORE_NAMES = "name it in hosts, below rest_cherrypy"
MORE_ORIGINS = "name theirs in cors_origin, below rest_cherrypy"

Methods = Mapping[str, Endpoint]


def create_app(
    settings: ApiSettings,
    workers: Workers,
    feed: EventFeed,
    counters: Counters,
    store: MetricStore,
    *,
    hosts: Hosts | None = None,
    access_log: AccessLog | None = None,
) -> Starlette:
    """Return the application. It starts nothing and closes nothing of what it is given.

    Each request is told to *access_log*; *hosts* are those of *settings* by default.
    """
    hosts = hosts or Hosts((*settings.hosts, settings.host))
    context = Context.of(settings, workers, counters)
    count = counters.add
    events = Events(context, feed, hosts)
    routes: list[BaseRoute] = []
    graphite = Graphite(context, store)
    for path, methods in (*_table(context, events, graphite), *graphite.table()):
        routes += _routes(f"{settings.root_prefix}{path}" or "/", methods)
    sockets = f"{settings.root_prefix}/ws"
    routes += [WebSocketRoute(path, events.socket) for path in (sockets, f"{sockets}/", f"{sockets}/{{token}}")]
    middleware = [
        Middleware(SafeAnswers),
        Middleware(Counted, count=count),
        Middleware(
            FromWhere, proxies=settings.trusted_proxies, authorized=settings.authorized_ips, count=count,
            refuse=ErrorAnswer,
        ),
        *([Middleware(Logged, log=access_log, headers=_LOGGED, hidden=f"{sockets}/")] if access_log else []),
        Middleware(KnownHost, hosts=hosts, count=count, refuse=ErrorAnswer, more_names=MORE_NAMES),
        *([_cors(settings.cors_origin)] if settings.cors_origin else []),
        Middleware(
            OwnPages, trusted=settings.cors_origin, count=count, refuse=ErrorAnswer, more_origins=MORE_ORIGINS,
            kinds=(*KINDS, ""),
        ),
    ]  # fmt: skip
    handlers = {HTTPException: _http_error, Exception: _fault}
    app = Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return app


_LOGGED = (("agent", "user-agent"),)


def _table(context: Context, events: Events, graphite: Graphite) -> Iterator[tuple[str, Methods]]:
    """Yield each path with what answers which method there."""
    settings = context.settings
    commands, sessions, hook = Commands(context), Sessions(context), Hook(context)
    about, pages = About(context), Pages(context)
    yield "", {"GET": pages.or_page(commands.welcome), "POST": commands.lowstate}
    yield "/run", {"POST": commands.run}
    yield "/token", {"POST": sessions.tokens}
    yield "/keys", {"GET": commands.keys, "POST": commands.make_keys}
    yield "/keys/{mid}", {"GET": commands.keys}
    yield "/events", {"GET": events.stream, "POST": graphite.post_event}
    yield "/ws", {"GET": events.no_socket}
    yield "/ws/{token}", {"GET": events.no_socket}
    yield settings.webhook_url, {"POST": hook.fire}
    yield f"{settings.webhook_url}/{{tag:path}}", {"POST": hook.fire}
    yield "/stats", {"GET": about.stats}
    yield "/health", {"GET": about.health}
    yield "/metrics", {"GET": about.metrics}
    yield "/openapi.yaml", {"GET": about.openapi}
    if settings.enable_sessions:
        yield "/login", {"GET": sessions.please, "POST": sessions.login}
        yield "/logout", {"POST": sessions.logout}
        yield "/minions", {"GET": commands.minions, "POST": commands.begin_jobs}
        yield "/minions/{mid}", {"GET": commands.minions}
        yield "/jobs", {"GET": commands.jobs}
        yield "/jobs/{jid}", {"GET": commands.job}
    if settings.app:
        yield settings.app_path, {"GET": pages.page}
        yield f"{settings.app_path}/{{rest:path}}", {"GET": pages.page}
    if settings.static:
        yield f"{settings.static_path}/{{path:path}}", {"GET": pages.file}


def _routes(path: str, methods: Methods) -> Iterator[Route]:
    """Yield the routes of a path, with and without a slash at its end: a redirect would lose a POST's body."""
    answers = {method: guarded(endpoint) for method, endpoint in methods.items()}

    async def endpoint(request: Request) -> Response:
        return await answers["GET" if request.method == "HEAD" else request.method](request)

    paths = [path] if path == "/" or path.endswith(":path}") else [path, f"{path}/"]
    for one in paths:
        yield Route(one, endpoint, methods=list(methods))


def _cors(origins: tuple[str, ...]) -> Middleware:
    return Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=("GET", "POST"),
        allow_headers=("Authorization", "Content-Type", HEADER, "X-Requested-With"),
        allow_credentials=False,  # a page that may ask sends a token of its own
        expose_headers=(HEADER,),
        max_age=_PREFLIGHT_S,
    )


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    path = request.scope["path"][:_MAX_PATH_CHARS]
    accept = request.headers.get("accept", "")
    if error.status_code == 404:
        return ErrorAnswer(404, f"nothing is at {path}: /openapi.yaml says what there is").response(accept)
    if error.status_code == 405:
        taken = sorted((error.headers or {}).get("Allow", "").split(", "))
        message = f"{path} takes {' and '.join(taken)}, not {request.method[:50]}"
        return ErrorAnswer(405, message, {"Allow": ", ".join(taken)}).response(accept)
    return ErrorAnswer(error.status_code, error.detail, error.headers).response(accept)


async def _fault(request: Request, error: Exception) -> Response:
    """What is outside of every endpoint failed: this answer passes no middleware."""
    return ErrorAnswer(500, FAULT, SAFE_HEADERS).response(request.headers.get("accept", ""))
