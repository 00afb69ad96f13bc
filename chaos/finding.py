"""Something that is not as promised."""

from __future__ import annotations

from typing import NamedTuple

POINTS, ROLLUPS, JOBS, ACCOUNT, PROGRAMS, HEALING = AREAS = (
    "points",
    "roll-ups",
    "jobs",
    "account",
    "programs",
    "healing",
)


class Finding(NamedTuple):
    """What is wrong, in which of ``AREAS``, and with whom: a minion's id, or a program's name."""

    area: str
    whom: str
    text: str
    faults: str = ""
    """Which were on around then."""
