"""``format=png``, ``svg`` and ``pdf``: charts, drawn by matplotlib where that is installed.

matplotlib is looked for and imported at the first chart: it takes half a second and 50 MB, which a server that only
answers Grafana never needs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from saltern.errors import GraphiteError
from saltern_graphite.render.formats.base import Answer, Options
from saltern_graphite.series import Series

PACKED = frozenset({"image/png", "application/x-pdf"})
"""Media types that compression makes no smaller."""

if TYPE_CHECKING:
    from saltern_graphite.render.formats.charts.sheet import Kind


def available() -> bool:
    """Whether charts can be drawn here."""
    return importlib.util.find_spec("matplotlib") is not None


def given_slice(target: str, start: int, end: int) -> Series | None:
    """The slice of a pie that the target gives as ``name:number``; None for any other target."""
    name, _, text = target.partition(":")
    try:
        number = float(text)
    except ValueError:
        return None
    return Series(name, start, end, end - start, np.array([number]), name)


def png(series: Sequence[Series], options: Options) -> Answer:
    """A chart as an image for web pages."""
    return _drawn("png", series, options)


def svg(series: Sequence[Series], options: Options) -> Answer:
    """A chart as a drawing whose texts are texts."""
    return _drawn("svg", series, options)


def pdf(series: Sequence[Series], options: Options) -> Answer:
    """A chart as a page for print, a pixel being a point."""
    return _drawn("pdf", series, options)


def _drawn(kind: Kind, series: Sequence[Series], options: Options) -> Answer:
    if not available():
        raise GraphiteError(
            f"format {kind} needs matplotlib on the server: pip install matplotlib, or ask for another format"
        )
    from saltern_graphite.render.formats.charts import draw

    return draw(kind, series, options)
