"""``txt``: each line of a text answer after its minion's name, ``web01: line``, for ``grep`` and ``awk``."""

from __future__ import annotations

from typing import Any

from saltern.output.text import text_of
from saltern.plain import Plain
from saltern.visible import visible, visible_lines


def render(value: Any, color: bool) -> str:
    """Return *value* as lines of text; *color* is ignored."""
    plain = Plain().of(value)
    if not isinstance(plain, dict):
        return "\n".join(_lines(plain))
    return "\n".join(f"{visible(str(key))}: {line}" for key, member in plain.items() for line in _lines(member))


def _lines(value: Any) -> list[str]:
    return visible_lines(text_of(value)) if isinstance(value, (str, bytes)) else [visible(str(value))]
