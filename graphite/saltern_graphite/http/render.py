"""``/render``: targets in, numbers out."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo

import anyio
from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import Response

from saltern.errors import GraphiteError, TargetSyntaxError
from saltern_graphite.functions import Library
from saltern_graphite.http.answers import jsonp_callback, packed
from saltern_graphite.http.params import Params, read_params
from saltern_graphite.render.evaluator import Evaluator, Limits
from saltern_graphite.render.formats import FORMATS, Options
from saltern_graphite.render.source import SeriesSource
from saltern_graphite.series import Series
from saltern_graphite.target import parse


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """What one request wants, checked."""

    targets: list[str]
    start: int
    end: int
    now: int
    format: str
    options: Options
    x_files_factor: float = 0.0
    cache_s: int = 0
    template: Mapping[str, str] = field(default_factory=dict)


def read_request(params: Params, limits: Limits) -> RenderRequest:
    """Check a request's parameters; ``GraphiteError`` says which is wrong."""
    zone = params.zone()
    targets = [target for target in params.all("target") if target.strip()]
    if len(targets) > limits.targets:
        raise GraphiteError(f"{len(targets)} targets in one request: {limits.targets} are allowed")
    now = params.time("now", "now", zone, int(time.time()))
    start, end = _window(params, zone, now)
    return RenderRequest(
        targets,
        start,
        end,
        now,
        _format(params),
        Options(
            zone,
            max_data_points=_max_data_points(params),
            no_null_points="noNullPoints" in params,
            jsonp=jsonp_callback(params),
            pretty=bool(params.get("pretty")),
        ),
        _x_files_factor(params),
        0 if "noCache" in params else params.integer("cacheTimeout"),
        {name[9:-1]: value for name, value in params if name.startswith("template[")},
    )


def _window(params: Params, zone: tzinfo, now: int) -> tuple[int, int]:
    start = params.time("from", "-1d", zone, now)
    end = params.time("until", "now", zone, now)
    if start == end:
        raise GraphiteError(f"Invalid empty time range: from and until are both {start}")
    return min(start, end), max(start, end)


def _format(params: Params) -> str:
    wanted = params.get("format") or ("raw" if "rawData" in params else "pickle" if "pickle" in params else "json")
    if wanted not in FORMATS:
        raise GraphiteError(f"format {wanted[:100]!r} is not available: use one of {', '.join(FORMATS)}")
    return wanted


def _max_data_points(params: Params) -> int | None:
    text = params.get("maxDataPoints")
    try:
        wanted = float(text)  # browsers send widths such as 1200.5
    except ValueError:
        return None
    return int(wanted) if math.isfinite(wanted) and wanted >= 1 else None


def _x_files_factor(params: Params) -> float:
    text = params.get("xFilesFactor")
    try:
        share = float(text or 0)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise GraphiteError(f"xFilesFactor must be a number from 0 to 1, not {text!r}")
    return share


class Renderer:
    """Answers ``/render``. Evaluation runs in threads, at most *threads* at a time; others wait their turn."""

    def __init__(
        self, source: SeriesSource, library: Library, limits: Limits, *, threads: int, stored_method: bool
    ) -> None:
        self._source = source
        self._library = library
        self._limits = limits
        self._stored_method = stored_method
        self._limiter = CapacityLimiter(threads)

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        wanted = read_request(await read_params(request), self._limits)
        caching = f"max-age={wanted.cache_s}" if wanted.cache_s > 0 else "no-cache"

        def answer() -> Response:
            body, media_type = FORMATS[wanted.format](self.evaluate(wanted), wanted.options)
            return packed(request, body, media_type, {"Cache-Control": caching})

        return await anyio.to_thread.run_sync(answer, limiter=self._limiter)

    def evaluate(self, wanted: RenderRequest) -> list[Series]:
        """The series of all targets, in order. An error names its target and column."""
        evaluator = Evaluator(self._source, self._library, self._limits, stored_method=self._stored_method)
        context = evaluator.context(
            wanted.start,
            wanted.end,
            wanted.now,
            wanted.options.zone,
            x_files_factor=wanted.x_files_factor,
            template=wanted.template,
        )
        series: list[Series] = []
        for number, target in enumerate(wanted.targets, start=1):
            if len(target) > self._limits.target_chars:
                raise TargetSyntaxError(
                    f"target {number} has {len(target)} characters: {self._limits.target_chars} are allowed"
                )
            try:
                series += evaluator.evaluate(parse(target, self._limits.depth), context)
            except GraphiteError as error:
                separator = ", " if str(error).startswith("column ") else ": "
                raise GraphiteError(f"target {number}{separator}{error}") from None
        return series
