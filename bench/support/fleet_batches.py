"""A fleet in one process without a master: the points of its agents straight to a store, in acknowledged batches.

Run as a program (:mod:`support.fleet_sender` tells of its orders): one connection, a frame for each host and slot at
the moment when its agent would send it, and so many of them under way. What the store can't take waits: then all are
late, and none is left out.
"""

from __future__ import annotations

import argparse
import select
import socket
import struct
import sys
import time
from collections import deque

import msgpack

from support.fleet_plan import FleetPlan
from support.fleet_sender import Told, add_arguments
from support.patched_frames import Batches

UNDER_WAY = 64
RECEIVE_BYTES = 1 << 16
LENGTH = struct.Struct(">I")


class Sender:
    """Sends all frames of a plan, in order, over one connection."""

    def __init__(self, plan: FleetPlan, connection: socket.socket, told: Told) -> None:
        self._plan = plan
        self._connection = connection
        self._told = told
        self._frames = Batches(plan.count)
        self._due = 0.0
        self._under_way: deque[tuple[int, float, int, int]] = deque()  # number, when due, host, slot
        self._again: list[tuple[float, int, int]] = []
        self._answers = bytearray()
        self._seq = 0
        told.oldest = self._oldest

    def run(self, first: int, slots: int) -> None:
        """Send *slots* slots from *first* on and wait for all acknowledgements."""
        interval_s = self._plan.interval_s
        for slot in range(first, first + slots * interval_s, interval_s):
            for host in self._plan.order:
                self._due = self._plan.due(host, slot)
                self._send(self._due, host, slot)
        self._due = 0.0
        while self._under_way or self._again:
            if self._again:
                self._send(*self._again.pop())
            else:
                self._receive(None)

    def _send(self, due: float, host: int, slot: int) -> None:
        while len(self._under_way) >= UNDER_WAY:
            self._receive(None)
        while (wait_s := due - time.time()) > 0:
            self._receive(wait_s)
        self._seq += 1
        frame = self._frames.frame(self._seq, host, slot, self._plan.values(host, slot))
        self._told.send(due)
        self._under_way.append((self._seq, due, host, slot))
        self._connection.sendall(frame)

    def _receive(self, wait_s: float | None) -> None:
        """Wait for answers and read them."""
        if not select.select([self._connection], [], [], wait_s)[0]:
            return
        data = self._connection.recv(RECEIVE_BYTES)
        if not data:
            raise SystemExit("the store closed the connection")
        self._answers += data
        while len(self._answers) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._answers)
            if len(self._answers) < LENGTH.size + length:
                return
            answer = msgpack.unpackb(self._answers[LENGTH.size : LENGTH.size + length])
            del self._answers[: LENGTH.size + length]
            seq, due, host, slot = self._under_way.popleft()
            if answer["seq"] != seq:
                raise SystemExit(f"the store answered out of turn: {answer!r:.200}")
            if answer["type"] == "error":  # nothing of it was taken
                self._again.append((due, host, slot))
                time.sleep(0.1)
                continue
            self._told.refused += answer["refused"]
            self._told.acknowledge(due)

    def _oldest(self) -> float | None:
        try:
            return self._under_way[0][1]
        except IndexError:
            return self._due or None


def main() -> int:
    """Play the fleet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--to", required=True, metavar="HOST:PORT")
    options = parser.parse_args()
    host, _, port = options.to.rpartition(":")
    told = Told()
    plan = FleetPlan(options.hosts, options.numbers, options.interval)
    sender = Sender(plan, socket.create_connection((host, int(port))), told)
    told.connected = options.hosts
    told.start()
    if order := sys.stdin.readline():
        first, slots = map(int, order.split())
        told.frames = slots * options.hosts
        sender.run(first, slots)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
