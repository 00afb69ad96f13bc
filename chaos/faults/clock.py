"""Clocks that are stepped, and set right again."""

from __future__ import annotations

import random
from collections.abc import Iterator

from chaos.faults.kind import kind, who_connects
from chaos.stack import Stack

HOUR_S = 3600


@kind("clock", on="clock", targets=who_connects, seconds=(5.0, 20.0))
def clock(stack: Stack, target: str, choice: random.Random) -> Iterator[None]:
    """An hour ahead, or behind."""
    stack.clocks[target].step(choice.choice((-HOUR_S, HOUR_S)))
    yield
    stack.clocks[target].step(0)
