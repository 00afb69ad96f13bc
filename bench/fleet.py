"""Round trip of ``test.ping`` to 1,000 simulated agents, against ZeroMQ and CURVE with no application, in turns; and
the longest stall of the master's loop while 1,000 and 5,000 of them work.

The agents are a thousand pairs of sockets in one process that speak the protocol and do nothing else
(``bench/support/simulated_agents.py``); the master is the real one; agents, master and client share this host's cores.
The floor: as many sockets in one process, a bare ``ROUTER`` in this one, a frame to each and the answer of each, the
frames as long as a job and a return.

For the stall each agent returns 165 numbers every 15 s as its schedule asks, each at a moment of its own, while pings
go to all of them; the points go to a store that only takes them. The master measures every turn of its loop and ships
the longest as ``saltern.master.process.loop_stall_ms``, as it does for operators; the figure is the longest of a few
intervals, and its other side the budget.

    make bench NAME=fleet [ARGS="--quick"] [ARGS="--agents 2000"] [ARGS="--stalls-only"]
"""

from __future__ import annotations

import argparse
import concurrent.futures
import sys
import time

import zmq

from saltern.client import LocalClient
from support import report
from support.floor import floor
from support.measure import cpu_s, median, p95
from support.points_sink import points_sink
from support.programs import HOST
from support.report import Figure, say
from support.simulated import fleet
from support.stack import master

AGENTS, QUICK_AGENTS = 1000, 200
ROUNDS, QUICK_ROUNDS = 40, 8
ROUNDS_TOGETHER = 5
SETTLE_S = 2.0
MS = 1000
AT_WORK, QUICK_AT_WORK = (1000, 5000), (200,)
SAMPLE_EVERY_S, NUMBERS = 15, 165
INTERVALS, QUICK_INTERVALS = 4, 1
PING_EVERY_S = 1.0
STALL_BUDGET_MS = 20.0
STALL = "saltern.master.process.loop_stall_ms"


def bench(options: argparse.Namespace) -> list[Figure]:
    """Time the round trips, then watch the loop at work."""
    at_work = (options.agents,) if options.agents else QUICK_AT_WORK if options.quick else AT_WORK
    intervals = QUICK_INTERVALS if options.quick else INTERVALS
    round_trips = [] if options.stalls_only else _round_trips(options)
    return round_trips + [_stall(agents, intervals) for agents in at_work]


def _round_trips(options: argparse.Namespace) -> list[Figure]:
    """Time both and return medians, 95th percentiles and set-up times."""
    agents = options.agents or (QUICK_AGENTS if options.quick else AGENTS)
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    ours: list[float] = []
    raw: list[float] = []
    with floor(agents) as (bare, floor_setup_s), master() as running, fleet(running, agents) as setup_s:
        client = LocalClient(running.config_dir)
        time.sleep(SETTLE_S)
        _ping(client, agents)
        bare.round()
        say(f"{rounds} rounds of both")
        master_cpu = 0.0
        for done in range(0, rounds, ROUNDS_TOGETHER):
            before = cpu_s(running.pid)
            ours += [_ping(client, agents) for _ in range(ROUNDS_TOGETHER)]
            time.sleep(0.2)  # acknowledgements
            master_cpu += cpu_s(running.pid) - before
            raw += [bare.round() for _ in range(ROUNDS_TOGETHER)]
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


def _stall(agents: int, intervals: int) -> Figure:
    """Let a fleet work for some intervals of the master's own metrics, and return the longest stall in them."""
    with points_sink(STALL) as (sink, port):
        options = {
            "carbon_protocol": "saltern",
            "carbon_host": HOST,
            "carbon_port": port,
            "self_metrics_interval": SAMPLE_EVERY_S,
            "schedule": {"stats": {"function": "stats.collect", "seconds": SAMPLE_EVERY_S, "metrics": True}},
        }
        work = ["--every", str(SAMPLE_EVERY_S), "--numbers", str(NUMBERS)]
        with master(options) as running, fleet(running, agents, *work):
            client = LocalClient(running.config_dir)
            sink.values(STALL, 2, 4 * SAMPLE_EVERY_S)  # of the time when they connected
            points, cpu, began = sink.points, cpu_s(running.pid), time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(1) as waiting:
                stalls = waiting.submit(sink.values, STALL, intervals, (intervals + 2) * SAMPLE_EVERY_S)
                pings = []
                while not stalls.done():
                    pings.append(_ping(client, agents))
                    time.sleep(PING_EVERY_S)
            seconds = time.monotonic() - began
            points_s, cpu_share = (sink.points - points) / seconds, (cpu_s(running.pid) - cpu) / seconds
    say(f"{agents} agents at work: {points_s:,.0f} points a second, the master takes {cpu_share:.0%} of a core")
    say(f"longest stalls: {', '.join(f'{ms:.1f}' for ms in stalls.result())} ms")
    say(f"{len(pings)} pings to all: median {median(pings) * MS:.0f} ms, at most {max(pings) * MS:.0f} ms")
    what = f"longest stall of the master's loop, {agents} simulated agents at work"
    return Figure("fleet", what, max(stalls.result()), STALL_BUDGET_MS, "the budget", "ms")


def _ping(client: LocalClient, agents: int) -> float:
    began = time.perf_counter()
    answers = client.cmd("*", "test.ping")
    seconds = time.perf_counter() - began
    assert len(answers) == agents, f"{len(answers)} of {agents} answered"
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, help=f"default {AGENTS}, quick {QUICK_AGENTS}")
    parser.add_argument("--stalls-only", action="store_true", help="leave the round trips out")
    sys.exit(report.run(parser, bench))
