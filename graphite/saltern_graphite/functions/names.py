"""How results are named and grouped: the pieces of names that Graphite's functions look at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from saltern_graphite.evaluation.target.parser import scan_path
from saltern_graphite.series.series import Series, SeriesList

_CALLS = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*\()+")
_NAMES_REMEMBERED = 4096


@lru_cache(maxsize=_NAMES_REMEMBERED)
def inner_path(name: str) -> str:
    """The metric path inside a name such as ``scale(movingAverage(a.b,5),2)``; *name* itself if there is none.

    Any name that ends in ``)`` is read so, also one that an alias made: of ``load.web01 (5 min)`` it is ``load.web01``.
    """
    if not name.endswith(")"):
        return name
    calls = _CALLS.match(name)
    return scan_path(name, calls.end() if calls else 0) or name


def _path_in(series: Series) -> str:
    if series.tags.get("name") == series.name and not _CALLS.match(series.name):
        return series.name  # a metric: a ')' at its end is its own
    return inner_path(series.name)


def group_key(series: Series, nodes: Sequence[int | str]) -> str:
    """The chosen *nodes* of the series' innermost path (negative: from its end), or tags, joined by dots.

    What there isn't is empty.
    """
    elements = _path_in(series).split(";", 1)[0].split(".")
    places = range(-len(elements), len(elements))
    return ".".join(
        elements[node] if isinstance(node, int) and node in places else series.tags.get(str(node), "") for node in nodes
    )


def grouped_by(series: SeriesList, nodes: Sequence[int | str]) -> dict[str, list[Series]]:
    """*series* by their :func:`group_key`, in order of first appearance."""
    groups: dict[str, list[Series]] = {}
    for one in series:
        groups.setdefault(group_key(one, nodes), []).append(one)
    return groups
