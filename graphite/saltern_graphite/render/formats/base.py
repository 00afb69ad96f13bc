"""What a format is, a function from series to bytes, and what several share: numbers, asked and told, and ``jsonp``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import NamedTuple

import numpy as np

from saltern.errors import GraphiteError
from saltern_graphite.series.series import Series, Values


@dataclass(frozen=True, slots=True)
class Options:
    """The request's wishes that formats look at; each format uses those it knows.

    ``chart`` holds the request's parameters as they came, for charts; see :mod:`.charts.parameters`.
    """

    zone: tzinfo
    max_data_points: int | None = None
    no_null_points: bool = False
    jsonp: str | None = None
    pretty: bool = False
    chart: Mapping[str, str] = field(default_factory=dict)


class Answer(NamedTuple):
    """A body and its type."""

    body: bytes
    media_type: str


Format = Callable[[Sequence[Series], Options], Answer]

INFINITY = "1e9999"
"""JSON has no infinity; this overflows to one in every reader."""
_TEXT_OR_INFINITY = re.compile(r'"(?:[^"\\]|\\.)*+"|Infinity')


def json_text(value: object, indent: int | None = None, *, ascii_only: bool = True) -> str:
    """*value* in JSON, its infinities as :data:`INFINITY`; a text that says Infinity stays as it is."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    if "Infinity" not in text:
        return text
    return _TEXT_OR_INFINITY.sub(lambda found: INFINITY if found[0] == "Infinity" else found[0], text)


def nullable(values: Values) -> list[float | None]:
    """The numbers as Python's, ``None`` for NaN."""
    missing = np.isnan(values)
    if not missing.any():
        return list(values.tolist())
    boxed = values.astype(object)
    boxed[missing] = None
    return list(boxed.tolist())


def answer(body: bytes, options: Options) -> Answer:
    """*body*, handed to the function that ``jsonp`` names if it does."""
    if options.jsonp is not None:
        return Answer(b"%b(%b)" % (options.jsonp.encode(), body), "text/javascript")
    return Answer(body, "application/json")


def number_in(name: str, text: str, low: float, high: float) -> float:
    """*text*, the parameter *name*, as a finite number from *low* to *high*; ``GraphiteError`` says what it must be."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and low <= number <= high):
        limits = f" from {low:g} to {high:g}" if high < math.inf else f" not below {low:g}" if low > -math.inf else ""
        raise GraphiteError(f"{name} must be a number{limits}, not {text[:100]!r}")
    return number
