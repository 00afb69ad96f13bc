"""The master's graphite engine, Carbon's own relay with consistent hashing, and several stores."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.engines import Engine
from support.fleets import POINTS, SAMPLE, at, homes
from support.relays import CarbonRelay, statistic
from support.scaling_doc import block
from support.stacks import wait_for
from support.stores import SalternStore

pytestmark = pytest.mark.timeout(300)


@contextlib.contextmanager
def line_up(root: Path, protocol: str, queue: int | None = None) -> Iterator[tuple[list[SalternStore], Engine]]:
    """Run three stores, a relay that speaks *protocol* to them, and an engine."""
    with contextlib.ExitStack() as stack:
        stores = [stack.enter_context(SalternStore(root / f"store{n}")) for n in range(3)]
        relay = CarbonRelay(root / "relay", stores, protocol, queue)
        stack.enter_context(relay)
        options = block("master-to-relay", {"carbon_port: 2003": f"carbon_port: {relay.port}"})
        yield stores, stack.enter_context(Engine(root / "master", options))


@pytest.mark.parametrize("protocol", ["line", "pickle"])
def test_a_store_is_killed_and_another_stopped_and_nothing_is_missing(tmp_path: Path, protocol: str) -> None:
    slot = int(time.time()) - 100
    with line_up(tmp_path, protocol) as (stores, engine):
        engine.put(slot, SAMPLE)
        first = homes(stores, slot)
        assert min(map(len, first)) > len(POINTS) / 5
        for n, (store, number) in enumerate(((stores[1], signal.SIGKILL), (stores[2], signal.SIGTERM))):
            store.end(number)
            away = [slot + 10 * n + k for k in (1, 2)]
            for one in away:
                engine.put(one, SAMPLE)
                wait_for(engine.delivered, "the relay to take them")
            store.start()
            for one in away:
                assert homes(stores, one) == first


def test_more_than_the_queue_is_dropped_and_counted_by_the_relay(tmp_path: Path) -> None:
    began, queue = int(time.time()), 1000
    slots = range(began - 100, began - 96)
    with line_up(tmp_path, "line", queue) as (stores, engine):
        engine.put(slots[0], SAMPLE)
        home = homes(stores, slots[0])[1]
        stores[1].kill()
        for slot in slots[1:]:
            engine.put(slot, SAMPLE)
            wait_for(engine.delivered, "the relay to take them")
        stores[1].start()
        wait_for(lambda: len(at(stores[1], slots[1])) == len(home), "the oldest points")
        address = f"127_0_0_1:{stores[1].port('line')}:002"

        def dropped() -> float:
            return statistic(stores, f"carbon.relays.*.destinations.{address}.fullQueueDrops", began, int(time.time()))

        assert wait_for(dropped, "the relay to tell")
        lost = [len(home) - len(at(stores[1], slot)) for slot in slots[1:]]
        assert lost == sorted(lost)  # the newest were dropped
        assert len(home) * len(lost) - queue <= sum(lost)
