"""Texts, and bytes among what is shown."""

from __future__ import annotations

from saltern.visible import visible


def text_of(value: str | bytes) -> str:
    """Return *value* as text; bytes that are not UTF-8 appear as ``\\xff``."""
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value


def lines_of(value: str | bytes) -> list[str]:
    """Return the lines of *value*, each safe to show. They end with what ends one for Python: also CR, FF, U+2028."""
    return [visible(line) for line in text_of(value).splitlines()]
