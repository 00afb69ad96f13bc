"""Striking secrets out of what leaves the agent: returns, events, log lines.

Functions need the text of a secret and get it. It is against accidents, an error message that quotes a command line,
a debug line, ``pillar.items``: who may run any code here can disguise what it returns, and ``runs`` is a power
(``saltern.power``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from saltern.secret import MASK

MIN_PART_CHARACTERS = 4
"""A shorter secret is struck out only where it is the whole of a text: it would be found everywhere."""

MIN_LINE_CHARACTERS = 8
"""A line of a longer secret is struck out by itself from this length on: keys are read and printed line by line."""


class Strikeout:
    """Replaces *texts* by ``***`` wherever they stand, also when escaped. False when there are none."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.texts = frozenset(text for text in texts if text)
        parts = {form for text in self.texts for form in _forms(text)}
        self._whole = frozenset(part for part in parts if len(part) < MIN_PART_CHARACTERS)
        self._parts = sorted(parts - self._whole, key=len, reverse=True)  # a part of another one comes after it
        self.longest = len(self._parts[0]) if self._parts else 0
        """Characters of the longest part."""

    def __bool__(self) -> bool:
        return bool(self.texts)

    def also(self, texts: frozenset[str]) -> Strikeout:
        """Return one for *texts* too."""
        return self if texts <= self.texts else Strikeout(self.texts | texts)

    def parts(self) -> list[str]:
        """Return what is struck out wherever it stands, the longest first."""
        return self._parts

    def text(self, text: str) -> str:
        """Return *text* without the secrets."""
        if text in self._whole:
            return MASK
        for part in self._parts:
            if part in text:
                text = text.replace(part, MASK)
        return text

    def value(self, value: Any) -> Any:
        """Return a plain *value* (see ``saltern.plain``) without the secrets, keys included."""
        kind = type(value)
        if kind is str:
            return self.text(value)
        if kind is dict:
            return {self.value(key): self.value(member) for key, member in value.items()}
        if kind is list:
            return [self.value(member) for member in value]
        if kind is bytes:
            return self.text(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        return value


class StruckLog(logging.Formatter):
    """Formats as *inner* does, without the secrets in force where the record was made."""

    def __init__(self, inner: logging.Formatter, strikeout: Callable[[], Strikeout]) -> None:
        super().__init__()
        self._inner = inner
        self._strikeout = strikeout

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        text = self._inner.format(record)
        strikeout = self._strikeout()
        return strikeout.text(text) if strikeout else text


def _forms(text: str) -> set[str]:
    """Return what *text* looks like as it is, without the space around it, line by line, and escaped.

    Escaped as Python, JSON (in both its ways) and our log do it.
    """
    import json  # only for hosts with secrets

    stripped = text.strip()
    forms = {text, stripped}
    if "\n" in stripped:
        forms.update(line for line in map(str.strip, text.splitlines()) if len(line) >= MIN_LINE_CHARACTERS)
    escaped = {form.replace("\n", "\\n") for form in forms} | {repr(form)[1:-1] for form in forms}
    escaped |= {json.dumps(form, ensure_ascii=ascii_)[1:-1] for form in forms for ascii_ in (True, False)}
    return (forms | escaped) - {""}
