"""How two nested mappings become one, by Salt's strategies: for pillar, templates and ``slsutil``.

============  =========================================================================================
``recurse``   mappings are merged into each other; the second's other values win. The default (``smart``).
``overwrite``  as Salt does it: the first's own keys are overwritten, then as ``recurse``
``list``      a key of both gives a list of both values; keys of the second alone are left out
``aggregate``  lists are joined, mappings merged
``none``      as ``recurse``, without lists being joined
============  =========================================================================================
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping
from fnmatch import fnmatchcase
from typing import Any

from saltern.errors import SalternError

NO_MAPPINGS = "Cannot update using non-dict types in dictupdate.update()"
"""Salt's words."""


def update(
    dest: MutableMapping[Any, Any],
    upd: Mapping[Any, Any],
    recursive_update: bool = True,
    merge_lists: bool = False,
) -> MutableMapping[Any, Any]:
    """Put *upd* into *dest* and return it: mappings into mappings; lists are joined with *merge_lists*.

    What a joined list has already isn't added again. Raises ``TypeError`` when one of them is no mapping.
    """
    if not isinstance(dest, Mapping) or not isinstance(upd, Mapping):
        raise TypeError(NO_MAPPINGS)
    for key, new in upd.items():
        old = dest.get(key) if recursive_update else None
        if isinstance(old, MutableMapping) and isinstance(new, Mapping):
            dest[key] = update(old, new, merge_lists=merge_lists)
        elif merge_lists and isinstance(old, list) and isinstance(new, list):
            joined = copy.deepcopy(old)
            joined.extend(one for one in new if one not in old)
            dest[key] = joined
        else:
            dest[key] = new
    return dest


def overlaid(below: Mapping[Any, Any], above: Mapping[Any, Any], *, lists: bool = False) -> dict[Any, Any]:
    """Return *below* with the values of *above* laid over it as ``update`` does; both stay as they are."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            result[key] = overlaid(under, value, lists=lists)
        elif lists and isinstance(under, list) and isinstance(value, list):
            result[key] = [*under, *(member for member in value if member not in under)]
        else:
            result[key] = value
    return result


def chosen(table: Mapping[Any, Any], value: Any, merge: Any, default: str, base: str | None) -> Any:
    """Return what ``filter_by`` of grains and pillar does: the entry of *table* whose key is a glob for *value*.

    Or for one of *value*'s members when it is a list; that of the key *default* when there is none. It is laid over the
    entry *base*, and *merge* over that. Raises ``SalternError`` when what is to be laid over each other isn't maps.
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
        if not isinstance(found, Mapping):
            raise SalternError("filter_by default and look-up values must both be dictionaries.")
        found = overlaid(below, found)
    if merge:
        if not isinstance(merge, Mapping):
            raise SalternError("filter_by merge argument must be a dictionary.")
        if found is not None and not isinstance(found, Mapping):
            raise TypeError(NO_MAPPINGS)
        found = merge if found is None else overlaid(found, merge)
    return found


def merge(obj_a: Any, obj_b: Any, strategy: str = "smart", renderer: str = "yaml", merge_lists: bool = False) -> Any:
    """Return *obj_a* and *obj_b* merged; the module says how. ``smart`` is ``recurse``, for yamlex ``aggregate``.

    *obj_a* stays as it is, but for ``overwrite``.
    """
    if strategy == "smart":
        yamlex = renderer.split("|")[-1] == "yamlex" or renderer.startswith("yamlex_")
        strategy = "aggregate" if yamlex else "recurse"
    if strategy == "list":
        return {key: [value, obj_b[key]] if key in obj_b else value for key, value in obj_a.items()}
    if strategy == "aggregate":
        return _aggregated(obj_a, obj_b)
    if strategy == "overwrite":
        for key in obj_b:
            if key in obj_a:
                obj_a[key] = obj_b[key]
    return update(copy.deepcopy(obj_a), obj_b, merge_lists=merge_lists and strategy != "none")


def _aggregated(one: Any, other: Any) -> Any:
    """Return two mappings or lists joined at their first level; else the second."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return {**one, **other}
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *(value for value in other if value not in one)]
    return copy.copy(other)
