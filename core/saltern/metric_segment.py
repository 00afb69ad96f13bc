"""The segment of metric names that stands for a minion: which ids would write each other's metrics.

Segments are cleaned so that any Carbon takes them and no name leaves its place: whatever is not a letter, digit,
``_``, ``-``, ``:``, ``%``, ``#``, ``@``, ``+`` or ``=`` becomes ``_`` (a dot too: ``web01.example.com`` is
``web01_example_com``).
"""

from __future__ import annotations

import re

RESERVED_IDS = frozenset({"master"})
"""Minion ids that would write among the master's own metrics; they get a ``_`` behind."""
MAX_SEGMENT = 200

_UNCLEAN = re.compile(r"[^A-Za-z0-9_\-:%#@+=]")


def clean(segment: object) -> str:
    """Return *segment* as one segment of a metric name; nothing becomes ``_``."""
    return _UNCLEAN.sub("_", str(segment)[:MAX_SEGMENT]) or "_"


def owner(minion_id: str) -> str:
    """Return the segment that stands for a minion; the master's own is nobody else's, however it is written."""
    segment = clean(minion_id)
    return f"{segment}_" if segment.lower() in RESERVED_IDS else segment


def place(minion_id: str) -> str:
    """Return what no two minions may share: their segment, in small letters, for stores that don't tell case."""
    return owner(minion_id).lower()


def sharing_metrics(minion_id: str, other: str) -> str:
    """Return the line for an id whose metrics would have the names of another minion's."""
    return f"{minion_id}: its metrics would have the names of those of {other!r}: give one of them another id"
