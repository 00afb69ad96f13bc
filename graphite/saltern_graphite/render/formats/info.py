"""A series as a plain dict, as Graphite's servers hand series to one another."""

from __future__ import annotations

import numpy as np

from saltern_graphite.series import Series, Values

Info = dict[str, str | int | float | list[float | None]]


def info(series: Series) -> Info:
    """``name, start, end`` (exclusive), ``step, values`` (``None`` for no value) and how they would be coarsened.

    Keys and their order are graphite-web's, which has no tags here.
    """
    return {
        "name": series.name,
        "start": int(series.start),
        "end": int(series.end),
        "step": int(series.step),
        "values": nullable(series.values),
        "pathExpression": series.path,
        "valuesPerPoint": 1,
        "consolidationFunc": series.consolidation,
        "xFilesFactor": series.x_files_factor,
    }


def nullable(values: Values) -> list[float | None]:
    """The numbers as Python's, ``None`` for NaN."""
    missing = np.isnan(values)
    if not missing.any():
        return list(values.tolist())
    boxed = values.astype(object)
    boxed[missing] = None
    return list(boxed.tolist())
