"""``salt.utils.dictupdate``: mappings laid over each other, and values set deep in them."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from saltern_compat.exceptions import SaltInvocationError


def update(dest: Any, upd: Any, recursive_update: bool = True, merge_lists: bool = False, strict: bool = False) -> Any:
    """Lay *upd* over *dest*, which is changed and returned. Mappings go into each other unless not *recursive_update*.

    *merge_lists*: lists get the members that they don't have yet, else they are replaced. Raises ``TypeError`` for what
    is no mapping, and with *strict* for a mapping over a list.
    """
    if not isinstance(dest, Mapping) or not isinstance(upd, Mapping):
        raise TypeError("Cannot update using non-dict types in dictupdate.update()")
    made: Any = dest
    for key, value in upd.items():
        before = dest.get(key)
        if not recursive_update:
            made[key] = value
        elif isinstance(before, Mapping) and isinstance(value, Mapping):
            made[key] = update(before, value, merge_lists=merge_lists)
        elif merge_lists and isinstance(before, list) and isinstance(value, list):
            kept = copy.deepcopy(before)
            made[key] = kept + [member for member in value if member not in kept]
        elif strict and merge_lists and isinstance(before, list) and isinstance(value, Mapping):
            raise TypeError(
                f"With {merge_lists=} we cannot update list under {key=} with mapping containing keys "
                f"val.keys()={value.keys()!r} in dictupdate.update()"
            )
        else:
            made[key] = value
    return made


def merge_list(obj_a: Mapping[Any, Any], obj_b: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return *obj_a*; what both have is a list of the two values."""
    return {key: [value, obj_b[key]] if key in obj_b else value for key, value in obj_a.items()}


def merge_recurse(obj_a: Any, obj_b: Any, merge_lists: bool = False) -> Any:
    """Return *obj_b* laid over a copy of *obj_a*."""
    return update(copy.deepcopy(obj_a), obj_b, merge_lists=merge_lists)


def merge_aggregate(obj_a: Any, obj_b: Any) -> Any:
    """Return both put together: mappings key by key, lists one after the other."""
    if isinstance(obj_a, Mapping) and isinstance(obj_b, Mapping):
        made = dict(obj_a)
        for key, value in obj_b.items():
            made[key] = merge_aggregate(made[key], value) if key in made else value
        return made
    if isinstance(obj_a, list) and isinstance(obj_b, list):
        return obj_a + obj_b
    return obj_b


def merge_overwrite(obj_a: Any, obj_b: Any, merge_lists: bool = False) -> Any:
    """Return *obj_a* with the values of *obj_b* in the place of its own."""
    for key in obj_b:
        if key in obj_a:
            obj_a[key] = obj_b[key]
    return merge_recurse(obj_a, obj_b, merge_lists=merge_lists)


def merge(obj_a: Any, obj_b: Any, strategy: str = "smart", renderer: str = "yaml", merge_lists: bool = False) -> Any:
    """Return both merged: ``smart``, ``recurse``, ``list``, ``aggregate``, ``overwrite`` or ``none``; else recurse."""
    if strategy == "smart" and (renderer.split("|")[-1] == "yamlex" or renderer.startswith("yamlex_")):
        strategy = "aggregate"
    if strategy == "list":
        return merge_list(obj_a, obj_b)
    if strategy == "aggregate":
        return merge_aggregate(obj_a, obj_b)
    if strategy == "overwrite":
        return merge_overwrite(obj_a, obj_b, merge_lists)
    return merge_recurse(obj_a, obj_b, merge_lists if strategy in ("smart", "recurse") else False)


def ensure_dict_key(in_dict: Any, keys: str, delimiter: str = ":", ordered_dict: bool = False) -> Any:
    """See to it that there are mappings along the path *keys*; return *in_dict*."""
    _walk(in_dict, keys.split(delimiter), ordered_dict)
    return in_dict


def set_dict_key_value(in_dict: Any, keys: str, value: Any, delimiter: str = ":", ordered_dict: bool = False) -> Any:
    """Set the value at the path *keys*; return *in_dict*."""
    inner, last = _last(in_dict, keys, delimiter, ordered_dict)
    inner[last] = value
    return in_dict


def update_dict_key_value(in_dict: Any, keys: str, value: Any, delimiter: str = ":", ordered_dict: bool = False) -> Any:
    """Update the mapping at the path *keys*; return *in_dict*. Raises ``SaltInvocationError``."""
    inner, last = _last(in_dict, keys, delimiter, ordered_dict)
    if inner.get(last) is None:
        inner[last] = OrderedDict() if ordered_dict else {}
    try:
        inner[last].update(value)
    except AttributeError:
        raise SaltInvocationError(f"The last key contains a {type(inner[last])}, which cannot update.") from None
    except (ValueError, TypeError):
        raise SaltInvocationError(f"Cannot update {type(inner[last])} with a {type(value)}.") from None
    return in_dict


def append_dict_key_value(in_dict: Any, keys: str, value: Any, delimiter: str = ":", ordered_dict: bool = False) -> Any:
    """Append to the list at the path *keys*; return *in_dict*. Raises ``SaltInvocationError``."""
    inner, last = _last(in_dict, keys, delimiter, ordered_dict)
    if inner.get(last) is None:
        inner[last] = []
    try:
        inner[last].append(value)
    except AttributeError:
        raise SaltInvocationError(f"The last key contains a {type(inner[last])}, which cannot append.") from None
    return in_dict


def extend_dict_key_value(in_dict: Any, keys: str, value: Any, delimiter: str = ":", ordered_dict: bool = False) -> Any:
    """Extend the list at the path *keys*; return *in_dict*. Raises ``SaltInvocationError``."""
    inner, last = _last(in_dict, keys, delimiter, ordered_dict)
    if inner.get(last) is None:
        inner[last] = []
    try:
        inner[last].extend(value)
    except AttributeError:
        raise SaltInvocationError(f"The last key contains a {type(inner[last])}, which cannot extend.") from None
    except TypeError:
        raise SaltInvocationError(f"Cannot extend {type(inner[last])} with a {type(value)}.") from None
    return in_dict


def _walk(data: Any, keys: list[str], ordered: bool) -> Any:
    for key in keys:
        if not isinstance(data.get(key), dict):
            data[key] = OrderedDict() if ordered else {}
        data = data[key]
    return data


def _last(data: Any, keys: str, delimiter: str, ordered: bool) -> tuple[Any, str]:
    *before, last = keys.split(delimiter)
    return _walk(data, before, ordered), last
