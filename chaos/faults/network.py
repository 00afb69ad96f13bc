"""What happens to connections: a minion's to the master, the master's to the store."""

from __future__ import annotations

import random
from collections.abc import Iterator

from chaos.faults.kind import kind, who_connects
from chaos.stack import Stack

DELAY_S = 0.05, 1.5
BYTES_A_SECOND = 1_000, 20_000


@kind("cut", on="link", targets=who_connects, seconds=(1.0, 10.0))
def cut(stack: Stack, target: str, _choice: random.Random) -> Iterator[None]:
    """Connections end and none is made."""
    stack.links[target].cut()
    yield
    stack.links[target].join()


@kind("reset", on="link", targets=who_connects, seconds=(0.0, 0.0))
def reset(stack: Stack, target: str, _choice: random.Random) -> Iterator[None]:
    """Connections are reset once; new ones are made."""
    stack.links[target].reset()
    yield


@kind("stall", on="link", targets=who_connects, seconds=(1.0, 12.0))
def stall(stack: Stack, target: str, choice: random.Random) -> Iterator[None]:
    """Connections stay and carry nothing; half of those that last are reset before they carry again."""
    stack.links[target].stall()
    yield
    if choice.random() < 0.5:
        stack.links[target].reset()
    stack.links[target].flow()


@kind("delay", on="link", targets=who_connects, seconds=(2.0, 10.0))
def delay(stack: Stack, target: str, choice: random.Random) -> Iterator[None]:
    """Everything arrives later."""
    stack.links[target].delay_s = choice.uniform(*DELAY_S)
    yield
    stack.links[target].delay_s = 0.0


@kind("throttle", on="link", targets=who_connects, seconds=(2.0, 10.0))
def throttle(stack: Stack, target: str, choice: random.Random) -> Iterator[None]:
    """Little gets through."""
    stack.links[target].bytes_a_second = choice.randint(*BYTES_A_SECOND)
    yield
    stack.links[target].bytes_a_second = 0
