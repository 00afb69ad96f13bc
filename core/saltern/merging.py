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
from typing import Any


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
        raise TypeError("Cannot update using non-dict types in dictupdate.update()")
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
    """Return both joined at the first level; deeper what differs is the second's, unless it is marked otherwise."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        merged = {key: value for key, value in one.items() if key not in other}
        for key, value in other.items():
            merged[key] = value
        return {key: merged[key] for key in [*one, *(key for key in other if key not in one)]}
    return other
