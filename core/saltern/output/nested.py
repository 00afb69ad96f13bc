"""``nested``: Salt's own look, for people.

::

    web01:
        ----------
        name:
            value
        list:
            - one
            |_
              - a list in a list

A map shows its keys sorted, each with its value four columns deeper, below a rule unless it is outermost. Members
of a list begin with ``-``; a list or map among them is put below a ``|_``, two columns deeper.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from saltern.output.text import text_of
from saltern.plain import Plain
from saltern.visible import visible, visible_lines

RULE = "-" * 10
KEY_INDENT = 4
MEMBER_INDENT = 2

_RESET = "\033[0;0m"
_KEY = "\033[0;36m"  # cyan
_TEXT = "\033[0;32m"  # green
_VALUE = "\033[0;1;33m"  # light yellow: numbers, booleans, None


def render(value: Any, color: bool) -> str:
    """Return *value* in Salt's nested form, with ANSI colours when *color* is true."""
    return "\n".join(_lines(Plain().of(value), 0, "", color))


def _lines(value: Any, indent: int, prefix: str, color: bool) -> Iterator[str]:
    """Yield the lines of a plain *value*; *prefix* goes before the first and its width before the others."""
    if isinstance(value, Mapping):
        yield from _map_lines(value, indent, color)
    elif isinstance(value, list):
        yield from _list_lines(value, indent, color)
    elif isinstance(value, (str, bytes)):
        for number, line in enumerate(visible_lines(text_of(value))):
            yield _line(indent, _TEXT, (" " * len(prefix) if number else prefix) + line, color)
    else:
        yield _line(indent, _VALUE, f"{prefix}{value!r}", color)


def _map_lines(value: Mapping[Any, Any], indent: int, color: bool) -> Iterator[str]:
    if indent:
        yield _line(indent, _KEY, RULE, color)
    try:
        keys = sorted(value)
    except TypeError:  # numbers beside texts
        keys = sorted(value, key=str)
    for key in keys:
        yield _line(indent, _KEY, visible(str(key)), color) + ":"
        yield from _lines(value[key], indent + KEY_INDENT, "", color)


def _list_lines(value: list[Any], indent: int, color: bool) -> Iterator[str]:
    for member in value:
        if isinstance(member, (list, Mapping)):
            yield _line(indent, _TEXT, "|_", color)
            yield from _lines(member, indent + MEMBER_INDENT, "", color)
        else:
            yield from _lines(member, indent, "- ", color)


def _line(indent: int, code: str, text: str, color: bool) -> str:
    return f"{' ' * indent}{code}{text}{_RESET}" if color else f"{' ' * indent}{text}"
