"""``no_return``: what is said of a minion that didn't answer, in red."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltern.output.look import CYAN, RED, Look
from saltern.output.nested import KEY_INDENT, sorted_keys
from saltern.plain import Plain
from saltern.visible import visible


def render(value: Any, look: Look) -> str:
    """Return the names in *value*, each with its text below it."""
    return "\n".join(_lines(Plain().of(value), 0, look))


def _lines(value: Any, indent: int, look: Look) -> Iterator[str]:
    if isinstance(value, dict):
        for key in sorted_keys(value):
            yield look.line(0, CYAN, " " * indent + visible(str(key)), ":")
            yield from _lines(value[key], indent + KEY_INDENT, look)
    elif isinstance(value, str):
        for line in value.split("\n"):
            yield look.line(0, RED, " " * indent + visible(line))
