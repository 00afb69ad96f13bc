"""The functions that targets call, in files by Graphite's own groups."""

from __future__ import annotations

from saltern_graphite.functions import (
    alias,
    calculate,
    combine,
    filter_data,
    filter_series,
    forecast,
    gaps,
    graph,
    grouping,
    legend,
    lines,
    moving,
    pairs,
    queries,
    resample,
    running,
    slices,
    special,
    transform,
)
from saltern_graphite.functions.registry import Function, Library

LIBRARY = Library((
    combine, pairs, grouping, queries, transform, gaps, lines, resample, slices, calculate, moving,
    running, forecast, filter_data, filter_series, alias, special, graph, legend,
))  # fmt: skip
"""Every function there is, by name and alias."""

__all__ = ["LIBRARY", "Function", "Library"]
