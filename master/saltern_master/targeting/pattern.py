"""Globs and regular expressions, bounded in what compiling them (``saltern.pattern_size``) and matching them costs.

Both mean what Python's ``fnmatch`` and ``re`` mean by them. ``re`` can't be stopped, so it gets only what can't take
long: a glob, and an expression whose ways to match a text of that length are few. The others go to the package
``regex``, whose matching can be given a limit of time, at ten times the price for each text.
"""

from __future__ import annotations

import fnmatch
import re
import warnings
from collections.abc import Collection, Iterator

import regex

from saltern.errors import TargetError, TargetTooCostly
from saltern.pattern_size import refusal
from saltern_master.targeting.effort import Effort, Holds
from saltern_master.targeting.ways import literal, quick_chars

MAX_PATTERN_CHARS = 1000
TEXTS_A_LOOK = 32
"""Texts between two looks at the clock."""

_STARS = re.compile(r"[*?]")
_WILD = frozenset("*?[")


class Pattern:
    """One compiled pattern."""

    def under(self, effort: Effort) -> Holds:
        """Return what says whether a text matches, at the expense of *effort*."""
        raise NotImplementedError

    def of(self, texts: Collection[str], effort: Effort) -> list[str]:
        """Return those of *texts* that match."""
        effort.check()
        holds = self.under(effort)
        return [text for text in texts if holds(text)]


class Exact(Pattern):
    """One text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def under(self, effort: Effort) -> Holds:
        """Return the comparison with the text."""
        return self.text.__eq__

    def of(self, texts: Collection[str], effort: Effort) -> list[str]:
        """Return the text, if it is there."""
        return [self.text] if self.text in texts else []


class Glob(Pattern):
    """A glob that isn't one text alone, for whole texts."""

    def __init__(self, text: str) -> None:
        """Raises ``TargetTooCostly``."""
        _check_length(text)
        self._start = text[:-1] if text.endswith("*") and _WILD.isdisjoint(text[:-1]) else None
        self._match = re.compile(fnmatch.translate(text)).match
        self._literal = "" if "[" in text else max(_STARS.split(text), key=len)

    def under(self, effort: Effort) -> Holds:
        """Return the match: no glob goes back over a text again and again."""
        if self._start is not None:
            start = self._start
            return lambda text: text.startswith(start)
        return self._match

    def of(self, texts: Collection[str], effort: Effort) -> list[str]:
        """Return those of *texts* that match."""
        effort.check()
        start, match = self._start, self._match
        texts = _with(self._literal, texts)
        if start is not None:
            return [text for text in texts if text.startswith(start)]
        return [text for part in _parts(texts, effort) for text in part if match(text)]


class Expression(Pattern):
    """A regular expression, from the start of a text."""

    def __init__(self, text: str) -> None:
        """Raises ``TargetError`` when it is none, ``TargetTooCostly`` when it is one too large."""
        _check_length(text)
        why = refusal(text)
        if why:
            raise TargetTooCostly(why)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of "[[" and the like, which mean what they always did
                self._quick = re.compile(text).match
        except (re.error, ValueError, OverflowError, RecursionError, MemoryError) as error:
            raise TargetError(f"{text!r:.100} is not a regular expression: {error}") from None
        self._text = text
        self._quick_chars = quick_chars(text)
        self._literal = literal(text)
        self._slow: regex.Pattern[str] | None = None

    def under(self, effort: Effort) -> Holds:
        """Return the match."""
        quick, quick_chars, check = self._quick, self._quick_chars, effort.check

        def holds(text: str) -> object:
            if len(text) <= quick_chars:
                check()
                return quick(text)
            return effort.matches(self._stoppable(), text)

        return holds

    def of(self, texts: Collection[str], effort: Effort) -> list[str]:
        """Return those of *texts* that match."""
        quick, quick_chars = self._quick, self._quick_chars
        return [
            text
            for part in _parts(_with(self._literal, texts), effort)
            for text in part
            if (quick(text) if len(text) <= quick_chars else effort.matches(self._stoppable(), text))
        ]

    def _stoppable(self) -> regex.Pattern[str]:
        if self._slow is None:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self._slow = regex.compile(self._text, regex.VERSION0)
            except (regex.error, ValueError, OverflowError, RecursionError, MemoryError) as error:
                raise TargetTooCostly(f"{self._text!r:.100} can't be matched in bounded time: {error}") from None
        return self._slow


def glob(text: str) -> Pattern:
    """Return the pattern that matches what the glob *text* means, as a whole. Raises ``TargetTooCostly``."""
    return Exact(text) if _WILD.isdisjoint(text) else Glob(text)


def _with(literal: str, texts: Collection[str]) -> Collection[str]:
    """Return those of *texts* that *literal* is in, much sooner than a pattern could tell."""
    if not literal or len(texts) < TEXTS_A_LOOK:
        return texts
    if literal not in "\0".join(texts):
        return ()
    return [text for text in texts if literal in text]


def _parts(texts: Collection[str], effort: Effort) -> Iterator[list[str]]:
    """Yield texts, a few between two looks at the clock."""
    every = list(texts)
    for start in range(0, len(every), TEXTS_A_LOOK):
        effort.check()
        yield every[start : start + TEXTS_A_LOOK]


def _check_length(text: str) -> None:
    if len(text) > MAX_PATTERN_CHARS:
        raise TargetTooCostly(f"the pattern {text!r:.100} has {len(text)} characters: {MAX_PATTERN_CHARS} are allowed")
