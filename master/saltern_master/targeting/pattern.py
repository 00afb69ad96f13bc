"""Globs and regular expressions, bounded in what compiling them costs (``saltern.pattern_size``).

Both are of the ``regex`` package, whose matching can be given a limit of time; Python's own can't be stopped.
"""

from __future__ import annotations

import fnmatch
import warnings

import regex

from saltern.errors import TargetError
from saltern.pattern_size import refusal

MAX_PATTERN_CHARS = 1000


def glob(text: str, *, ignore_case: bool = False) -> regex.Pattern[str]:
    """Return the pattern that matches what the glob *text* means, as a whole. Raises ``TargetError``."""
    _check_length(text)
    return _compiled(text, fnmatch.translate(text), regex.IGNORECASE if ignore_case else 0)


def expression(text: str) -> regex.Pattern[str]:
    """Return the regular expression *text*. Raises ``TargetError`` when it is none, or is one too large."""
    _check_length(text)
    why = refusal(text)
    if why:
        raise TargetError(why)
    return _compiled(text, text, 0)


def _check_length(text: str) -> None:
    if len(text) > MAX_PATTERN_CHARS:
        raise TargetError(f"the pattern {text!r:.100} has {len(text)} characters: {MAX_PATTERN_CHARS} are allowed")


def _compiled(text: str, pattern: str, flags: int) -> regex.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "[[" and the like, which mean what they always did
            return regex.compile(pattern, regex.VERSION0 | flags)
    except (regex.error, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise TargetError(f"{text!r:.100} is not a regular expression: {error}") from None
