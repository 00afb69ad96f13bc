"""``salt.utils.data``: paths into nested data."""

from __future__ import annotations

from typing import Any

from saltern_modules._traverse import traverse


def traverse_dict_and_list(data: Any, key: Any, default: Any = None, delimiter: str = ":") -> Any:
    """Return the value at the path *key*, through mappings and lists, or *default*."""
    return traverse(data, key, default, delimiter)


def traverse_dict(data: Any, key: str, default: Any = None, delimiter: str = ":") -> Any:
    """Return the value at the path *key*, through mappings alone, or *default*."""
    for part in key.split(delimiter):
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return default
    return data
