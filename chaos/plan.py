"""Which faults happen when: made of a seed, so that a run can be made again."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from typing import NamedTuple

from chaos.faults.kind import KINDS, Kind

GAP_S = 2.0
"""Between two beginnings, on the average."""
BURST_SHARE = 0.15
"""Of the faults, those that begin together with the one before."""
APART_S = 1.0
"""Between two faults of the same thing."""


class Planned(NamedTuple):
    """A fault to come: it begins *at* seconds after the start of the plan, and lasts so many *seconds*."""

    at: float
    seconds: float
    kind: Kind
    target: str
    seed: int


def plan(
    seed: int, seconds: float, minions: list[str], kinds: Iterable[str], only: Collection[str] = ()
) -> list[Planned]:
    """Return the faults of a run of so many *seconds*; all have ended by then.

    *only*: of all that would happen, what befalls these targets.
    """
    choice = random.Random(seed)
    names = sorted(kinds)
    free_at: dict[tuple[str, str], float] = {}
    planned: list[Planned] = []
    at = 0.0
    while names:
        if choice.random() >= BURST_SHARE or not at:
            at += choice.expovariate(1 / GAP_S)
        if at >= seconds:
            break
        kind = KINDS[choice.choice(names)]
        target = choice.choice(kind.targets(minions))
        lasts = min(choice.uniform(*kind.seconds), seconds - at)
        fault = Planned(at, lasts, kind, target, choice.getrandbits(32))
        things = [(target, thing) for thing in kind.on.split()]
        if (not only or target in only) and all(free_at.get(thing, 0.0) <= at for thing in things):
            free_at.update(dict.fromkeys(things, at + lasts + APART_S))
            planned.append(fault)
    return planned
