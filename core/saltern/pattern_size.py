"""What a regular expression costs to compile, told from its text, before anything compiles it.

The package ``regex``, whose matching can be given a limit of time, writes out what must repeat: ``(a{1000}){1000}``
becomes a million nodes, and a group with ``+`` its contents twice, so twenty such groups within each other a million
times. It also knows patterns that call themselves, which fill the memory. No limit of time covers that.
"""

from __future__ import annotations

import re

MAX_NODES = 20_000
"""Characters of a pattern with its repeats written out: about 5 MB and 10 ms at the most."""

_REPEAT = re.compile(r"\{\s*(\d+)|\+")
_ENDS_A_GROUP = frozenset(")} \t\r\n\f\v")  # blanks: in a verbose pattern they may stand between a group and its count
_CALLS_ITSELF = re.compile(r"\(\?(?:[R&\d+]|-\d|P[>&])")


def refusal(text: str) -> str:
    """Return what keeps the regular expression *text* from being compiled, ``""`` when nothing does."""
    if _CALLS_ITSELF.search(text):
        return f"{text!r:.100} calls a group as a pattern: that isn't supported here"
    if nodes(text) > MAX_NODES:
        return f"{text!r:.100} comes to over {MAX_NODES:,} parts with its repeats written out"
    return ""


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
