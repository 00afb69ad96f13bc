"""The chart of a rule's values, with its thresholds as lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?")
_OF_A_NAME = re.compile(r"[<>=! .\w+-]{1,40}")
LEVELS = ("warn", "crit")


def chart_of(target: str, levels: Mapping[str, str], span_s: float) -> dict[str, Any]:
    """Return what the page's script draws: the *target* and thresholds of *levels*, over the last *span_s* seconds.

    ``lines``: how many of the targets, the last ones, are no data.
    """
    lines = lines_of(levels)
    return {"targets": [target, *lines], "lines": len(lines), "span": span_s}


def lines_of(levels: Mapping[str, str]) -> list[str]:
    """Return thresholds (``> 85``) as targets that are straight lines; what is none is left out."""
    found = []
    for level in LEVELS:
        text = levels.get(level, "")
        number = _NUMBER.search(text)
        if number is not None and _OF_A_NAME.fullmatch(text):
            found.append(f'alias(constantLine({number[0]}),"{level} {text}")')
    return found
