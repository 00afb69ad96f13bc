"""A fleet of simulated agents that sample: life-like numbers at slots of an order, each kept until it is acknowledged.

Run as a program: :mod:`support.fleet_sender` tells of its orders, :mod:`support.simulated_agents` of the agents.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from typing import Any

from saltern.wire import unpack
from support.fleet_plan import FleetPlan
from support.fleet_sender import Told, add_arguments
from support.lifelike import minion_id
from support.patched_frames import Returns
from support.simulated_agents import FILES_A_SOCKET, SAMPLES_A_CLOCK, Agent, Sockets, allow_files

FILES_AN_AGENT = 2 * FILES_A_SOCKET
SPARE_FILES = 64


class Fleet:
    """What agents of one process share: the plan of all, the packed return, and what there is to tell."""

    def __init__(self, plan: FleetPlan, told: Told) -> None:
        self.plan = plan
        self.told = told
        self.returns = Returns(plan.numbers, plan.count)


class SamplingAgent(Agent):
    """One that samples at the slots of an order, and sends again what wasn't acknowledged on a connection before."""

    def __init__(self, sockets: Sockets, host: int, options: argparse.Namespace, fleet: Fleet) -> None:
        self._host = host
        self._fleet = fleet
        self._left = self._slot = 0
        self.waiting: deque[tuple[int, int]] = deque()
        """Numbers and slots of what isn't acknowledged."""
        super().__init__(sockets, minion_id(host), options)

    def begin(self, first: int, slots: int) -> None:
        """Sample *slots* slots from *first* (epoch s) on."""
        self._left, self._slot = slots, first
        self._sockets.every(self._fleet.plan.interval_s, self._fleet.plan.due(self._host, first), self._sample)

    def oldest(self) -> float:
        """Return when the oldest return was due that isn't acknowledged, or the next one is."""
        try:
            slot = self.waiting[0][1]
        except IndexError:
            if not self._left:
                return time.time()
            slot = self._slot
        return self._fleet.plan.due(self._host, slot)

    def _begin_to_sample(self) -> None:
        self._fleet.told.connected += 1

    def _sample(self) -> None:
        if not self._left:
            return
        slot = self._slot
        self._left -= 1
        self._slot += self._fleet.plan.interval_s
        self._seq += 1
        self.waiting.append((self._seq, slot))
        self._fleet.told.send(self._fleet.plan.due(self._host, slot))
        self._send_return(self._seq, slot)
        if self._seq % SAMPLES_A_CLOCK == 0:
            self._tell("clock", self._seq, {"skew_ms": 0.5})

    def _send_return(self, seq: int, slot: int) -> None:
        self._ret.send(self._fleet.returns.frame(seq, slot, self._fleet.plan.values(self._host, slot)))
        self._sockets.read(self._ret, self._on_ret)

    def _on_ret(self, frame: bytes) -> None:
        message = unpack(frame)
        if message.type != "ack":
            super()._on_ret(frame)
            return
        for _ in message.body.get("refused", ()):
            self._fleet.told.refused += self._fleet.plan.count
        while self.waiting and self.waiting[0][0] <= message.seq:
            _, slot = self.waiting.popleft()
            self._fleet.told.acknowledge(self._fleet.plan.due(self._host, slot))

    def _welcomed(self, body: dict[str, Any]) -> None:
        super()._welcomed(body)
        for seq, slot in list(self.waiting):
            self._send_return(seq, slot)


def main() -> int:
    """Run the agents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--count", type=int, required=True, help="how many of the hosts are here")
    parser.add_argument("--server-key", required=True)
    parser.add_argument("--ret", required=True, metavar="HOST:PORT")
    parser.add_argument("--publish", required=True, metavar="HOST:PORT")
    options = parser.parse_args()
    options.every = 0.0  # not by a clock of their own
    allow_files(options.count * FILES_AN_AGENT + SPARE_FILES)
    told = Told()
    fleet = Fleet(FleetPlan(options.hosts, options.numbers, options.interval), told)
    agents: dict[int, SamplingAgent] = {}

    def begin(order: bytes) -> None:
        first, slots = map(int, order.split())
        told.frames = slots * len(agents)
        told.oldest = lambda: min(agent.oldest() for agent in agents.values())
        for agent in agents.values():
            agent.begin(first, slots)

    sockets = Sockets(2 * options.count, options.server_key, begin)
    told.start()
    here = set(range(options.first, options.first + options.count))
    for host in fleet.plan.order:
        if host in here:
            agents[host] = SamplingAgent(sockets, host, options, fleet)
    sockets.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
