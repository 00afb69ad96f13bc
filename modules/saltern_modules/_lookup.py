"""Colon paths into nested data, as grains and pillar are asked for: ``os:family``, ``disks:0:name``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MISSING = object()
"""What :func:`lookup` returns for its default when the caller must tell "not there" from any value."""


def lookup(data: Any, path: str, default: Any = None, delimiter: str = ":") -> Any:
    """Return the value at *path* in *data*, or *default* when there is none.

    A whole path that is itself a key is found first. Keys that are whole numbers are found too. Where the path reaches
    a list, a number is an index; any other part is looked for in those of its members that are dicts, in order.
    """
    if isinstance(data, Mapping) and path in data:
        return data[path]
    for part in path.split(delimiter):
        if isinstance(data, Mapping) and part in data:
            data = data[part]
        elif isinstance(data, Mapping) and part.isdecimal() and int(part) in data:
            data = data[int(part)]
        elif isinstance(data, list) and part.isdecimal():
            if int(part) >= len(data):
                return default
            data = data[int(part)]
        elif isinstance(data, list):
            data = next((member[part] for member in data if isinstance(member, Mapping) and part in member), MISSING)
            if data is MISSING:
                return default
        else:
            return default
    return data


def joined(first: list[Any], more: list[Any]) -> list[Any]:
    """Return *first* and, after it, those members of *more* that it doesn't have."""
    return [*first, *(member for member in more if member not in first)]


def overlaid(below: Mapping[str, Any], above: Mapping[str, Any], *, lists: bool) -> dict[str, Any]:
    """Return *below* with the values of *above* laid over it, dicts at every depth; with *lists*, lists are joined."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            result[key] = overlaid(under, value, lists=lists)
        elif lists and isinstance(under, list) and isinstance(value, list):
            result[key] = joined(under, value)
        else:
            result[key] = value
    return result
