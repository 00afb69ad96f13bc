"""``txt``: each line of a text answer after its minion's name, ``web01: line``, for ``grep`` and ``awk``."""

from __future__ import annotations

from typing import Any

from saltern.output.text import safe, safe_lines
from saltern.plain import Plain


def render(value: Any, color: bool) -> str:
    """Return *value* as lines of text; *color* is ignored."""
    plain = Plain().of(value)
    if not isinstance(plain, dict):
        return "\n".join(_lines(plain))
    return "\n".join(f"{safe(str(key))}: {line}" for key, member in plain.items() for line in _lines(member))


def _lines(value: Any) -> list[str]:
    return safe_lines(value) if isinstance(value, (str, bytes)) else [safe(str(value))]
