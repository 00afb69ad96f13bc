"""``format=png``, ``svg`` and ``pdf``: charts, drawn by matplotlib where that is installed.

matplotlib is looked for and imported at the first chart: it takes half a second and 50 MB, which a server that only
answers Grafana never needs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from saltern.errors import GraphiteError
from saltern_graphite.render.formats.base import Answer, Options
from saltern_graphite.series.series import Series

if TYPE_CHECKING:
    from saltern_graphite.render.formats.charts import Kind

PACKED = frozenset({"image/png", "application/x-pdf"})
"""Media types that compression makes no smaller."""


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


def _drawn(kind: Kind, series: Sequence[Series], options: Options) -> Answer:
    if not available():
        raise GraphiteError(
            f"format {kind} needs matplotlib on the server: pip install matplotlib, or ask for another format"
        )
    from saltern_graphite.render.formats.charts import draw

    return draw(kind, series, options)


png, svg, pdf = partial(_drawn, "png"), partial(_drawn, "svg"), partial(_drawn, "pdf")
"""Charts as images, as drawings whose texts are texts, and as pages for print, a pixel being a point."""
