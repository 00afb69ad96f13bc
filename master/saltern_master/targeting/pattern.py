"""Globs and regular expressions, bounded in what compiling them costs.

Both are of the ``regex`` package, whose matching can be given a limit of time; Python's own can't be stopped. That
package writes out what must repeat: ``(a{1000}){1000}`` becomes a million nodes, and a group with ``+`` its contents
twice, so twenty such groups within each other a million times. It also knows patterns that call themselves, which
fill the memory.
"""

from __future__ import annotations

import fnmatch
import re
import warnings

import regex

from saltern.errors import TargetError

MAX_PATTERN_CHARS = 1000
MAX_NODES = 20_000
"""Characters of a pattern with its repeats written out: about 5 MB and 10 ms at the most."""

_REPEAT = re.compile(r"\{\s*(\d+)|\+")
_ENDS_A_GROUP = frozenset(")} \t\r\n\f\v")  # blanks: in a verbose pattern they may stand between a group and its count
_CALLS_ITSELF = re.compile(r"\(\?(?:[R&\d+]|-\d|P[>&])")


def glob(text: str, *, ignore_case: bool = False) -> regex.Pattern[str]:
    """Return the pattern that matches what the glob *text* means, as a whole. Raises ``TargetError``."""
    _check_length(text)
    return _compiled(text, fnmatch.translate(text), regex.IGNORECASE if ignore_case else 0)


def expression(text: str) -> regex.Pattern[str]:
    """Return the regular expression *text*. Raises ``TargetError`` when it is none, or is one too large."""
    _check_length(text)
    if _CALLS_ITSELF.search(text):
        raise TargetError(f"{text!r:.100} calls a group as a pattern: that isn't supported here")
    if nodes(text) > MAX_NODES:
        raise TargetError(f"{text!r:.100} comes to over {MAX_NODES:,} parts with its repeats written out")
    return _compiled(text, text, 0)


def nodes(text: str) -> int:
    """Return what *text* comes to at most with its repeats written out, in characters.

    It is not parsed: a count behind a group multiplies everything, whether that group holds the others or not, and
    one that is only a character in brackets does too. So nothing that the real parser reads otherwise goes unseen.
    """
    factor, single = 1, 0
    for repeat in _REPEAT.finditer(text):
        count = repeat.group(1)
        times = min(int(count[:10]), MAX_NODES) if count else 1
        if text[repeat.start() - 1] in _ENDS_A_GROUP:
            factor = min(factor * (times + 1), MAX_NODES + 1)
        else:
            single += times
    return factor * (len(text) + single)


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
