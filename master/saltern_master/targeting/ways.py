"""How long a text may be for ``re``, which can't be stopped, to match a regular expression with it."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Iterator
from typing import NamedTuple

MAX_STEPS = 10_000_000
"""Of ``re``, for one text, as they are counted here: about 2 ms at the most, in which the interpreter is locked."""
MAX_QUICK_CHARS = 4096

_GLOBAL_FLAGS = re.compile(r"\(\?([aims]+)\)")
_LONG_REPEATS = re.compile(r"\)\s*[*+{]|\(\?(?!:|P<)|\(\?P<\w*>?$")
"""A repeated group, whose ways multiply within each other; lookarounds and flags, whose ways aren't counted here."""
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
"""A sign, one behind a backslash, or a class in brackets, as ``re`` parts them."""
_COUNT = re.compile(r"\{(?:\d+(?:,\d*)?|,\d+)\}")
_MORE = re.compile(r"\[\^|\\[dDwWsS]|[^\x00-\x7f]")
"""In a class: what may match other than ASCII."""
_KINDS = frozenset([r"\d", r"\D", r"\w", r"\W", r"\s", r"\S"])
_LITERALS = frozenset(string.ascii_letters + string.digits + "-_,:;@/%&=~!<>\"' ")
_PROBES = [chr(code) for code in range(128)]
_OTHERS = "not ASCII"
_MAX_BODY = 64
"""Signs of a group that is looked at."""


def quick_chars(text: str) -> int:
    """Return how long a text may be for ``re`` to match the expression *text* with it in ``MAX_STEPS``; 0: never.

    Without a repeated group each repeat takes a part of the text of its own, so *r* repeats part *n* characters in
    at most ``comb(n + r, r)`` ways. Every sign that could be a repeat or an alternative counts as one. A repeated
    group that can take a text in one way only counts as one repeated sign.
    """
    flags = _GLOBAL_FLAGS.match(text)
    if flags:
        text = text[flags.end() :]
    if flags is None or "i" not in flags[1]:
        text = _plain(text)
    if _LONG_REPEATS.search(text):
        return 0
    repeats = sum(map(text.count, "*+{"))
    groups = text.count("(") + 1
    others = 2 ** text.replace("(?", "").count("?") * (1 + text.count("|") / groups) ** groups
    most = MAX_QUICK_CHARS
    while most and math.comb(most + repeats, repeats) * others * (most + len(text)) > MAX_STEPS:
        most //= 2
    return most


def literal(text: str) -> str:
    """Return the longest text that is in whatever the expression *text* matches, as far as that is easily seen."""
    if "|" in text or re.search(r"\(\?(?!:)", text):
        return ""
    depth, run, longest = 0, "", ""
    for piece in [*_PIECE.findall(text), "."]:
        depth += (piece == "(") - (piece == ")")
        if depth == 0 and len(piece) == 1 and piece in _LITERALS:
            run += piece
        elif depth == 0 and len(piece) == 2 and piece[1] in string.punctuation:
            run += piece[1]
        else:
            run = run[:-1] if piece in ("*", "?", "{") else run
            longest = max(longest, run, key=len)
            run = ""
            if piece == "{":  # what it holds is no text
                return longest
    return longest


def _plain(text: str) -> str:
    """Return *text* with one sign in the place of each innermost repeated group that takes a text in one way only."""
    pieces = _PIECE.findall(text)
    if "[" in pieces:  # without its end
        return text
    found: list[str] = []
    opened: int | None = None
    for at, piece in enumerate(pieces):
        if piece == "(":
            opened = len(found)
        elif piece == ")" and opened is not None:
            body = found[opened + 1 :]
            if at + 1 < len(pieces) and pieces[at + 1] in "*+{" and _one_way(body):
                found[opened:] = ["x"]
                opened = None
                continue
            opened = None
        found.append(piece)
    return "".join(found)


class _Sign(NamedTuple):
    """One sign of a group: what it matches, and whether it may be left out, or come again."""

    chars: frozenset[str]
    optional: bool
    repeated: bool


def _one_way(body: list[str]) -> bool:
    """Return whether a group that is repeated can take any text in one way only.

    So it is when the text's next character always says which sign takes it, as in ``(web|db|\\d)+`` and
    ``(\\w+\\.)+``: the signs that may come next, at the start and behind each sign, have no character in common.
    """
    if body[:2] == ["?", ":"]:
        body = body[2:]
    if not body or len(body) > _MAX_BODY:
        return False
    branches: list[list[_Sign]] = [[]]
    rest = "".join(body)
    while rest:
        if rest[0] == "|":
            branches.append([])
            rest = rest[1:]
            continue
        piece = _PIECE.match(rest)
        chars = _chars(piece[0]) if piece else None
        if piece is None or chars is None:
            return False
        rest = rest[piece.end() :]
        optional, repeated = False, False
        count = _COUNT.match(rest)
        if count or rest[:1] in ("*", "+", "?"):
            sign = count[0] if count else rest[0]
            optional = sign[0] in "*?{"
            repeated = sign[0] != "?"
            rest = rest[len(sign) :]
            if rest[:1] in ("*", "+", "?", "{"):  # lazy, possessive, or a fault
                return False
        branches[-1].append(_Sign(chars, optional, repeated))
    if any(all(sign.optional for sign in branch) for branch in branches):
        return False
    first = [sign.chars for branch in branches for sign in _next(branch, 0)]
    return _apart(first) and all(_apart(follow) for branch in branches for follow in _follows(branch, first))


def _next(branch: list[_Sign], at: int) -> Iterator[_Sign]:
    """Yield the signs that may come next from the place *at* on."""
    for sign in branch[at:]:
        yield sign
        if not sign.optional:
            return


def _follows(branch: list[_Sign], first: list[frozenset[str]]) -> Iterator[list[frozenset[str]]]:
    """Yield what may come behind each sign of a branch."""
    for at, sign in enumerate(branch):
        follow = [sign.chars] if sign.repeated else []
        follow += (one.chars for one in _next(branch, at + 1))
        if all(one.optional for one in branch[at + 1 :]):
            follow += first
        yield follow


def _apart(sets: list[frozenset[str]]) -> bool:
    return len(frozenset().union(*sets)) == sum(map(len, sets))


def _chars(piece: str) -> frozenset[str] | None:
    """Return the ASCII characters that a sign matches, with ``_OTHERS`` if it may match more; ``None``: not known."""
    if len(piece) == 1:
        if piece in _LITERALS:
            return frozenset(piece)
        return frozenset([*_PROBES, _OTHERS]) if piece == "." else None
    if piece[0] == "\\" and piece not in _KINDS and piece[1] not in string.punctuation:
        return None
    if piece[0] == "[" and ("[" in piece[1:] or re.search(r"\\[^dDwWsS\W]", piece) or "--" in piece):
        return None
    try:
        one = re.compile(piece, re.DOTALL)
    except re.error:
        return None
    wide = piece in _KINDS or (piece[0] == "[" and _MORE.search(piece) is not None)
    return frozenset([char for char in _PROBES if one.fullmatch(char)] + [_OTHERS] * wide)
