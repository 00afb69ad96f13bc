"""``format=csv``: one line per point, with local times."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from datetime import datetime

from saltern_graphite.render.formats.base import Answer, Options
from saltern_graphite.render.points import timestamps
from saltern_graphite.series import Series


def render(series: Sequence[Series], options: Options) -> Answer:
    """``name,YYYY-MM-DD HH:MM:SS,value`` in the request's time zone; no value leaves its field empty."""
    text = io.StringIO()
    writer = csv.writer(text)
    for one in series:
        for value, time in zip(one.values.tolist(), timestamps(one), strict=False):
            local = datetime.fromtimestamp(time, options.zone).strftime("%Y-%m-%d %H:%M:%S")
            writer.writerow((one.name, local, "" if math.isnan(value) else repr(value)))
    return Answer(text.getvalue().encode(), "text/csv")
