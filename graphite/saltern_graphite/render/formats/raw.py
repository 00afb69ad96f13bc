"""``format=raw``: one line per series."""

from __future__ import annotations

import math
from collections.abc import Sequence

from saltern_graphite.render.formats.base import Answer, Options
from saltern_graphite.series.series import Series


def render(series: Sequence[Series], options: Options) -> Answer:
    """``name,start,end,step|value,value,…`` with ``end`` exclusive and ``None`` for no value."""
    lines = []
    for one in series:
        values = ",".join("None" if math.isnan(value) else repr(value) for value in one.values.tolist())
        lines.append(f"{one.name},{one.start},{one.end},{one.step}|{values}\n")
    return Answer("".join(lines).encode(), "text/plain")
