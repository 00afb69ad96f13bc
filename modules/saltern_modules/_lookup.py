"""Colon paths into nested data, as grains and pillar are asked for: ``os:family``, ``disks:0:name``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MISSING = object()
"""What :func:`lookup` returns for its default when the caller must tell "not there" from any value."""


def lookup(data: Any, path: str, default: Any = None, delimiter: str = ":") -> Any:
    """Return the value at *path* in *data*, or *default* when there is none.

    A whole path that is itself a key is found first; a number is an index where the path reaches a list.
    """
    if isinstance(data, Mapping) and path in data:
        return data[path]
    for part in path.split(delimiter):
        if isinstance(data, Mapping) and part in data:
            data = data[part]
        elif isinstance(data, list) and part.isdigit() and int(part) < len(data):
            data = data[int(part)]
        else:
            return default
    return data
