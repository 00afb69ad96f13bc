"""The functions that targets call, in files by Graphite's own groups."""

from __future__ import annotations

from importlib import import_module

from saltern_graphite.functions.registry import Function, Library, declared_in, pie_mode

_FILES = (
    "combine", "pairs", "grouping", "queries", "transform", "gaps", "lines", "resample", "slices", "calculate",
    "moving", "running", "forecast", "filter_data", "filter_series", "alias", "special", "graph", "legend",
)  # fmt: skip
LIBRARY = Library(one for file in _FILES for one in declared_in(import_module(f"{__name__}.{file}")))
"""Every function there is, by name and alias."""
PIE_MODES = Library(
    pie_mode(name, f"The {which} of the series' values.")
    for name, which in (("average", "mean"), ("maximum", "greatest"), ("minimum", "least"))
)
"""What a pie chart makes of each series: ``pieMode``. No target can call these; ``/functions?type=pie`` has them."""

__all__ = ["LIBRARY", "PIE_MODES", "Function", "Library"]
