"""The HTTP API beside salt-api: ``test.ping`` to real minions, many callers at once, many listeners to events.

Both run on this host at the same time; both callers are logged in and keep their connection. What only ours can do
(salt-api has a thread for each listener), and what ours takes without the other beside it, is measured when Salt has
ended; by ``--alone`` nothing else is.

    make bench NAME=api [ARGS="--quick"] [ARGS="--minions 10"]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from saltern.client import LocalClient
from saltern.event import MasterEvent
from support import report, salt, salt_api
from support.http_caller import HttpCaller
from support.measure import median, memory, p95
from support.programs import free_ports
from support.report import Figure, say
from support.stack import Stack, stack

MINIONS, QUICK_MINIONS = 30, 4
ROUNDS, QUICK_ROUNDS = 20, 4
OURS_A_ROUND = 10
CALLERS, QUICK_CALLERS = 200, 20
LISTENERS, QUICK_LISTENERS = 500, 50
EVENTS_A_SECOND = 100
LISTENED_S, QUICK_LISTENED_S = 20.0, 3.0
SETTLE_S = 2.0
MS = 1000
NOBODY = "nothing beside it"
MASTER = {"rest_cherrypy": {"thread_pool": 300, "max_streams_per_user": 1000}}
TAG = "bench/tick"
CROWD = Path(__file__).parent / "support" / "sse_crowd.py"


def bench(options: argparse.Namespace) -> list[Figure]:
    """Call both APIs, and return the figures."""
    minions = options.minions or (QUICK_MINIONS if options.quick else MINIONS)
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    callers = QUICK_CALLERS if options.quick else CALLERS
    figures: list[Figure] = []
    if not options.alone:
        (port,) = free_ports(1)
        with (
            stack(minions, MASTER) as running,
            salt.salt(minions, master_options=salt_api.master_options(port)) as other,
            salt_api.salt_api(other, port) as their_url,
        ):
            our_url, login = _admin(running)
            ours, theirs = HttpCaller(our_url, login), HttpCaller(their_url, salt_api.LOGIN)
            figures += _pings(ours, theirs, minions, rounds)
            figures += _at_once(our_url, ours.token, their_url, theirs.token, minions, callers)
            ours.close()
            theirs.close()
    with stack(minions, MASTER) as running:
        figures += _alone(running, minions, rounds, callers, quick=options.quick)
    return figures


def _alone(running: Stack, minions: int, rounds: int, callers: int, *, quick: bool) -> list[Figure]:
    """Measure ours without Salt beside it."""
    url, login = _admin(running)
    api = [running.pids["api"]]
    idle = memory(api).rss
    ours = HttpCaller(url, login)
    say(f"{rounds * OURS_A_ROUND} pings of ours, nothing beside them")
    ours.ping(minions)
    client = LocalClient(running.config_dir)
    alone: list[float] = []
    socket: list[float] = []
    idly: list[float] = []
    for _ in range(rounds * OURS_A_ROUND):
        alone.append(ours.ping(minions))
        socket.append(_took(lambda: client.cmd("*", "test.ping")))
        idly.append(_took(lambda: ours.call("/", [{"client": "runner", "fun": "test.arg"}])))
    took = _all_at_once(lambda: HttpCaller(url, token=ours.token), minions, callers)
    after = memory(api).rss
    heard = _listeners(running, url, ours.token, quick=quick)
    ours.close()
    ping, all_at_once = f"test.ping to {minions} minions over HTTP", f"{callers} calls of test.ping at once"
    return [
        Figure("api", f"{ping}, median, alone", median(alone) * MS, 0.0, NOBODY, "ms"),
        Figure("api", f"{ping}, 95th percentile, alone", p95(alone) * MS, 0.0, NOBODY, "ms"),
        Figure("api", f"{ping}, in turns with it by LocalClient, median", median(socket) * MS, 0.0, NOBODY, "ms"),
        Figure("api", "a call over HTTP that does nothing, median", median(idly) * MS, 0.0, NOBODY, "ms"),
        Figure("api", f"{all_at_once}, until the last is answered, alone", max(took), 0.0, NOBODY, "s"),
        Figure("api", "memory of the API's process, idle", idle, 0.0, NOBODY, "MiB"),
        Figure("api", f"memory of the API's process after {all_at_once}", after, 0.0, NOBODY, "MiB"),
        *heard,
    ]


def _took(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _admin(running: Stack) -> tuple[str, dict[str, str]]:
    """Return where our API is, and what its administrator logs in by."""
    run = Path(running.sock_dir)
    url = json.loads((run / "endpoints.json").read_text())["api"]
    return url, json.loads((run / "api-admin.json").read_text())


def _pings(ours: HttpCaller, theirs: HttpCaller, minions: int, rounds: int) -> list[Figure]:
    mine: list[float] = []
    others: list[float] = []
    ours.ping(minions)
    theirs.ping(minions)
    say(f"{rounds} rounds: {OURS_A_ROUND} pings of ours, one of salt-api's")
    for number in range(1, rounds + 1):
        mine += [ours.ping(minions) for _ in range(OURS_A_ROUND)]
        others.append(theirs.ping(minions))
        if number % 5 == 0:
            say(f"round {number}: ours {median(mine) * MS:.1f} ms, salt-api {median(others) * MS:.0f} ms")
    what = f"test.ping to {minions} minions over HTTP"
    return [
        Figure("api", f"{what}, median", median(mine) * MS, median(others) * MS, salt_api.PEER, "ms"),
        Figure("api", f"{what}, 95th percentile", p95(mine) * MS, p95(others) * MS, salt_api.PEER, "ms"),
    ]


def _at_once(
    our_url: str, our_token: str, their_url: str, their_token: str, minions: int, callers: int
) -> list[Figure]:
    say(f"{callers} callers at once, of each")
    mine = _all_at_once(lambda: HttpCaller(our_url, token=our_token), minions, callers)
    say(f"ours: {max(mine):.2f} s for all")
    others = _all_at_once(lambda: HttpCaller(their_url, token=their_token), minions, callers)
    say(f"salt-api: {max(others, default=0.0):.2f} s for the {len(others)} that were answered well")
    what = f"{callers} calls of test.ping at once"
    return [
        Figure("api", f"{what}, until the last is answered", max(mine), max(others, default=0.0), salt_api.PEER, "s"),
        Figure("api", f"{what}, answered well", len(mine), len(others), salt_api.PEER, "calls", True),
    ]


def _all_at_once(caller: Callable[[], HttpCaller], minions: int, callers: int) -> list[float]:
    """Return how long each call took that was answered well, counted from the moment when all begin."""
    took: list[float] = []
    ready = threading.Barrier(callers + 1)

    def call() -> None:
        one = caller()
        ready.wait()
        began = time.perf_counter()
        try:
            one.ping(minions)
            took.append(time.perf_counter() - began)
        except (OSError, RuntimeError, ValueError) as error:
            say(f"a call failed: {error}"[:200])
        finally:
            one.close()

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    ready.wait()
    for thread in threads:
        thread.join()
    return took


def _listeners(running: Stack, url: str, token: str, *, quick: bool) -> list[Figure]:
    listeners = QUICK_LISTENERS if quick else LISTENERS
    seconds = QUICK_LISTENED_S if quick else LISTENED_S
    host, _, port = urlsplit(url).netloc.partition(":")
    argv = [sys.executable, "-P", str(CROWD), host, port, str(listeners), TAG]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as crowd:
        assert crowd.stdin is not None
        assert crowd.stdout is not None
        crowd.stdin.write(f"{token}\n")
        crowd.stdin.flush()
        assert crowd.stdout.readline().strip() == "ready"
        say(f"{listeners} listen; {EVENTS_A_SECOND} events a second for {seconds:g} s")
        fired = _fire(running, seconds)
        used = memory([running.pids["api"]]).rss
        time.sleep(SETTLE_S)
        crowd.stdin.write("end\n")
        crowd.stdin.flush()
        heard: dict[str, Any] = json.loads(crowd.stdout.readline())
    what = f"{listeners} listeners, {EVENTS_A_SECOND} events/s"
    lost = fired * listeners - heard["fewest"] * listeners
    return [
        Figure("api", f"{what}: an event's way, median", heard["median"] * MS, 0.0, NOBODY, "ms"),
        Figure("api", f"{what}: an event's way, 99th percentile", heard["p99"] * MS, 0.0, NOBODY, "ms"),
        Figure("api", f"{what}: an event's way, the longest", heard["worst"] * MS, 0.0, NOBODY, "ms"),
        Figure("api", f"{what}: not heard, at most", lost, 0.0, NOBODY, "events"),
        Figure("api", f"{what}: memory of the API's process", used, 0.0, NOBODY, "MiB"),
    ]


def _fire(running: Stack, seconds: float) -> int:
    """Fire events evenly and return how many."""
    events = MasterEvent(running.sock_dir)
    began = time.monotonic()
    count = 0
    while (now := time.monotonic() - began) < seconds:
        if count <= now * EVENTS_A_SECOND:
            events.fire_event({"sent": time.time(), "number": count}, f"{TAG}/{count}")
            count += 1
        else:
            time.sleep(1 / EVENTS_A_SECOND / 4)
    return count


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alone", action="store_true", help="measure ours alone")
    parser.add_argument("--minions", type=int, help=f"of each kind (default {MINIONS}, quick {QUICK_MINIONS})")
    sys.exit(report.run(parser, bench))
