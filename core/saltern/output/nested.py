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
of a list begin with ``-``; a list or map among them is put below a ``|_``, two columns deeper. Keys are red
when the call failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from saltern.output.look import CYAN, GREEN, LIGHT_YELLOW, RED, Look
from saltern.output.text import lines_of
from saltern.plain import Plain
from saltern.visible import visible

RULE = "-" * 10
KEY_INDENT = 4
MEMBER_INDENT = 2


def render(value: Any, look: Look) -> str:
    """Return *value* in Salt's nested form."""
    return "\n".join(nested_lines(Plain().of(value), 0, "", look))


def nested_lines(value: Any, indent: int, prefix: str, look: Look) -> Iterator[str]:
    """Yield the lines of a plain *value*; *prefix* goes before the first and its width before the others."""
    if isinstance(value, Mapping):
        yield from _map_lines(value, indent, look)
    elif isinstance(value, list):
        yield from _list_lines(value, indent, look)
    elif isinstance(value, (str, bytes)):
        for number, line in enumerate(lines_of(value)):
            yield look.line(indent, GREEN, (" " * len(prefix) if number else prefix) + line)
    else:
        yield look.line(indent, LIGHT_YELLOW, f"{prefix}{value!r}")


def _map_lines(value: Mapping[Any, Any], indent: int, look: Look) -> Iterator[str]:
    code = RED if look.retcode else CYAN
    if indent:
        yield look.line(indent, code, RULE)
    for key in sorted_keys(value):
        yield look.line(indent, code, visible(str(key)), ":")
        yield from nested_lines(value[key], indent + KEY_INDENT, "", look)


def sorted_keys(value: Mapping[Any, Any]) -> list[Any]:
    """Return the keys of *value*, sorted; as texts where there are numbers beside texts."""
    try:
        return sorted(value)
    except TypeError:
        return sorted(value, key=str)


def _list_lines(value: list[Any], indent: int, look: Look) -> Iterator[str]:
    for member in value:
        if isinstance(member, (list, Mapping)):
            yield look.line(indent, RED if look.retcode else GREEN, "|_")
            yield from nested_lines(member, indent + MEMBER_INDENT, "", look)
        else:
            yield from nested_lines(member, indent, "- ", look)
