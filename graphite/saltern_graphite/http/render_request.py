"""What a request to ``/render`` asks for."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo

from saltern.errors import GraphiteError
from saltern_graphite.evaluation.evaluator import Limits
from saltern_graphite.http.answers import jsonp_callback
from saltern_graphite.http.params import Params
from saltern_graphite.render.formats import FORMATS, Options, default_format
from saltern_graphite.render.formats.base import number_in

_YEAR_S = 365 * 86400
"""Nothing is kept for longer."""


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """What one request wants, checked.

    ``cache_s``: how old an answer may be, and for how long the client may keep it; ``None``: not said. ``partial``:
    a target that fails leaves the others alone.
    """

    targets: list[str]
    start: int
    end: int
    now: int
    format: str
    options: Options
    x_files_factor: float = 0.0
    cache_s: int | None = None
    template: Mapping[str, str] = field(default_factory=dict)
    partial: bool = False


def read_request(params: Params, limits: Limits) -> RenderRequest:
    """Check a request's parameters; ``GraphiteError`` says which is wrong."""
    zone = params.zone()
    targets = [target for target in params.all("target") if target.strip()]
    if len(targets) > limits.targets:
        raise GraphiteError(f"{len(targets)} targets in one request: {limits.targets} are allowed")
    now = params.time("now", "now", zone, int(time.time()))
    start, end = _window(params, zone, now)
    partial = params.text("partial").lower() in ("1", "true")
    return RenderRequest(
        targets,
        start,
        end,
        now,
        _format(params, partial=partial),
        Options(
            zone,
            max_data_points=_max_data_points(params),
            no_null_points="noNullPoints" in params,
            jsonp=jsonp_callback(params),
            pretty=bool(params.text("pretty")),
            chart=dict(params),
        ),
        number_in("xFilesFactor", params.text("xFilesFactor") or "0", 0, 1),
        _cache_s(params),
        {name[9:-1]: value for name, value in params.items() if name.startswith("template[")},
        partial,
    )


def _cache_s(params: Params) -> int | None:
    if "noCache" in params:
        return 0
    return min(max(params.integer("cacheTimeout"), 0), _YEAR_S) if params.text("cacheTimeout") else None


def _window(params: Params, zone: tzinfo, now: int) -> tuple[int, int]:
    start = params.time("from", "-1d", zone, now)
    end = params.time("until", "now", zone, now)
    if start == end:
        raise GraphiteError(f"Invalid empty time range: from and until are both {start}, until must be later")
    return min(start, end), max(start, end)


def _format(params: Params, *, partial: bool) -> str:
    unasked = "json" if partial else "raw" if "rawData" in params else "pickle" if "pickle" in params else ""
    wanted = params.text("format") or unasked or default_format()
    if wanted not in FORMATS:
        raise GraphiteError(f"format {wanted[:100]!r} is not available: use one of {', '.join(FORMATS)}")
    if partial and wanted != "json":
        raise GraphiteError(f"partial results come as json only, not as {wanted}")
    return wanted


def _max_data_points(params: Params) -> int | None:
    text = params.text("maxDataPoints")
    try:
        wanted = float(text)  # browsers send widths such as 1200.5
    except ValueError:
        return None
    return int(wanted) if math.isfinite(wanted) and wanted >= 1 else None
