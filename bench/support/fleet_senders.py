"""Starting what plays a fleet: simulated agents and their master, or a process that sends batches."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from support.fleet_agents import FILES_AN_AGENT, SPARE_FILES
from support.fleet_plan import FleetPlan
from support.fleet_sender import Progress
from support.programs import wait_for
from support.report import say
from support.stack import Master

BENCH = Path(__file__).parents[1]
CONNECTED_WITHIN_S = 300.0


class Senders:
    """Running programs that play a fleet."""

    def __init__(self, programs: list[list[str]]) -> None:
        self._told: list[Progress | None] = [None] * len(programs)
        self._processes = [
            subprocess.Popen(
                argv, cwd=BENCH, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
            )
            for argv in programs
        ]
        self._readers = [
            threading.Thread(target=self._read, args=(place,), daemon=True) for place in range(len(programs))
        ]
        for reader in self._readers:
            reader.start()

    def begin(self, first: int, slots: int) -> None:
        """Have all send *slots* slots from *first* (epoch s) on."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(f"{first} {slots}\n")
            process.stdin.flush()

    def processes(self) -> list[int]:
        """Return their process ids."""
        return [process.pid for process in self._processes if process.poll() is None]

    def progress(self) -> Progress:
        """Return how far they are together. Raises ``RuntimeError`` when one has ended."""
        if len(self.processes()) < len(self._processes):
            raise RuntimeError("a sender has ended: what it said is above")
        told = [one for one in self._told if one is not None]
        if len(told) < len(self._told):
            return Progress(0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, False)
        sums = [sum(column) for column in list(zip(*told, strict=True))[:4]]
        most = [max(column) for column in list(zip(*told, strict=True))[4:8]]
        return Progress(*sums, *most, all(one.done for one in told))

    def stop(self) -> None:
        """End them."""
        for process in self._processes:
            process.kill()
            process.wait()
        for reader in self._readers:
            reader.join()

    def _read(self, place: int) -> None:
        stream = self._processes[place].stdout
        assert stream is not None
        for line in stream:
            told: dict[str, Any] = json.loads(line)
            self._told[place] = Progress(**told)


@contextlib.contextmanager
def _running(programs: list[list[str]], hosts: int) -> Iterator[Senders]:
    senders = Senders(programs)
    try:
        wait_for("all senders", lambda: senders.progress().connected >= hosts, CONNECTED_WITHIN_S)
        yield senders
    finally:
        senders.stop()


def batch_senders(plan: FleetPlan, to: str) -> contextlib.AbstractContextManager[Senders]:
    """Run the light process that sends to a store's batch port until the block ends."""
    return _running([[*_program("fleet_batches", plan), "--to", to]], len(plan.order))


def agent_senders(plan: FleetPlan, running: Master, descriptors: int) -> contextlib.AbstractContextManager[Senders]:
    """Run simulated agents of a master until the block ends, in as many processes as *descriptors* of one ask for."""
    hosts = len(plan.order)
    most = (descriptors - SPARE_FILES) // FILES_AN_AGENT
    where = ["--ret", running.ret, "--publish", running.publish, f"--server-key={running.public_key}"]
    programs = [
        [*_program("fleet_agents", plan), *where, "--first", str(first), "--count", str(min(most, hosts - first))]
        for first in range(0, hosts, most)
    ]
    say(f"connecting {hosts} simulated agents in {len(programs)} process{'es' if len(programs) > 1 else ''}")
    return _running(programs, hosts)


def _program(name: str, plan: FleetPlan) -> list[str]:
    size = ["--hosts", len(plan.order), "--numbers", plan.count, "--interval", plan.interval_s]
    return [sys.executable, "-m", f"support.{name}", *map(str, size)]


Acknowledged = Callable[[int, int], bool]


def acknowledged_in_order(plan: FleetPlan, first: int, frames: int) -> Acknowledged:
    """Return what tells whether a host's slot is among the *frames* first ones of the plan."""
    places = {host: place for place, host in enumerate(plan.order)}
    hosts = len(plan.order)

    def told(host: int, slot: int) -> bool:
        return (slot - first) // plan.interval_s * hosts + places[host] < frames

    return told
