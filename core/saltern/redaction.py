"""Secrets struck out of what is logged: values that are given to a name, never words of prose."""

from __future__ import annotations

import re

STRUCK = "***"

_VALUE = r"""(?:b?'(?:\\.|[^'\\])*' | b?"(?:\\.|[^"\\])*" | ['"]?[^\s'",}\]]+)"""

_SECRET = re.compile(
    rf"""
    (?P<flag> --[\w-]{{0,40}})?
    (?P<name> token | password | passwd | passphrase | secret(?:_?key)? | (?:private|api|access)_?key)
    (?P<sign> ['"]? [ \t]{{0,4}} [=:] [ \t]{{0,4}} | (?(flag)[ \t]|(?!)))
    (?P<value> {_VALUE})
    | (?P<scheme> authorization ['"]? [ \t]{{0,4}} [=:] [ \t]{{0,4}} ['"]? (?:(?:basic|bearer|digest)[ \t]+)?)
      [^\s'",}}\]]+
    | (?P<url> \w:// [^\s/@:'"]* :) [^\s/'"]+ (?=@)
    | (?P<https> https?://) [^\s/@:'"]+ (?=@)
    | (?P<join> saltern1\.) [\w-]{{8,}}
    """,
    re.IGNORECASE | re.VERBOSE,
)

_PROSE = re.compile(r"[a-z']+ [a-z]")


def redacted(text: str) -> str:
    """Return *text* with ``***`` for every secret: ``token=…``, ``'password': '…'``, ``https://user:…@host``, …

    In "a join token: paste the whole line" the colon ends a clause, and nothing is struck out: a lower-case word
    stands before the name, and two after it. So in "a link to /etc/passwd: it leads out", where a path ends with it.
    """
    return _SECRET.sub(_strike, text)


def _strike(match: re.Match[str]) -> str:
    if match["name"] is None:
        return next(kept for kept in match.group("scheme", "url", "https", "join") if kept is not None) + STRUCK
    text, start = match.string, match.start()
    before = text[max(0, start - 2) : start]
    in_a_sentence = before[-1:] == "/" or (before[1:] == " " and before[:1].islower())
    if ":" in match["sign"] and in_a_sentence and _PROSE.match(text, match.start("value")):
        return match.group()
    return f"{match['flag'] or ''}{match['name']}{match['sign']}{STRUCK}"
