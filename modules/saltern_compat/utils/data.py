"""``salt.utils.data``: nested data searched, compared and changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltern_compat.utils._data_texts import CaseInsensitiveDict as CaseInsensitiveDict
from saltern_compat.utils._data_texts import decode as decode
from saltern_compat.utils._data_texts import decode_dict as decode_dict
from saltern_compat.utils._data_texts import decode_list as decode_list
from saltern_compat.utils._data_texts import encode as encode
from saltern_compat.utils._data_texts import encode_dict as encode_dict
from saltern_compat.utils._data_texts import encode_list as encode_list
from saltern_compat.utils._data_texts import to_lowercase as to_lowercase
from saltern_compat.utils._data_texts import to_uppercase as to_uppercase
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


def compare_dicts(old: Any = None, new: Any = None) -> dict[Any, Any]:
    """Return ``{key: {'old': …, 'new': …}}`` of all that differs; what isn't there is an empty text."""
    before, after = old or {}, new or {}
    return {
        key: {"old": before.get(key, ""), "new": after.get(key, "")}
        for key in {*before, *after}
        if key not in before or key not in after or before[key] != after[key]
    }


def compare_lists(old: Any = None, new: Any = None) -> dict[str, list[Any]]:
    """Return ``new`` and ``old``: the members that only one of two lists has."""
    found = {
        "new": [member for member in new or () if member not in (old or ())],
        "old": [member for member in old or () if member not in (new or ())],
    }
    return {name: members for name, members in found.items() if members}


def is_dictlist(data: Any) -> bool:
    """Return whether *data* is a list of mappings with one key each, as in SLS files."""
    return isinstance(data, list) and all(isinstance(one, dict) and len(one) == 1 for one in data)


def repack_dictlist(
    data: Any, strict: bool = False, recurse: bool = False, key_cb: Any = None, val_cb: Any = None
) -> dict[Any, Any]:
    """Return a list of mappings with one key each as one mapping; plain members get ``None``. ``{}`` for anything else.

    *recurse* goes into values, which *strict* refuses. *key_cb* and *val_cb* change keys and values.
    """
    if isinstance(data, str):
        import yaml

        try:
            data = yaml.safe_load(data)
        except yaml.YAMLError:
            return {}
    if not isinstance(data, list):
        return {}
    made: dict[Any, Any] = {}
    for member in data:
        if isinstance(member, (str, int, float)):
            made[key_cb(member) if key_cb else member] = None
            continue
        if not isinstance(member, dict) or len(member) != 1:
            return {}
        key, value = next(iter(member.items()))
        own = key_cb(key) if key_cb else key
        if is_dictlist(value) and recurse:
            made[own] = repack_dictlist(value, recurse=recurse)
        elif is_dictlist(value) and strict:
            return {}
        else:
            made[own] = val_cb(key, value) if val_cb else value
    return made


def is_list(value: Any) -> bool:
    """Return whether *value* is a list."""
    return isinstance(value, list)


def is_iter(thing: Any, ignore: Any = (str,)) -> bool:
    """Return whether *thing* has members, and is none of the kinds in *ignore*."""
    if ignore and isinstance(thing, ignore):
        return False
    try:
        iter(thing)
        return True
    except TypeError:
        return False


def sorted_ignorecase(to_sort: Iterable[str]) -> list[str]:
    """Return texts in order, whatever their case."""
    return sorted(to_sort, key=str.lower)


def is_true(value: Any = None) -> bool:
    """Return whether *value* means yes: a number over 0, the text ``true`` in any case, anything else that is true."""
    for kind in (int, float):
        try:
            value = kind(value)
        except (ValueError, TypeError):
            continue
    if isinstance(value, (int, float)):
        return value > 0
    return value.lower() == "true" if isinstance(value, str) else bool(value)


def exactly_n(iterable: Iterable[Any], amount: int = 1) -> bool:
    """Return whether just *amount* members are true."""
    return sum(1 for member in iterable if member) == amount


