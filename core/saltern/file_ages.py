"""How old files are, by times that a clock gave them which somebody may have set since, or in between."""

from __future__ import annotations

from collections.abc import Sequence


def ages_of(modified: Sequence[float], most_apart_s: float) -> list[float]:
    """Return how many seconds before the last one each file was written, given when they were *modified* (epoch s).

    They are in the order in which they were written. Between two of them at most *most_apart_s* count: a clock that was
    set makes nothing much older than it is. Neither do the present and the time until it, in which nobody wrote.
    """
    ages: list[float] = []
    age, later = 0.0, None
    for at in reversed(modified):
        if later is not None:
            age += min(max(0.0, later - at), most_apart_s)
        ages.append(age)
        later = at
    return ages[::-1]
