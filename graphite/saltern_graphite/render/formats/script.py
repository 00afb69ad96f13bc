"""What the formats for browsers share: JSON's numbers, and ``jsonp``."""

from __future__ import annotations

import math

from saltern_graphite.render.formats.base import Answer, Options

_INFINITY = "1e9999"
"""JSON has no infinity; this overflows to one in every reader."""


def number(value: float) -> str:
    """*value* in JSON: ``null`` for NaN."""
    if math.isnan(value):
        return "null"
    if math.isinf(value):
        return _INFINITY if value > 0 else f"-{_INFINITY}"
    return repr(value)


def answer(body: str, options: Options) -> Answer:
    """*body*, handed to the function that ``jsonp`` names if it does."""
    if options.jsonp is not None:
        return Answer(f"{options.jsonp}({body})".encode(), "text/javascript")
    return Answer(body.encode(), "application/json")
