"""Compound targets: ``a and not ( b or c )``; ``or`` binds weakest, ``not`` strongest.

Words are parted by blanks, parentheses stand alone, and ``a not b`` is ``a and not b``. A word is ``X@…`` (``G|@a|b``
with a delimiter of its own), or a glob.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set

from saltern.errors import TargetError, TargetTooCostly
from saltern_master.targeting.effort import Effort
from saltern_master.targeting.nested import DELIMITER
from saltern_master.targeting.selectors import Notes, Selector, names_of, selector
from saltern_master.targeting.words import MAX_DEPTH, OPERATORS, Word

_TYPED = re.compile(r"(?:([GPIJ])(.)?|([LSERTM]))@(.+)", re.DOTALL)
_NOT_TYPED = re.compile(r"([A-Z])@.")
_NOT_HERE = {"R": "needs a range server", "T": "means resources", "M": "means resources' minions"}


def compound(text: str, words: Sequence[Word], letters: Mapping[str, str], notes: Notes, effort: Effort) -> Selector:
    """Return the selector of a compound target, compiled at the expense of *effort*. Raises ``TargetError``."""
    return _Parser(text, words, letters, notes, effort).whole()


def listed(words: Sequence[Word]) -> list[str]:
    """Return the names that ``L@`` lists in a compound target, but for those right behind a ``not``."""
    names: list[str] = []
    before = ""
    for word, *_ in words:
        if word.startswith("L@") and before != "not":
            names += names_of(word[2:])
        before = word
    return names


class _Parser:
    def __init__(
        self, text: str, words: Sequence[Word], letters: Mapping[str, str], notes: Notes, effort: Effort
    ) -> None:
        self._text = text
        self._words = words
        self._letters = letters
        self._notes = notes
        self._effort = effort
        self._at = 0
        self._depth = 0

    def whole(self) -> Selector:
        """Return what all of the expression selects. Raises ``TargetError``."""
        found = self._any()
        if self._at < len(self._words):
            word = self._words[self._at].text
            raise self._fault(
                "a ')' is without its '('" if word == ")" else f"'and' or 'or' is missing before {word!r:.100}"
            )
        return found

    def _any(self) -> Selector:
        return _one_of(self._parts(lambda: self._take("or"), self._all))

    def _all(self) -> Selector:
        return _each_of(self._parts(lambda: self._take("and") or self._next() == "not", self._not))

    def _parts(self, goes_on: Callable[[], bool], part: Callable[[], Selector]) -> list[Selector]:
        parts = [part()]
        while goes_on():
            parts.append(part())
        return parts

    def _not(self) -> Selector:
        if not self._take("not"):
            return self._operand()
        inner = self._operand()
        return lambda minions, effort: minions - inner(minions, effort)

    def _operand(self) -> Selector:
        if self._take("("):
            inner = self._deeper(self._any)
            if not self._take(")"):
                raise self._fault("a ')' is missing" if self._next() is None else "'and' or 'or' is missing")
            return inner
        word = self._next()
        if word is None or word in OPERATORS:
            raise self._fault("a target is missing" + (f" before {word!r}" if word else ""))
        at = self._words[self._at].at
        self._at += 1
        try:
            return self._simple(word)
        except TargetError as error:
            error.position = at
            raise

    def _simple(self, word: str) -> Selector:
        self._effort.check()
        typed = _TYPED.fullmatch(word)
        if typed is None:
            self._note_glob(word)
            return selector(word, "glob", DELIMITER, self._notes)
        letter = typed[1] or typed[3]
        if letter in _NOT_HERE:
            raise TargetError(f"{letter}@ {_NOT_HERE[letter]}, which there are none of here")
        return selector(typed[4], self._letters[letter], typed[2] or DELIMITER, self._notes)

    def _note_glob(self, word: str) -> None:
        """Say what a word was taken for that looks as if something else was meant."""
        if _NOT_TYPED.match(word):
            self._notes.append(
                f"{word!r:.100} is taken for a glob: use one of {' '.join(f'{x}@' for x in self._letters)} N@"
            )
        elif word.startswith("(") or word.endswith(")"):
            self._notes.append(f"{word!r:.100} is taken for a glob: put blanks around a parenthesis")
        elif word.lower() in OPERATORS:
            self._notes.append(f"{word!r} is taken for a glob: write {word.lower()}")

    def _deeper(self, inner: Callable[[], Selector]) -> Selector:
        if self._depth >= MAX_DEPTH:
            raise TargetTooCostly(f"compound target {self._text!r:.200}: it is nested over {MAX_DEPTH} deep")
        self._depth += 1
        try:
            return inner()
        finally:
            self._depth -= 1

    def _next(self) -> str | None:
        return self._words[self._at].text if self._at < len(self._words) else None

    def _take(self, word: str) -> bool:
        if self._next() == word:
            self._at += 1
            return True
        return False

    def _fault(self, what: str) -> TargetError:
        """Return what is wrong with the text where the parser is."""
        at = self._words[self._at].at if self._at < len(self._words) else len(self._text)
        return TargetError(f"compound target {self._text!r:.200}: {what} (at character {at + 1})", position=at)


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
