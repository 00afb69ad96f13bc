"""Round trip of ``test.ping`` to real minions: ours against Salt's, in turns.

Both clients are imported, made and used before, as in a program that commands a fleet; both sides run on this host at
the same time, ours with its metrics flowing. Time is taken round ``LocalClient.cmd("*", "test.ping")``.

    make bench NAME=ping [ARGS="--quick"] [ARGS="--minions 10"]
"""

from __future__ import annotations

import argparse
import sys
import time

from saltern.client import LocalClient
from support import report, salt
from support.measure import median, p95
from support.report import Figure, say
from support.stack import stack

MINIONS, QUICK_MINIONS = 30, 5
ROUNDS, QUICK_ROUNDS = 20, 5
OURS_A_ROUND = 10
MS = 1000


def bench(options: argparse.Namespace) -> list[Figure]:
    """Ping both fleets and return the medians and 95th percentiles."""
    minions = options.minions or (QUICK_MINIONS if options.quick else MINIONS)
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    ours: list[float] = []
    theirs: list[float] = []
    with stack(minions) as running, salt.salt(minions) as other, salt.SaltClient(other) as salt_client:
        client = LocalClient(running.config_dir)
        _ping(client, minions)
        salt_client.ping()
        say(f"{rounds} rounds: {OURS_A_ROUND} pings of ours, one of Salt's")
        for number in range(1, rounds + 1):
            ours += [_ping(client, minions) for _ in range(OURS_A_ROUND)]
            seconds, answered = salt_client.ping()
            if answered != minions:
                say(f"Salt: {answered} of {minions} answered; the round is left out")
                continue
            theirs.append(seconds)
            if number % 5 == 0:
                say(f"round {number}: ours {median(ours) * MS:.1f} ms, Salt {median(theirs) * MS:.0f} ms")
    what = f"test.ping to {minions} minions, round trip"
    return [
        Figure("ping", f"{what}, median", median(ours) * MS, median(theirs) * MS, salt.PEER, "ms"),
        Figure("ping", f"{what}, 95th percentile", p95(ours) * MS, p95(theirs) * MS, salt.PEER, "ms"),
    ]


def _ping(client: LocalClient, minions: int) -> float:
    began = time.perf_counter()
    answers = client.cmd("*", "test.ping")
    seconds = time.perf_counter() - began
    assert len(answers) == minions, f"{len(answers)} of {minions} answered"
    assert all(value is True for value in answers.values())
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minions", type=int, help=f"of each kind (default {MINIONS}, quick {QUICK_MINIONS})")
    sys.exit(report.run(parser, bench))
