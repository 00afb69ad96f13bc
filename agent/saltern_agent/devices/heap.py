"""Keeps Python's garbage collector away from what devices are made of: it would look at all of it again and again.

What is frozen is not looked at, and not collected either. So a while after devices came or went all is looked at once.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Protocol

OFTEN = 200  # devices, after which what there is is frozen
SETTLED_S = 10.0
"""After no device has come or gone for so long all is collected, which takes a fifth of a second of 5,000 devices."""

YOUNG = 20_000
"""Objects that may have come since the last look at the youngest (Python's own: 700), where there are so many devices.

A job for all of them makes a dozen for each, and nearly all are gone, in no circle, when it is over.
"""

MIN_CHANGES = 20
"""A host of a few devices does without."""


class Cancellable(Protocol):
    """A timer."""

    def cancel(self) -> None:
        """Never fire."""


class Heap:
    """Told of each device that comes or goes; *later* sets a timer."""

    def __init__(self, later: Callable[[float, Callable[[], None]], Cancellable]) -> None:
        self._later = later
        self._changes = 0
        self._timer: Cancellable | None = None

    def changed(self) -> None:
        """A device has come, or has gone."""
        self._changes += 1
        if self._changes % OFTEN == 0:
            gc.freeze()
            gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
        if self._changes >= MIN_CHANGES:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._later(SETTLED_S, self._settled)

    def _settled(self) -> None:
        self._timer = None
        self._changes = 0
        gc.unfreeze()
        gc.collect()
        gc.freeze()