def exactly_one(iterable: Iterable[Any]) -> bool:
    """Return whether just one member is true."""
    return exactly_n(iterable)


def filter_by(
    lookup_dict: Any, lookup: Any, traverse: Any, merge: Any = None, default: Any = "default", base: Any = None
) -> Any:
    """Return the member of *lookup_dict* whose key, a glob, fits what *traverse* has at the path *lookup*.

    *base* names a member that it is laid over, *merge* is laid over it.
    """
    import copy
    import fnmatch

    from saltern_compat.utils import dictupdate

    values = traverse_dict_and_list(traverse, lookup, None)
    found = None
    for value in values if isinstance(values, list) else [values]:
        keys = [key for key in lookup_dict if fnmatch.fnmatchcase(str(value), str(key))]
        if keys:
            found = lookup_dict[str(value) if str(value) in keys else keys[0]]
            break
    if found is None:
        found = lookup_dict.get(default)
    if base and base in lookup_dict:
        under = copy.deepcopy(lookup_dict[base])
        found = under if found is None else dictupdate.update(under, found) if isinstance(found, Mapping) else found
    if merge:
        if not isinstance(merge, Mapping):
            from saltern_compat.exceptions import SaltException

            raise SaltException("filter_by merge argument must be a dictionary.")
        found = merge if found is None else dictupdate.update(copy.deepcopy(found), merge)
    return found


def subdict_match(
    data: Any, expr: str, delimiter: str = ":", regex_match: bool = False, exact_match: bool = False
) -> bool:
    """Return whether ``path:to:value`` fits *data*, where the value is a glob, a *regex_match* or *exact_match*."""
    import fnmatch
    import re

    parts = expr.split(delimiter)
    for count in range(len(parts) - 1, 0, -1):
        found = traverse_dict_and_list(data, delimiter.join(parts[:count]), None, delimiter)
        wanted = delimiter.join(parts[count:])
        if found is None:
            continue
        if wanted == "*":
            return True
        for member in found if isinstance(found, (list, Mapping)) else [found]:
            text = str(member)
            if exact_match:
                fits = text.lower() == wanted.lower()
            elif regex_match:
                fits = bool(re.match(wanted.lower(), text.lower()))
            else:
                fits = fnmatch.fnmatch(text.lower(), wanted.lower())
            if fits:
                return True
    return False


def substr_in_list(string_to_search_for: str, list_to_search: Iterable[str]) -> bool:
    """Return whether a text is in one of several."""
    return any(string_to_search_for in text for text in list_to_search)


def mysql_to_dict(data: Iterable[str], key: str) -> dict[Any, dict[str, Any]]:
    """Return the rows of a table as ``mysql`` prints it, by what is in the column *key*."""
    made: dict[Any, dict[str, Any]] = {}
    headers: list[str] = []
    for line in data:
        if not line or line.startswith("+"):
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not headers:
            headers = cells
        else:
            row = {name: int(cell) if cell.isdecimal() else cell for name, cell in zip(headers, cells, strict=False)}
            made[row.get(key, cells[0])] = row
    return made


def simple_types_filter(data: Any) -> Any:
    """Return *data* with all that is no text, number, mapping or list as its ``repr``."""
    if data is None or isinstance(data, (str, int, float, bool)):
        return data
    if isinstance(data, Mapping):
        return {
            key if isinstance(key, (str, int, float, bool)) else repr(key): simple_types_filter(value)
            for key, value in data.items()
        }
    if isinstance(data, (list, tuple)):
        return [member if isinstance(member, tuple) else simple_types_filter(member) for member in data]
    return repr(data)


def stringify(data: Iterable[Any]) -> list[str]:
    """Return all members as texts."""
    return [str(member) for member in data]


