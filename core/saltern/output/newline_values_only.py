"""``newline_values_only``: the values alone, one a line, for ``while read``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltern.output.look import Look
from saltern.output.text import lines_of
from saltern.plain import Plain
from saltern.visible import visible


def render(value: Any, look: Look) -> str:
    """Return the values within *value*, without the keys above them."""
    return "\n".join(_values(Plain().of(value)))


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for member in value.values():
            yield from _values(member)
    elif isinstance(value, list):
        for member in value:
            yield from _values(member)
    elif isinstance(value, (str, bytes)):
        yield from lines_of(value)
    else:
        yield visible(str(value))
