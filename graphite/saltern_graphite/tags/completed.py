"""One metric that is in two files: what one doesn't know is taken from the other."""

from __future__ import annotations

import numpy as np

from saltern_graphite.series.series import Fetched


def completed(first: Fetched | None, second: Fetched | None) -> Fetched | None:
    """Return *first*, its gaps filled with what *second* has there, each value in the slot that its time is in.

    If only one of them has values it is that one, in its own step.
    """
    if first is None or second is None:
        return second if first is None else first
    gaps = np.isnan(first.values)
    if gaps.all():
        return second
    rows = np.flatnonzero(~np.isnan(second.values))
    slots = (second.start + rows * second.step - first.start) // first.step
    inside = (slots >= 0) & (slots < len(gaps))
    rows, slots = rows[inside], slots[inside]
    wanted = gaps[slots]
    values = first.values.copy()
    values[slots[wanted]] = second.values[rows[wanted]]
    return first._replace(values=values)
