"""Chance, so that a fleet doesn't do the same thing at once; nothing that has to be secret hangs on it."""

from __future__ import annotations

import os


def between(least: float, most: float) -> float:
    """Return a number from *least* to *most*. By hand: ``random`` would be 0.2 MiB for this alone."""
    return least + (most - least) * (int.from_bytes(os.urandom(4), "little") / 0xFFFFFFFF)
