"""What JSON and the other formats for browsers share: numbers, and ``jsonp``."""

from __future__ import annotations

import math

from saltern_graphite.render.formats.base import Answer, Options

INFINITY = "1e9999"
"""JSON has no infinity; this overflows to one in every reader."""


def number(value: float) -> str:
    """*value* in JSON: ``null`` for NaN."""
    if math.isnan(value):
        return "null"
    if math.isinf(value):
        return INFINITY if value > 0 else f"-{INFINITY}"
    return repr(value)


def answer(body: bytes, options: Options) -> Answer:
    """*body*, handed to the function that ``jsonp`` names if it does."""
    if options.jsonp is not None:
        return Answer(b"%b(%b)" % (options.jsonp.encode(), body), "text/javascript")
    return Answer(body, "application/json")