def filter_falsey(data: Any, recurse_depth: int | None = None, ignore_types: Any = ()) -> Any:
    """Return *data* without the members that are false, to a depth; those of *ignore_types* stay."""
    deeper = None if recurse_depth is None else recurse_depth - 1

    def inner(value: Any) -> Any:
        if isinstance(value, (dict, list)) and recurse_depth is not None and (recurse_depth > 0 or recurse_depth < 0):
            return filter_falsey(value, deeper, ignore_types)
        return value

    def kept(value: Any) -> bool:
        return bool(value) or type(value) in tuple(ignore_types)

    if isinstance(data, dict):
        made = {key: inner(value) for key, value in data.items()}
        return type(data)((key, value) for key, value in made.items() if kept(value))
    if isinstance(data, list):
        return type(data)(value for value in map(inner, data) if kept(value))
    return data


def recursive_diff(
    old: Any, new: Any, ignore_keys: Any = None, ignore_order: bool = False, ignore_missing_keys: bool = False
) -> Any:
    """Return ``{'old': …, 'new': …}`` of what differs in mappings, lists and sets, however deep; ``{}`` for nothing."""

    def inner(one: Any, other: Any) -> Any:
        return recursive_diff(one, other, ignore_keys, ignore_order, ignore_missing_keys)

    before: Any
    after: Any
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        before, after = dict(old), dict(new)
        for key in {*old, *new}:
            if key in (ignore_keys or ()) or (ignore_missing_keys and key not in new):
                before.pop(key, None)
                after.pop(key, None)
            elif key in old and key in new:
                found = inner(old[key], new[key])
                if found:
                    before[key], after[key] = found["old"], found["new"]
                else:
                    del before[key], after[key]
    elif isinstance(old, set) and isinstance(new, set):
        before, after = old - new, new - old
    elif is_iter(old) and is_iter(new):
        before, after = list(old), list(new)
        if ignore_order:
            for one in old:
                equal = next((other for other in after if not inner(one, other)), _NOTHING)
                if equal is not _NOTHING:
                    before.remove(one)
                    after.remove(equal)
        else:
            pairs = [(one, other, inner(one, other)) for one, other in zip(old, new, strict=False)]
            rest = len(pairs)
            before = [found["old"] for _, _, found in pairs if found] + before[rest:]
            after = [found["new"] for _, _, found in pairs if found] + after[rest:]
        before, after = type(old)(before), type(new)(after)
    else:
        return {} if old == new else {"old": old, "new": new}
    return {"old": before, "new": after} if before or after else {}


_NOTHING = object()


def get_value(obj: Any, path: str, default: Any = None) -> list[dict[str, Any]]:
    """Return ``[{'value': …}]`` of what is at *path* (``a:b``)."""
    return [{"value": traverse_dict_and_list(obj, path, default)}]


def flatten(data: Any, levels: int | None = None, preserve_nulls: bool = False, _ids: Any = None) -> list[Any]:
    """Return a list with the members of the lists in it, to a depth."""
    made: list[Any] = []
    for member in data:
        if isinstance(member, list) and (levels is None or levels >= 1):
            made += flatten(member, None if levels is None else levels - 1, preserve_nulls)
        elif preserve_nulls or member not in (None, "None", "null"):
            made.append(member)
    return made


def to_entries(data: Any) -> list[dict[str, Any]]:
    """Return ``[{'key': …, 'value': …}]`` of a mapping or list."""
    pairs = data.items() if isinstance(data, Mapping) else enumerate(data)
    return [{"key": key, "value": value} for key, value in pairs]


def from_entries(entries: Iterable[Mapping[str, Any]]) -> dict[Any, Any]:
    """Return the mapping that ``to_entries`` was given."""
    return {
        entry[next(name for name in ("key", "Key", "name", "Name", "k") if name in entry)]: next(
            (entry[name] for name in ("value", "Value", "v") if name in entry), None
        )
        for entry in entries
    }


def json_query(data: Any, expr: str) -> Any:
    """Return what the JMESPath expression *expr* finds. Raises ``CommandError`` without the library jmespath."""
    import importlib

    from saltern.errors import CommandError

    try:
        return importlib.import_module("jmespath").search(expr, data)
    except ModuleNotFoundError:
        raise CommandError("json_query needs jmespath: pip install jmespath") from None
