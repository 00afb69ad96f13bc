"""Regular expressions that users write."""

from __future__ import annotations

import re
from functools import lru_cache

from saltern.errors import FunctionError

MAX_PATTERN_CHARS = 1000
_PATTERNS_REMEMBERED = 256


def compiled(param: str, pattern: str) -> re.Pattern[str]:
    """*pattern* compiled; ``FunctionError`` names *param* if it is none."""
    if len(pattern) > MAX_PATTERN_CHARS:
        raise FunctionError(f"{param} is {len(pattern)} characters long: {MAX_PATTERN_CHARS} are allowed")
    try:
        return _compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise FunctionError(f"{param} {pattern!r} is no regular expression: {error}") from None


@lru_cache(maxsize=_PATTERNS_REMEMBERED)
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
