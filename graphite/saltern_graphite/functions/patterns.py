"""Regular expressions that users write, matched within a bound of time.

A pattern such as ``(a|aa)+$`` can keep a matcher busy for longer than anyone lives, and Python's own can't be
interrupted: it would stop the whole process. The ``regex`` package matches as ``re`` does and gives up on time.
"""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import regex

from saltern.errors import FunctionError
from saltern.pattern_size import refusal

MAX_PATTERN_CHARS = 1000
MATCHING_S = 2.0
"""How long the slow matches of one pattern in one call of a function may take together."""

_PATTERNS_REMEMBERED = 256
_QUICK_S = 0.0002  # such matches are not counted: there may be a million of them
_LOCKED_S = 0.005
"""A match that takes longer begins again with the interpreter's lock released: the others need not wait for it."""

T = TypeVar("T")


class Pattern:
    """A pattern for one call of a function; *param* is what the user knows it by.

    Its methods raise ``FunctionError`` once those of its matches that are not quick took over *seconds* together.
    """

    def __init__(self, param: str, compiled: regex.Pattern[str], seconds: float = MATCHING_S) -> None:
        self._param = param
        self._compiled = compiled
        self._seconds = seconds
        self._left_s = seconds

    def search(self, text: str) -> regex.Match[str] | None:
        """The first place in *text* where the pattern matches."""
        return self._timed(self._compiled.search, text)

    def match(self, text: str) -> regex.Match[str] | None:
        """The match at the beginning of *text*."""
        return self._timed(self._compiled.match, text)

    def sub(self, replacement: str, text: str) -> str:
        """*text* with every match replaced. Raises ``re.error`` for a *replacement* that does not fit the pattern."""
        try:
            return self._timed(self._compiled.sub, replacement, text)
        except (regex.error, IndexError) as error:
            raise re.error(str(error)) from None

    def _timed(self, run: Callable[..., T], *texts: str) -> T:
        began = time.monotonic()
        try:
            for unlocked, most_s in ((False, min(_LOCKED_S, self._left_s)), (True, self._left_s)):
                try:
                    if most_s > 0:
                        return run(*texts, concurrent=unlocked, timeout=most_s)
                except TimeoutError:
                    continue
            raise FunctionError(
                f"{self._param} {self._compiled.pattern!r} takes over {self._seconds:g} s to match: "
                "avoid repeats within repeats, and anchor it"
            )
        finally:
            took_s = time.monotonic() - began
            if took_s > _QUICK_S:
                self._left_s -= took_s


def compiled(param: str, pattern: str) -> Pattern:
    """*pattern* compiled; ``FunctionError`` names *param* if it is none."""
    if len(pattern) > MAX_PATTERN_CHARS:
        raise FunctionError(f"{param} is {len(pattern)} characters long: {MAX_PATTERN_CHARS} are allowed")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "[[" and the like, which mean what they always did
            re.compile(pattern)  # what Graphite refuses is refused; nothing is written out for that
        why = refusal(pattern)
        if why:
            raise FunctionError(f"{param} {why}")
        return Pattern(param, _compile(pattern))
    except (re.error, regex.error, OverflowError, RecursionError) as error:
        raise FunctionError(f"{param} {pattern!r} is no regular expression: {error}") from None


@lru_cache(maxsize=_PATTERNS_REMEMBERED)
def _compile(pattern: str) -> regex.Pattern[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return regex.compile(pattern, regex.VERSION0)
