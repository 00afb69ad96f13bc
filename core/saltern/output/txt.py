"""``txt``: each line of a text answer after its minion's name, ``web01: line``, for ``grep`` and ``awk``."""

from __future__ import annotations

from typing import Any

from saltern.output.look import Look
from saltern.output.text import lines_of
from saltern.plain import Plain
from saltern.visible import visible, visible_lines


def render(value: Any, look: Look) -> str:
    """Return *value* as lines of text; what is no map and no text is shown as by ``pprint``."""
    plain = Plain().of(value)
    if isinstance(plain, dict):
        return "\n".join(f"{visible(str(key))}: {line}" for key, member in plain.items() for line in _lines(member))
    if isinstance(plain, str):
        return "\n".join(visible_lines(plain))
    from saltern.output import pprint_form

    return pprint_form.render(plain, Look())


def _lines(value: Any) -> list[str]:
    return lines_of(value) if isinstance(value, (str, bytes)) else [visible(str(value))]
