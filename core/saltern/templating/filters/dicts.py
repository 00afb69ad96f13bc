"""Filters of mappings: their paths, changes and entries."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError
from saltern.templating.filters.texts import to_bytes, to_num
from saltern.traverse import traverse

DELIMITER = ":"


def _place(data: Any, keys: str, delimiter: str, ordered_dict: bool) -> tuple[Any, str]:
    """Return the mapping that has the last of *keys*, made where it is missing, and that key."""
    *parents, last = keys.split(delimiter)
    for key in parents:
        if key not in data or not isinstance(data[key], dict):
            data[key] = OrderedDict() if ordered_dict else {}
        data = data[key]
    return data, last


def set_dict_key_value(
    in_dict: Any, keys: str, value: Any, delimiter: str = DELIMITER, ordered_dict: bool = False
) -> Any:
    """Set what is at ``a:b:c``, whose mappings are made; return *in_dict*."""
    place, last = _place(in_dict, keys, delimiter, ordered_dict)
    place[last] = value
    return in_dict


def _changed(
    in_dict: Any, keys: str, value: Any, delimiter: str, ordered_dict: bool, how: str, empty: Callable[[], Any]
) -> Any:
    place, last = _place(in_dict, keys, delimiter, ordered_dict)
    if place.get(last) is None:
        place[last] = empty()
    there = place[last]
    if not hasattr(there, how):
        raise ArgumentError(f"The last key contains a {type(there)}, which cannot {how}.")
    try:
        getattr(there, how)(value)
    except (ValueError, TypeError):
        raise ArgumentError(f"Cannot {how} {type(there)} with a {type(value)}.") from None
    return in_dict


def update_dict_key_value(
    in_dict: Any, keys: str, value: Any, delimiter: str = DELIMITER, ordered_dict: bool = False
) -> Any:
    """Update the mapping at ``a:b:c`` by *value*; return *in_dict*."""
    empty = OrderedDict if ordered_dict else dict
    return _changed(in_dict, keys, value, delimiter, ordered_dict, "update", empty)


def append_dict_key_value(
    in_dict: Any, keys: str, value: Any, delimiter: str = DELIMITER, ordered_dict: bool = False
) -> Any:
    """Append *value* to the list at ``a:b:c``; return *in_dict*."""
    return _changed(in_dict, keys, value, delimiter, ordered_dict, "append", list)


def extend_dict_key_value(
    in_dict: Any, keys: str, value: Any, delimiter: str = DELIMITER, ordered_dict: bool = False
) -> Any:
    """Extend the list at ``a:b:c`` by *value*; return *in_dict*."""
    return _changed(in_dict, keys, value, delimiter, ordered_dict, "extend", list)


def compare_dicts(old: Any = None, new: Any = None) -> dict[Any, dict[str, Any]]:
    """Return ``{key: {'old', 'new'}}`` of what differs; ``""`` where it is missing."""
    before, after = old or {}, new or {}
    return {
        key: {"old": before.get(key, ""), "new": after.get(key, "")}
        for key in {**before, **after}
        if key not in before or key not in after or before[key] != after[key]
    }


def to_entries(data: Any) -> list[dict[str, Any]]:
    """Return ``[{'key', 'value'}]`` of a mapping, or of a list with its indexes as keys."""
    if not isinstance(data, dict | list):
        raise ArgumentError("Input data must be a dict or list")
    pairs = data.items() if isinstance(data, dict) else enumerate(data)
    return [{"key": key, "value": value} for key, value in pairs]


def from_entries(entries: Any) -> dict[Any, Any]:
    """Return the mapping of ``[{'key' or 'name', 'value'}]``, in any case."""
    found = {}
    for entry in entries:
        lower = {str(key).lower(): value for key, value in entry.items()}
        if key := lower.get("key") or lower.get("name"):
            found[key] = lower.get("value")
    return found


def mysql_to_dict(data: Any, key: str) -> dict[Any, dict[str, Any]]:
    """Return the lines of a table of mysql's as rows by their field *key*."""
    headers: list[str] = []
    found = {}
    for line in data:
        if not line or line.startswith("+"):
            continue
        fields = [field.strip() for field in line.split("|")][1:-1]
        if not headers:
            headers = fields
            continue
        row = dict(zip(headers, map(to_num, fields), strict=False))
        found[row[key]] = row
    return found


def encoded(data: Any) -> Any:
    """Return *data* with its texts as bytes."""
    if isinstance(data, Mapping):
        return {encoded(key): encoded(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [encoded(value) for value in data]
    return to_bytes(data) if isinstance(data, str) else data


def _json_query(data: Any, expr: str) -> Any:
    raise ArgumentError("json_query requires jmespath module installed")


FILTERS: Mapping[str, Callable[..., Any]] = {
    "traverse": traverse,
    "set_dict_key_value": set_dict_key_value,
    "update_dict_key_value": update_dict_key_value,
    "append_dict_key_value": append_dict_key_value,
    "extend_dict_key_value": extend_dict_key_value,
    "compare_dicts": compare_dicts,
    "to_entries": to_entries,
    "from_entries": from_entries,
    "mysql_to_dict": mysql_to_dict,
    "json_encode_dict": encoded,
    "json_decode_dict": encoded,
    "json_encode_list": encoded,
    "json_decode_list": encoded,
    "json_query": _json_query,
}
