"""Graph: the area between two lines."""

from __future__ import annotations

from dataclasses import replace

from saltern.errors import FunctionError
from saltern_graphite.functions.params import series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList


def between(series: SeriesList, label: str) -> list[Series]:
    """The first of two series, invisible, and the second stacked on it, both named *label* of the second's path.

    Both get the second's tags and one of their own. Raises ``FunctionError`` unless there are exactly two.
    """
    if len(series) != 2:
        raise FunctionError(f"seriesList must be exactly two series, the lower and the upper, not {len(series)}")
    lower, upper = series
    name = f"{label}({upper.path})"
    tags = {**upper.tags, label: "1"}
    return [
        replace(lower, name=name, tags=tags).drawn(stacked=True, invisible=True),
        replace(upper, name=name, tags=tags).drawn(stacked=True),
    ]


@function("areaBetween", "Graph", series_list())
def area_between(context: Context, series: SeriesList) -> list[Series]:
    """Fills the area between two series, the lower one first.

    ``areaBetween(group(servers.web01.load.min, servers.web01.load.max))``
    """
    return between(series, "areaBetween")
