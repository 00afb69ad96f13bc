"""The formats of an answer, one file each, behind the interface in :mod:`.base`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from saltern_graphite.render.formats import csv, json, raw
from saltern_graphite.render.formats.base import Answer, Format, Options

FORMATS: Mapping[str, Format] = MappingProxyType({"json": json.render, "csv": csv.render, "raw": raw.render})
"""What ``format=`` can be."""

__all__ = ["FORMATS", "Answer", "Format", "Options"]
