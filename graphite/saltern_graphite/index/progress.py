"""How far a scan of the tree is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Progress:
    """``running`` is False before and after; ``complete`` is True once all of the tree was seen."""

    running: bool = False
    complete: bool = False
    metrics: int = 0
    folders: int = 0
    seconds: float = 0.0
