"""Who of a fleet sends when: all hosts of every slot, each at its own part of the interval, and what it sends."""

from __future__ import annotations

import numpy as np

from support.lifelike import Numbers, Values, phase

HOSTS_AT_ONCE = 64
"""Values are made for so many hosts that send one after the other."""


class FleetPlan:
    """*hosts* hosts with *numbers* numbers every *interval_s* seconds, in the order in which they send."""

    def __init__(self, hosts: int, numbers: int, interval_s: int) -> None:
        self.interval_s = interval_s
        self.numbers = Numbers(numbers, interval_s)
        self.count = numbers
        self.phases = [phase(host) * interval_s for host in range(hosts)]
        self.order = sorted(range(hosts), key=self.phases.__getitem__)
        """The hosts, the first to send first."""
        self._place = {host: place for place, host in enumerate(self.order)}
        self._made = -1, -1
        self._values: Values = np.zeros((0, numbers))

    def values(self, host: int, slot: int) -> Values:
        """Return a host's values at *slot*; cheap when hosts are asked for in their order."""
        chunk, row = divmod(self._place[host], HOSTS_AT_ONCE)
        if self._made != (chunk, slot):
            hosts = self.order[chunk * HOSTS_AT_ONCE :][:HOSTS_AT_ONCE]
            self._values = self.numbers.at(np.array(hosts, np.uint64), slot)
            self._made = chunk, slot
        row_values: Values = self._values[row]
        return row_values

    def due(self, host: int, slot: int) -> float:
        """Return when a host sends *slot* (both epoch s)."""
        return slot + self.phases[host]
