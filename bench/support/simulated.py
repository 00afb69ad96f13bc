"""Simulated agents (``simulated_agents.py``) in processes of their own, connected to a master or to bare sockets."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from saltern.event import MasterEvent
from saltern.runner import RunnerClient
from support.report import say
from support.stack import Master

CONNECTED_WITHIN_S = 300.0
QUIET_S = 5.0
"""Without an event for so long the master is asked who is there: a queue of events may have run over."""
AGENTS_A_PROCESS = 2500
"""Six descriptors each: many systems let a process have 20,000."""


@contextlib.contextmanager
def fleet(running: Master, agents: int, *arguments: str) -> Iterator[float]:
    """Connect *agents* to a master until the block ends; yield the seconds until all are there, keys made.

    *arguments* go to the simulated agents.
    """
    events = MasterEvent(running.sock_dir)
    events.subscribe("salt/presence/change")
    say(f"connecting {agents} simulated agents")
    began = time.perf_counter()
    where = ["--ret", running.ret, "--publish", running.publish, f"--server-key={running.public_key}"]
    with simulated(agents, *where, *arguments):
        there = 0
        while there < agents:
            event = events.get_event(wait=QUIET_S)
            if event is not None:
                there += len(event["new"]) - len(event["lost"])
                continue
            there = len(RunnerClient({"sock_dir": running.sock_dir}).cmd("manage.up"))
            if time.perf_counter() - began > CONNECTED_WITHIN_S:
                raise TimeoutError(f"{there} of {agents} agents connected")
        seconds = time.perf_counter() - began
        events.close()
        say(f"all connected after {seconds:.1f} s")
        yield seconds


@contextlib.contextmanager
def simulated(count: int, *arguments: str) -> Iterator[None]:
    """Run the simulated agents' processes until the block ends."""
    program = str(Path(__file__).parent / "simulated_agents.py")
    processes = []
    try:
        for first in range(0, count, AGENTS_A_PROCESS):
            some = ["--first", str(first), "--count", str(min(AGENTS_A_PROCESS, count - first))]
            argv = [sys.executable, program, *some, *arguments]
            processes.append(subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True))
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()
