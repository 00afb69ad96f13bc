"""Patterns for one element of a metric path: ``*``, ``?``, ``[abc]``, ``[!a-z]`` and ``{one,two}``."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from functools import lru_cache

from saltern.errors import GraphiteError

MAX_ALTERNATIVES = 1000
"""How many patterns the braces of one element may stand for."""
_PATTERNS_REMEMBERED = 1024
_BRACES = re.compile(r"\{([^{}]*)\}")
_WILDCARDS = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Glob:
    """What an element pattern matches: some names outright, or what fits an expression; both None: anything."""

    literals: tuple[str, ...] | None
    expression: re.Pattern[str] | None


def expand_braces(element: str) -> list[str]:
    """The patterns without braces that *element* stands for; ``GraphiteError`` if they are too many."""
    done: list[str] = []
    waiting = [element]
    while waiting:
        pattern = waiting.pop()
        match = _BRACES.search(pattern)
        if match is None:
            done.append(pattern)
        else:
            before, after = pattern[: match.start()], pattern[match.end() :]
            waiting.extend(f"{before}{choice}{after}" for choice in reversed(match[1].split(",")))
        if len(done) + len(waiting) > MAX_ALTERNATIVES:
            raise GraphiteError(f"{element[:100]!r} stands for over {MAX_ALTERNATIVES} patterns: use wildcards")
    return done


@lru_cache(maxsize=_PATTERNS_REMEMBERED)
def compile_glob(element: str) -> Glob:
    """*element* as a :class:`Glob`. Case matters."""
    if element == "*":
        return Glob(None, None)
    patterns = list(dict.fromkeys(expand_braces(element)))
    if not any(_WILDCARDS.search(pattern) for pattern in patterns):
        return Glob(tuple(patterns), None)
    return Glob(None, re.compile("|".join(map(fnmatch.translate, patterns))))
