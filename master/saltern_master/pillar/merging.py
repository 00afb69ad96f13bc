"""How the data of two sls files becomes one, by ``pillar_source_merging_strategy``.

================  =======================================================================================
``recurse``       maps are merged at every depth; any other value of the later one replaces (``smart``)
``overwrite``     keys of the top level are replaced whole
``aggregate``     the same, as long as no value is marked for aggregation, which nothing here can do
``none``          as ``recurse``; only one environment is compiled at all
``list``          a key of both becomes a list of both values; keys of the later alone are left out
================  =======================================================================================

Nothing that is given is changed: what is rendered once is shared by all minions that it is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STRATEGIES = ("smart", "recurse", "overwrite", "aggregate", "none", "list")


def merged(
    below: Mapping[Any, Any], above: Mapping[Any, Any], strategy: str = "smart", *, lists: bool = False
) -> dict[Any, Any]:
    """Return *above* merged over *below*. *lists*: those of both are joined, without what is there already."""
    if strategy == "list":
        return {key: [value, above[key]] if key in above else value for key, value in below.items()}
    if strategy in ("overwrite", "aggregate"):
        return {**below, **above}
    return _deep(below, above, lists=lists and strategy != "none")


def _deep(below: Mapping[Any, Any], above: Mapping[Any, Any], *, lists: bool) -> dict[Any, Any]:
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            result[key] = _deep(under, value, lists=lists)
        elif lists and isinstance(under, list) and isinstance(value, list):
            joined = list(under)
            joined += [member for member in value if member not in under]
            result[key] = joined
        else:
            result[key] = value
    return result
