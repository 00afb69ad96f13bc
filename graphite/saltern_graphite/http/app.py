"""The HTTP application: which path is answered by what."""

from __future__ import annotations

import functools
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from saltern.http.access_log import AccessLog
from saltern.http.hosts import Hosts, KnownHost
from saltern.http.logged import Logged
from saltern.http.origins import OwnPages
from saltern.http.safe_answers import SAFE_HEADERS, SafeAnswers
from saltern_graphite.evaluation.source import SeriesSource
from saltern_graphite.events.store import EventStore
from saltern_graphite.functions import LIBRARY
from saltern_graphite.http.about import AboutApi, scrape_or_find
from saltern_graphite.http.answers import FAULT, as_json, both_slashes, error_answer, when_filled
from saltern_graphite.http.authentication import Authenticated
from saltern_graphite.http.credentials import Credentials
from saltern_graphite.http.events import EventsApi
from saltern_graphite.http.metrics import MetricsApi
from saltern_graphite.http.params import FORM_KINDS, JSON_KIND
from saltern_graphite.http.render import Renderer
from saltern_graphite.http.restricted.prefixes import RestrictedNames
from saltern_graphite.http.restricted.tags import RestrictedTags
from saltern_graphite.http.restricting import POSTS, Restricting, Restriction
from saltern_graphite.http.settings import HttpSettings
from saltern_graphite.http.tags import TagsApi
from saltern_graphite.store.counted_cache import CountedCache
from saltern_graphite.store.reader import Reader
from saltern_graphite.store.view import StoreView
from saltern_graphite.tags.index import TagIndex
from saltern_graphite.telemetry.measurable import Measured

READ_BY_POST = POSTS | {"/metrics"}
"""Where a POST is but a long GET. Whatever else is no GET changes something."""
MORE_NAMES = "start it with --http-host and that name"
LOGGED_HEADERS = (
    ("dashboard", "x-dashboard-uid"),
    ("dashboard", "x-dashboard-id"),
    ("panel", "x-panel-id"),
    ("org", "x-grafana-org-id"),
    ("agent", "user-agent"),
)
"""What the access log tells of a request besides, under which name: Grafana says for whom it asks."""
_PREFLIGHT_S = 600
_MAX_PATH_CHARS = 200  # in a complaint


def create_app(
    store: StoreView,
    settings: HttpSettings | None = None,
    credentials: Credentials | None = None,
    access_log: AccessLog | None = None,
    *,
    hosts: Hosts | None = None,
    tags: TagIndex | None = None,
    events: EventStore | None = None,
) -> Starlette:
    """The application over *store*. It starts nothing and closes nothing of what it is given.

    With *credentials* only who has them is answered; each request is told to *access_log*.
    Without *tags* and *events* such are kept in memory. *hosts* are those of *settings* by default.
    """
    settings = settings or HttpSettings()
    measured: Measured | None = store if isinstance(store, Measured) else None
    count: Callable[[str], None] = measured.counters.add if measured else lambda name: None
    cache = CountedCache(store.cache, measured.counters) if measured else store.cache
    reader = Reader(store.whisper_dir, cache, store.retentions, store.roll_up)
    tags = TagIndex() if tags is None else tags
    events = EventStore() if events is None else events

    def state() -> tuple[float, int, int]:
        received = measured.counters.total("metricsReceived") if measured else 0.0
        return received, tags.version, events.count()

    def filling() -> bool:
        return store.index.progress.running or tags.filling

    def source(restriction: Restriction | None) -> SeriesSource:
        if restriction is None:
            return SeriesSource(store.index, reader.fetch, tags.find, events.times)
        prefixes = restriction.prefixes
        names, tagged = RestrictedNames(store.index, prefixes), RestrictedTags(tags, prefixes).find
        times = functools.partial(events.times, about=restriction.minions)
        return SeriesSource(names, reader.fetch, tagged, times, prefixes.allows)

    render = Renderer(source, LIBRARY, settings, count, state)
    about = AboutApi(store, LIBRARY)
    routes: list[Route] = [
        *both_slashes("/render", when_filled(filling, render.answer), ["GET", "POST"]),
        *_metrics_routes(store, measured, filling),
        *about.routes(),
        *TagsApi(tags).routes(),
        *EventsApi(events).routes(),
    ]
    handlers = {HTTPException: _http_error, Exception: _fault}
    middleware = _middleware(settings, credentials, access_log, hosts or Hosts(settings.hosts), count)
    app = Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)
    app.state.zone = settings.zone
    return app


def _middleware(
    settings: HttpSettings,
    credentials: Credentials | None,
    access_log: AccessLog | None,
    hosts: Hosts,
    count: Callable[[str], None],
) -> list[Middleware]:
    return [
        Middleware(SafeAnswers),
        *([Middleware(Logged, log=access_log, headers=LOGGED_HEADERS)] if access_log else []),
        Middleware(KnownHost, hosts=hosts, count=count, refuse=error_answer, more_names=MORE_NAMES),
        *([_cors(settings.cors_origins)] if settings.cors_origins else []),
        Middleware(
            OwnPages, trusted=settings.cors_origins, count=count, refuse=error_answer,
            more_origins="name theirs by --cors-origin", kinds=(JSON_KIND, FORM_KINDS[0]), read_by_post=READ_BY_POST,
        ),
        *([Middleware(Authenticated, credentials=credentials, open_paths=settings.open_paths, count=count)]
          if credentials else []),
        Middleware(Restricting, count=count),
    ]  # fmt: skip


def _metrics_routes(store: StoreView, measured: Measured | None, filling: Callable[[], bool]) -> list[Route]:
    metrics = MetricsApi(store)
    found = (metrics.find, metrics.expand, metrics.index)
    find, expand, names = (when_filled(filling, as_json(one)) for one in found)
    at_metrics = scrape_or_find(measured, find) if measured else find
    both = ["GET", "POST"]
    return [
        *both_slashes("/metrics/find", find, both),
        *both_slashes("/metrics/expand", expand, both),
        *both_slashes("/metrics/index.json", names, both),
        *both_slashes("/metrics", at_metrics, both),
    ]


def _cors(origins: tuple[str, ...]) -> Middleware:
    return Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=("GET", "POST"),
        allow_headers=("*",),
        allow_credentials=False,  # a page that may ask sends an Authorization header of its own
        expose_headers=("ETag",),
        max_age=_PREFLIGHT_S,
    )


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    path = request.scope["path"][:_MAX_PATH_CHARS]
    if error.status_code == 404:
        return error_answer(404, f"nothing is at {path}: Graphite's API is here, such as /render and /metrics/find")
    if error.status_code == 405:
        taken = sorted((error.headers or {}).get("Allow", "").split(", "))
        headers = {"Allow": ", ".join(taken)}
        return error_answer(405, f"{path} takes {' and '.join(taken)}, not {request.method[:50]}", headers)
    return error_answer(error.status_code, error.detail, error.headers)


async def _fault(request: Request, error: Exception) -> Response:
    """What is outside of every endpoint failed: this answer passes no middleware."""
    return error_answer(500, FAULT, SAFE_HEADERS)


__all__ = ["HttpSettings", "create_app"]
