"""The formats of an answer, one file each, behind the interface in :mod:`.base`."""

from __future__ import annotations

from collections.abc import Mapping

from saltern_graphite.render.formats import chart, csv, dygraph, json, packed, raw, rickshaw
from saltern_graphite.render.formats.base import Answer, Format, Options

FORMATS: Mapping[str, Format] = {
    "json": json.render,
    "csv": csv.render,
    "raw": raw.render,
    "pickle": packed.pickled,
    "msgpack": packed.packed,
    "dygraph": dygraph.render,
    "rickshaw": rickshaw.render,
    "png": chart.png,
    "svg": chart.svg,
    "pdf": chart.pdf,
}
"""What ``format=`` can be."""


def default_format() -> str:
    """What a request without ``format`` gets: a chart, as from Graphite, or numbers where none can be drawn."""
    return "png" if chart.available() else "json"


__all__ = ["FORMATS", "Answer", "Format", "Options", "default_format"]
