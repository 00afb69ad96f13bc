"""Compound targets: ``a and not (b or c)``; ``or`` binds weakest, ``not`` strongest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from itertools import islice
from typing import NamedTuple

from saltern.errors import TargetError
from saltern_master.targeting.effort import Effort
from saltern_master.targeting.selectors import Selector, names_of, selector

MAX_TOKENS = 1000
MAX_DEPTH = 50

_WORD = re.compile(r"\S+")
_PREFIXES = {"G": "grain", "P": "grain_pcre", "E": "pcre", "L": "list"}


def compound(text: str) -> Selector:
    """Return the selector of a compound target. Raises ``TargetError``."""
    return _Parser(text).whole()


def listed(text: str) -> list[str]:
    """Return the names that ``L@`` lists in a compound target, but for those that a ``not`` takes out."""
    names: list[str] = []
    negated, outer = False, [False]  # whether the next word is; and for each open parenthesis, whether all in it is
    for word, _ in islice(tokens(text), MAX_TOKENS):
        if word == "not":
            negated = not negated
            continue
        if word == "(":
            outer.append(outer[-1] ^ negated)
        elif word == ")":
            outer = outer[:-1] or [False]
        elif word.startswith("L@") and not outer[-1] ^ negated:
            names += names_of(word[2:])
        negated = False
    return names


class Token(NamedTuple):
    """A word or parenthesis of a compound target, and where in it it begins."""

    text: str
    at: int


def tokens(text: str) -> Iterator[Token]:
    """Yield ``(``, ``)`` and words; a parenthesis that is opened and closed within a word is part of it."""
    for found in _WORD.finditer(text):
        word, at = found.group(), 0
        while at < len(word):
            end = at + 1 if word[at] in "()" else _end(word, at)
            yield Token(word[at:end], found.start() + at)
            at = end


def _end(word: str, at: int) -> int:
    while True:
        opened, closed = word.find("(", at), word.find(")", at)
        if closed < 0:
            return len(word) if opened < 0 else opened
        if opened < 0 or closed < opened:
            return closed
        at = closed + 1


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(islice(tokens(text), MAX_TOKENS + 1))
        if len(self._tokens) > MAX_TOKENS:
            raise self._fault(f"it has over {MAX_TOKENS} words: use a list, or a glob", self._tokens[-1].at)
        self._at = 0
        self._depth = 0

    def whole(self) -> Selector:
        found = self._any()
        if self._at < len(self._tokens):
            raise self._fault(f"{self._tokens[self._at].text!r:.100} is unexpected")
        return found

    def _any(self) -> Selector:
        return _one_of(self._parts("or", self._all))

    def _all(self) -> Selector:
        return _each_of(self._parts("and", self._not))

    def _parts(self, word: str, part: Callable[[], Selector]) -> list[Selector]:
        parts = [part()]
        while self._take(word):
            parts.append(part())
        return parts

    def _not(self) -> Selector:
        if self._take("not"):
            inner = self._deeper(self._not)
            return lambda minions, effort: minions - inner(minions, effort)
        if self._take("("):
            inner = self._deeper(self._any)
            if not self._take(")"):
                raise self._fault("a ')' is missing")
            return inner
        if self._at >= len(self._tokens) or self._tokens[self._at].text in ("and", "or", ")"):
            raise self._fault("a target is missing")
        token, at = self._tokens[self._at]
        kind = "glob"
        if len(token) > 1 and token[1] == "@":
            if token[0] not in _PREFIXES:
                raise self._fault(f"{token[:2]} is not known: use one of G@ P@ E@ L@")
            token, kind = token[2:], _PREFIXES[token[0]]
        self._at += 1
        try:
            return selector(token, kind)
        except TargetError as error:
            error.position = at
            raise

    def _deeper(self, inner: Callable[[], Selector]) -> Selector:
        if self._depth >= MAX_DEPTH:
            raise self._fault(f"it is nested over {MAX_DEPTH} deep")
        self._depth += 1
        try:
            return inner()
        finally:
            self._depth -= 1

    def _take(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].text == word:
            self._at += 1
            return True
        return False

    def _fault(self, what: str, at: int | None = None) -> TargetError:
        """Return what is wrong with the text *at* an offset, or where the parser is."""
        if at is None:
            at = self._tokens[self._at].at if self._at < len(self._tokens) else len(self._text)
        return TargetError(f"compound target {self._text!r:.200}: {what}", position=at)


def _one_of(parts: list[Selector]) -> Selector:
    if len(parts) == 1:
        return parts[0]

    def select(minions: Set[str], effort: Effort) -> Set[str]:
        rest = set(minions)
        for part in parts:
            effort.check()
            rest -= part(rest, effort)
        return minions - rest

    return select


def _each_of(parts: list[Selector]) -> Selector:
    if len(parts) == 1:
        return parts[0]

    def select(minions: Set[str], effort: Effort) -> Set[str]:
        for part in parts:
            effort.check()
            minions = part(minions, effort)
        return minions

    return select
