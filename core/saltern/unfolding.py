"""How much a nested value is when everything that it holds several times, as YAML's aliases make it, is written out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_ENTRIES = 1_000_000
"""Texts, numbers, lists and maps in one value."""


def bounded(value: Any) -> Any:
    """Return *value*. Raises ``ValueError``, one line, when it has too many entries, or holds itself."""
    if _entries(value, {}, ()) > MAX_ENTRIES:
        raise ValueError(f"its aliases (*name) repeat so much that it has over {MAX_ENTRIES:,} entries")
    return value


def _entries(value: Any, known: dict[int, int], within: tuple[int, ...]) -> int:
    if not isinstance(value, Mapping | list | tuple):
        return 1
    me = id(value)
    if me in within:
        raise ValueError("it holds itself, by an alias (*name)")
    if me not in known:
        inner = value.values() if isinstance(value, Mapping) else value
        known[me] = 1 + sum(_entries(one, known, (*within, me)) for one in inner)
    return known[me]
