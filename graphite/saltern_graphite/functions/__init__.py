"""The functions that targets call, in files by Graphite's own groups."""

from __future__ import annotations

from saltern_graphite.functions import (
    alias,
    area,
    as_percent,
    by_tag,
    calculate,
    case,
    combine,
    curves,
    events,
    filter_data,
    filter_series,
    forecast,
    gaps,
    graph,
    legend,
    lines,
    mapping,
    moving,
    percentile_filter,
    products,
    queries,
    regression,
    resample,
    running,
    series_lists,
    shift,
    slices,
    sorting,
    special,
    transform,
)
from saltern_graphite.functions.registry import Function, Library

LIBRARY = Library(
    (
        combine,
        as_percent,
        series_lists,
        products,
        mapping,
        queries,
        transform,
        curves,
        gaps,
        lines,
        resample,
        shift,
        slices,
        calculate,
        moving,
        running,
        forecast,
        regression,
        filter_data,
        filter_series,
        percentile_filter,
        sorting,
        alias,
        case,
        special,
        by_tag,
        events,
        graph,
        area,
        legend,
    )
)
"""Every function there is, by name and alias."""

__all__ = ["LIBRARY", "Function", "Library"]
