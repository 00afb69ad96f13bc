"""``format=csv``: one line per point, with local times."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from saltern_graphite.render.formats.base import Answer, Options
from saltern_graphite.series.local_time import local_time
from saltern_graphite.series.series import Series

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a formula begins, the full-width signs included: https://owasp.org/www-community/attacks/CSV_Injection."""


def render(series: Sequence[Series], options: Options) -> Answer:
    """``name,YYYY-MM-DD HH:MM:SS,value`` in the request's time zone; no value leaves its field empty.

    A name that a spreadsheet would take for a formula gets a quote before it. ``GraphiteError``: a time has no date.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    for one in series:
        name = f"'{one.name}" if one.name.startswith(_FORMULA) else one.name
        for value, time in zip(one.values.tolist(), one.times(), strict=False):
            local = local_time(time, options.zone)
            writer.writerow((name, f"{local:%Y-%m-%d %H:%M:%S}", "" if math.isnan(value) else repr(value)))
    return Answer(text.getvalue().encode(), "text/csv")
