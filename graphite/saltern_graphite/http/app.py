"""The HTTP application: which path is answered by what."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from saltern_graphite.counted_cache import CountedCache
from saltern_graphite.functions import LIBRARY
from saltern_graphite.http.about import AboutApi
from saltern_graphite.http.answers import Endpoint, error_answer, guarded
from saltern_graphite.http.metrics import MetricsApi
from saltern_graphite.http.prometheus import scrape_or_find
from saltern_graphite.http.render import Renderer
from saltern_graphite.measured import Measured
from saltern_graphite.reader import Reader
from saltern_graphite.render.evaluator import Limits
from saltern_graphite.render.source import StoredSeries
from saltern_graphite.store_view import StoreView


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How the API behaves.

    ``stored_method``: where a target doesn't say how to consolidate, a metric's own aggregation method does;
    False averages always, as Graphite.
    """

    limits: Limits = field(default_factory=Limits)
    render_threads: int = 4
    stored_method: bool = True


def create_app(store: StoreView, settings: HttpSettings | None = None) -> Starlette:
    """The application over *store*. It starts nothing and closes nothing of the store's."""
    settings = settings or HttpSettings()
    measured: Measured | None = store if isinstance(store, Measured) else None
    cache = CountedCache(store.cache, measured.counters) if measured else store.cache
    reader = Reader(store.whisper_dir, cache, store.retentions, store.aggregation_method)
    render = Renderer(
        StoredSeries(store.index, reader),
        LIBRARY,
        settings.limits,
        threads=settings.render_threads,
        stored_method=settings.stored_method,
    )
    metrics = MetricsApi(store)
    about = AboutApi(store, LIBRARY)

    async def render_endpoint(request: Request) -> Response:
        return await render(request)

    at_metrics = scrape_or_find(measured, metrics.find) if measured else metrics.find
    both, read = ["GET", "POST"], ["GET"]
    routes = [
        *_routes("/render", render_endpoint, both),
        *_routes("/metrics/find", metrics.find, both),
        *_routes("/metrics/expand", metrics.expand, both),
        *_routes("/metrics/index.json", metrics.index, both),
        *_routes("/metrics", at_metrics, both),
        *_routes("/version", about.version, read),
        *_routes("/functions", about.functions, read),
        *_routes("/functions/{name}", about.function, read),
        *_routes("/tags/autoComplete/tags", about.nothing, both),
        *_routes("/tags/autoComplete/values", about.nothing, both),
        *_routes("/events/get_data", about.nothing, both),
        *_routes("/health", about.health, read),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _http_error})


def _routes(path: str, endpoint: Endpoint, methods: list[str]) -> list[Route]:
    """With and without a slash at the end: clients send both, and a redirect would lose a POST's body."""
    answer = guarded(endpoint)
    return [Route(path, answer, methods=methods), Route(f"{path}/", answer, methods=methods)]


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 404:
        return error_answer(404, f"nothing is at {request.url.path}")
    if error.status_code == 405:
        return error_answer(405, f"{request.url.path} does not take {request.method}")
    return error_answer(error.status_code, error.detail)
