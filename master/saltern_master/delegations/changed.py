"""What is told of delegations that are others now."""

from __future__ import annotations

from typing import NamedTuple


class Changed(NamedTuple):
    """Devices that came, those that are none any more, and those that other hosts may speak for now.

    ``altered`` are those whose entry in their host's pillar is known now, or is another one; ``kept`` are those of
    *added* that were known before the master's start.
    """

    added: frozenset[str]
    removed: frozenset[str]
    moved: frozenset[str]
    altered: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
