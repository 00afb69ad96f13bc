"""Round trip of ``test.ping`` to 1,000 simulated agents, against ZeroMQ and CURVE with no application, in turns.

The agents are a thousand pairs of sockets in one process that speak the protocol and do nothing else
(``bench/support/simulated_agents.py``); the master is the real one; agents, master and client share this host's cores.
The floor: as many sockets in one process, a bare ``ROUTER`` in this one, a frame to each and the answer of each, the
frames as long as a job and a return.

    make bench NAME=fleet [ARGS="--quick"] [ARGS="--agents 2000"]
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import zmq

from saltern.client import LocalClient
from saltern.event import MasterEvent
from saltern.wire import pack
from support import report
from support.measure import cpu_s, median, p95
from support.programs import HOST
from support.report import Figure, say
from support.stack import Master, master

AGENTS, QUICK_AGENTS = 1000, 200
ROUNDS, QUICK_ROUNDS = 40, 8
ROUNDS_TOGETHER = 5
SETTLE_S = 2.0
CONNECTED_WITHIN_S = 120.0
RAW_TIMEOUT_MS = 60_000
MS = 1000
JOB = {"fun": "test.ping", "arg": [], "kwarg": {}, "user": "root", "isolate": False, "timeout": None}
RETURN = {"fun": "test.ping", "fun_args": [], "return": True, "retcode": 0, "success": True, "duration_ms": 0.1}
JID = "20250101000000000000"


def bench(options: argparse.Namespace) -> list[Figure]:
    """Time both and return medians, 95th percentiles and set-up times."""
    agents = options.agents or (QUICK_AGENTS if options.quick else AGENTS)
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    ours: list[float] = []
    raw: list[float] = []
    with _floor(agents) as (floor, floor_setup_s), master() as running, _fleet(running, agents) as setup_s:
        client = LocalClient(running.config_dir)
        time.sleep(SETTLE_S)
        _ping(client, agents)
        floor.round()
        say(f"{rounds} rounds of both")
        master_cpu = 0.0
        for done in range(0, rounds, ROUNDS_TOGETHER):
            before = cpu_s(running.pid)
            ours += [_ping(client, agents) for _ in range(ROUNDS_TOGETHER)]
            time.sleep(0.2)  # acknowledgements
            master_cpu += cpu_s(running.pid) - before
            raw += [floor.round() for _ in range(ROUNDS_TOGETHER)]
            if done % 10 == 0:
                say(f"round {len(ours)}: ours {median(ours) * MS:.0f} ms, raw {median(raw) * MS:.0f} ms")
    say(f"the master's CPU a round, all threads: {master_cpu / len(ours) * MS:.0f} ms")
    peer = f"raw ZeroMQ {zmq.zmq_version()} + CURVE"
    what = f"test.ping to {agents} simulated agents, round trip"
    return [
        Figure("fleet", f"{what}, median", median(ours) * MS, median(raw) * MS, peer, "ms"),
        Figure("fleet", f"{what}, 95th percentile", p95(ours) * MS, p95(raw) * MS, peer, "ms"),
        Figure("fleet", f"{agents} agents enrolled and connected", setup_s, floor_setup_s, peer, "s"),
    ]


def _ping(client: LocalClient, agents: int) -> float:
    began = time.perf_counter()
    answers = client.cmd("*", "test.ping")
    seconds = time.perf_counter() - began
    assert len(answers) == agents, f"{len(answers)} of {agents} answered"
    return seconds


@contextlib.contextmanager
def _fleet(running: Master, agents: int) -> Iterator[float]:
    """Connect *agents* to a master until the block ends; yield the seconds until all are there, keys made."""
    events = MasterEvent(running.sock_dir)
    events.subscribe("salt/presence/change")
    say(f"connecting {agents} simulated agents")
    began = time.perf_counter()
    arguments = ["--ret", running.ret, "--publish", running.publish, "--server-key", running.public_key]
    with _simulated(agents, *arguments):
        there = 0
        while there < agents:
            event = events.get_event(wait=CONNECTED_WITHIN_S)
            if event is None:
                raise TimeoutError(f"{there} of {agents} agents connected")
            there += len(event["new"]) - len(event["lost"])
        seconds = time.perf_counter() - began
        events.close()
        say(f"all connected after {seconds:.1f} s")
        yield seconds


@contextlib.contextmanager
def _simulated(count: int, *arguments: str) -> Iterator[None]:
    """Run the simulated agents' process until the block ends."""
    program = Path(__file__).parent / "support" / "simulated_agents.py"
    argv = [sys.executable, str(program), "--count", str(count), *arguments]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        process.kill()
        process.communicate()


class Floor:
    """A bare ``ROUTER`` and the routing ids of the sockets that are connected to it."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        public, secret = zmq.curve_keypair()
        self.public_key = public.decode()
        self._peers: list[bytes] = []
        self._socket = context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.rcvtimeo = RAW_TIMEOUT_MS
        self._socket.backlog = 4096
        self._socket.curve_server = True
        self._socket.curve_publickey, self._socket.curve_secretkey = public, secret
        self.endpoint = f"{HOST}:{self._socket.bind_to_random_port(f'tcp://{HOST}')}"
        # The frames come back as they were sent: they are as long as a job and a return are on average.
        job, answer = pack("job", 0, {"jid": JID, **JOB}), pack("ret", 1000, {"jid": JID, **RETURN})
        self._frame = bytes((len(job) + len(answer)) // 2)

    def gather(self, count: int) -> None:
        """Wait until *count* sockets have said hello."""
        while len(self._peers) < count:
            self._peers.append(self._socket.recv_multipart()[0])

    def round(self) -> float:
        """Send a frame to all, take all answers, and return the seconds."""
        began = time.perf_counter()
        for peer in self._peers:
            self._socket.send_multipart((peer, self._frame))
        for _ in self._peers:
            self._socket.recv_multipart()
        return time.perf_counter() - began


@contextlib.contextmanager
def _floor(count: int) -> Iterator[tuple[Floor, float]]:
    """Connect *count* bare sockets until the block ends; yield the floor and the seconds that connecting took."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        floor = Floor(context)
        began = time.perf_counter()
        with _simulated(count, "--raw", "--ret", floor.endpoint, "--server-key", floor.public_key):
            floor.gather(count)
            seconds = time.perf_counter() - began
            say(f"{count} bare sockets connected after {seconds:.1f} s")
            yield floor, seconds
    finally:
        context.destroy(linger=0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, help=f"default {AGENTS}, quick {QUICK_AGENTS}")
    sys.exit(report.run(parser, bench))
