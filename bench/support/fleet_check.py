"""Whether a store has what a fleet sent: all slots of a sample of metrics, and how many there are of each host."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from support import lifelike
from support.fleet_plan import FleetPlan
from support.fleet_store import FleetStore

METRICS_A_RENDER = 50
HOSTS_A_RENDER = 10

Sent = Callable[[int, int], bool]
"""Whether host and slot were acknowledged."""


class Checked(NamedTuple):
    """Points looked for, those among them that were never acknowledged, lost, wrong; one that is lost, or wrong."""

    points: int
    never_sent: int
    lost: int
    wrong: int
    example: str


class Covered(NamedTuple):
    """Hosts whose numbers were counted at every slot, points that there should be of what was acknowledged, and are."""

    hosts: int
    sent: int
    there: int


class Check:
    """Asks a *store* for *slots* (epoch s) of a *plan*, of which those were *sent* that it tells."""

    def __init__(self, store: FleetStore, plan: FleetPlan, slots: Sequence[int], sent: Sent) -> None:
        self._store = store
        self._plan = plan
        self._slots = slots
        self._sent = sent
        self._random = random.Random(1)

    def values(self, count: int) -> Checked:
        """Compare all slots of *count* metrics at random."""
        every = len(self._plan.order) * self._plan.count
        chosen = sorted(self._random.sample(range(every), min(count, every)))
        points = never_sent = lost = wrong = 0
        example = ""
        for at in range(0, len(chosen), METRICS_A_RENDER):
            places = [divmod(one, self._plan.count) for one in chosen[at : at + METRICS_A_RENDER]]
            names = [lifelike.metric(*place) for place in places]
            found = self._store.render(names, self._slots[0], self._slots[-1])
            for slot in self._slots:
                meant = self._plan.numbers.at(np.array([host for host, _ in places], np.uint64), slot)
                for row, ((host, number), name) in enumerate(zip(places, names, strict=True)):
                    points += 1
                    value = found.get(name, {}).get(slot)
                    if value is None:
                        sent = self._sent(host, slot)
                        never_sent, lost = never_sent + (not sent), lost + sent
                        example = example or (f"{name} at {slot} is missing" if sent else "")
                    elif value != meant[row, number]:
                        wrong += 1
                        example = f"{name} at {slot} is {value!r}, not {float(meant[row, number])!r}"
        return Checked(points, never_sent, lost, wrong, example)

    def coverage(self, within_s: float) -> Covered:
        """Count the points of all numbers of one host after the other, in a random order, until the time is over."""
        until = time.monotonic() + within_s
        order = self._random.sample(self._plan.order, len(self._plan.order))
        hosts = sent = there = 0
        for at in range(0, len(order), HOSTS_A_RENDER):
            some = order[at : at + HOSTS_A_RENDER]
            targets = [f'alias(sumSeries(isNonNull({_all(host)})),"{host}")' for host in some]
            found = self._store.render(targets, self._slots[0], self._slots[-1])
            for host in some:
                counts = found.get(str(host), {})
                hosts += 1
                sent += self._plan.count * sum(self._sent(host, slot) for slot in self._slots)
                there += int(sum(counts[slot] for slot in counts if self._sent(host, slot)))
            if time.monotonic() > until:
                break
        return Covered(hosts, sent, there)


class LagProbe:
    """Asks for metrics of hosts at random which slots can be read by now."""

    HOSTS = 4

    def __init__(self, store: FleetStore, plan: FleetPlan, slots: Sequence[int]) -> None:
        self._store = store
        self._plan = plan
        self._slots = slots
        self._random = random.Random(2)
        self.seconds: list[float] = []

    def look(self) -> float:
        """Return, and keep, for how long a slot was due that can't be read yet, the longest of a few metrics."""
        metrics = [
            (self._random.choice(self._plan.order), self._random.randrange(self._plan.count)) for _ in range(self.HOSTS)
        ]
        now = time.time()
        found = self._store.render([lifelike.metric(*one) for one in metrics], self._slots[0], self._slots[-1])
        worst = 0.0
        for host, number in metrics:
            there = found.get(lifelike.metric(host, number), {})
            missing = next((slot for slot in self._slots if slot not in there), None)
            lag = max(0.0, now - self._plan.due(host, missing)) if missing is not None else 0.0
            self.seconds.append(lag)
            worst = max(worst, lag)
        return worst

    def all_read(self) -> bool:
        """Return whether the last slot of those that send last can be read."""
        hosts = self._plan.order[-METRICS_A_RENDER:]
        found = self._store.render([lifelike.metric(host, 0) for host in hosts], self._slots[-1], self._slots[-1])
        return sum(map(len, found.values())) == len(hosts)


def _all(host: int) -> str:
    return f"{lifelike.PREFIX}.{lifelike.minion_id(host)}.{lifelike.MODULE}.*.*"
