"""Paths into nested data as Salt goes them: ``a:b:0``, where a list may hold the mapping that has the next key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MISSING = object()
"""A default that tells "not there" from any value."""

_WORDS = {
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
    **dict.fromkeys(("null", "Null", "NULL", "None", "~"), None),
}
_NUMBER = re.compile(r"[-+]?(\d+|\d*\.\d+|\d+\.\d*)")


def traverse(data: Any, path: Any, default: Any = None, delimiter: str = ":") -> Any:
    """Return the value at *path* in *data*, or *default*.

    A mapping is gone through by its key, as text or as what YAML makes of the text (``5``, ``true``). A list by the
    first mapping in it that has the key, else by its index, which may be negative.
    """
    for part in path.split(delimiter) if isinstance(path, str) else [path] if isinstance(path, int) else path:
        data = _of_list(data, part) if isinstance(data, list) else _of_mapping(data, part)
        if data is MISSING:
            return default
    return data


def _of_list(data: list[Any], part: Any) -> Any:
    try:
        key: Any = int(part)
    except (TypeError, ValueError):
        key = part
    for member in data:
        if isinstance(member, Mapping) and key in member:
            return member[key]
    try:
        return data[key] if isinstance(key, int) else MISSING
    except IndexError:
        return MISSING


def _of_mapping(data: Any, part: Any) -> Any:
    if not isinstance(data, Mapping):
        return MISSING
    if part in data:
        return data[part]
    key = _scalar(part) if isinstance(part, str) else part
    return data.get(key, MISSING)


def _scalar(text: str) -> Any:
    """Return what YAML makes of a plain *text*: a number, true or false, null; else the text."""
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text
