"""Colon paths into nested data, as grains and pillar are asked for: ``os:family``, ``disks:0:name``."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from saltern.errors import CommandError

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


def chosen(table: Mapping[str, Any], value: Any, merge: Any, default: str, base: str | None) -> Any:
    """Return that entry of *table* whose key is a glob for *value*, or for one of its members when it is a list.

    That of the key *default* when there is none. It is laid over the entry *base*, and *merge* over that. Raises
    ``CommandError`` when what is to be laid over each other isn't maps.
    """
    found = next(
        (
            entry
            for one in (value if isinstance(value, list) else [value])
            for key, entry in table.items()
            if entry is not None and fnmatchcase(str(one), str(key))
        ),
        table.get(default),
    )
    below = table.get(base) if base else None
    if found is None:
        found = below
    elif isinstance(below, Mapping):
        found = _over(below, found)
    if merge:
        found = merge if found is None else _over(found, merge)
    return found


def _over(below: Any, above: Any) -> dict[str, Any]:
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        raise CommandError("filter_by: what is laid over each other must be maps")
    return overlaid(below, above, lists=False)
