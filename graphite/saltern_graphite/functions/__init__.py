"""The functions that targets call, in files by Graphite's own groups."""

from __future__ import annotations

from saltern_graphite.functions import (
    alias,
    as_percent,
    calculate,
    combine,
    filter_data,
    filter_series,
    graph,
    moving,
    resample,
    shift,
    sorting,
    special,
    transform,
)
from saltern_graphite.functions.registry import Function, Library

LIBRARY = Library(
    (
        combine,
        as_percent,
        transform,
        resample,
        shift,
        calculate,
        moving,
        filter_data,
        filter_series,
        sorting,
        alias,
        special,
        graph,
    )
)
"""Every function there is, by name and alias."""

__all__ = ["LIBRARY", "Function", "Library"]
