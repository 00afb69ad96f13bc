"""What faults were on, and when."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

NEAR_S = 5.0
EVERYBODYS = "store", "master"


@dataclass
class Spell:
    """One fault: it was on from *began* to *ended* (epoch s), infinity while it is."""

    kind: str
    target: str
    on: frozenset[str]
    """What of the target, see ``faults/kind.py``."""
    began: float
    ended: float = float("inf")

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"


@dataclass
class History:
    """All faults so far."""

    spells: list[Spell] = field(default_factory=list)

    def begin(self, kind: str, target: str, on: frozenset[str]) -> Spell:
        """Note that a fault begins."""
        self.spells.append(Spell(kind, target, on, time.time()))
        return self.spells[-1]

    def counts(self) -> Counter[str]:
        """Return how many faults of each kind there were."""
        return Counter(spell.kind for spell in self.spells)

    def of(self, kinds: Collection[str], targets: Collection[str]) -> list[Spell]:
        """Return the faults of some kinds that befell some targets."""
        return [spell for spell in self.spells if spell.kind in kinds and spell.target in targets]

    def around(self, at: float, minion: str) -> str:
        """Return in words which faults were on about then that may concern a minion: its own, and everybody's."""
        whom = (minion, *EVERYBODYS)
        concern = [spell for spell in self.spells if spell.target in whom]
        near = [spell for spell in concern if spell.began - NEAR_S <= at <= spell.ended + NEAR_S]
        return ", ".join(f"{spell} {spell.began - at:+.0f} s" for spell in near) or "none"

    def quiet(self, since: float, until: float) -> bool:
        """Tell whether no fault was on in all of that time."""
        return not any(spell.began <= until and spell.ended >= since for spell in self.spells)
