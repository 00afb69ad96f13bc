"""A made-up fleet whose samples go through a line-up, and where each of its points arrived."""

from __future__ import annotations

from collections.abc import Sequence

from support.stacks import wait_for
from support.stores import SalternStore

MINIONS = [f"web{n:03}" for n in range(150)] + [f"db{n:02}" for n in range(50)]
VALUES = {f"m{n}": float(n) for n in range(10)}
SAMPLE = dict.fromkeys(MINIONS, VALUES)
"""What every minion returns: 2,000 points in all."""
POINTS = {f"saltern.{minion}.stats.{leaf}": value for minion in MINIONS for leaf, value in VALUES.items()}
"""The same by metric name."""
TARGET = "saltern.*.stats.*"
ARRIVE_WAIT_S = 90.0


def at(store: SalternStore, slot: int) -> dict[str, float]:
    """Return what *store* has of the sample of a slot, by metric name."""
    return {name: points[slot] for name, points in store.points(TARGET, slot, slot).items() if slot in points}


def homes(stores: Sequence[SalternStore], slot: int) -> list[set[str]]:
    """Wait until the whole sample of a slot arrived, each point once; return which metrics each store has."""

    def arrived() -> list[dict[str, float]]:
        found = [at(store, slot) for store in stores]
        return found if sum(map(len, found)) >= len(POINTS) else []

    found: list[dict[str, float]] = wait_for(arrived, f"all points of {slot}", ARRIVE_WAIT_S)
    assert sum(map(len, found)) == len(POINTS)  # none twice
    assert {name: value for part in found for name, value in part.items()} == POINTS
    return [set(part) for part in found]
