"""Bytes among what is shown."""

from __future__ import annotations


def text_of(value: str | bytes) -> str:
    """Return *value* as text; bytes that are not UTF-8 appear as ``\\xff``."""
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
