"""The master's graphite engine, carbon-c-relay, and several stores: every point on exactly one of them."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.engines import Engine
from support.fleets import POINTS, SAMPLE, at, homes
from support.relays import CarbonCRelay, statistic
from support.scaling_doc import block
from support.stacks import wait_for
from support.stores import SalternStore

pytestmark = pytest.mark.timeout(300)


@contextlib.contextmanager
def stores_running(root: Path) -> Iterator[list[SalternStore]]:
    """Run three stores."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(SalternStore(root / f"store{n}", "--flush-interval", "1")) for n in range(3)]


def engine_to(relay: CarbonCRelay, root: Path) -> Engine:
    """Return an engine configured as the document's master, with *relay* for its Carbon."""
    return Engine(root / "master", block("master-to-relay", {"carbon_port: 2003": f"carbon_port: {relay.port}"}))


def test_a_store_is_killed_and_another_stopped_and_nothing_is_missing(tmp_path: Path) -> None:
    slot = int(time.time()) - 100
    with stores_running(tmp_path) as stores:
        relay = CarbonCRelay(tmp_path / "relay", "c-relay-by-hash", stores)
        with relay, engine_to(relay, tmp_path) as engine:
            engine.put(slot, SAMPLE)
            first = homes(stores, slot)
            assert min(map(len, first)) > len(POINTS) / 4
            for n, (store, number) in enumerate(((stores[1], signal.SIGKILL), (stores[2], signal.SIGTERM))):
                store.end(number)
                away = [slot + 10 * n + k for k in (1, 2)]
                for one in away:
                    engine.put(one, SAMPLE)
                    wait_for(engine.delivered, "the relay to take them")
                store.start()
                for one in away:
                    assert homes(stores, one) == first
            assert engine.metrics()["failures"] == 0
        wanted = {slot, *(slot + 10 * n + k for n in (0, 1) for k in (1, 2))}
        for store, names in zip(stores, first, strict=True):
            store.wait_until_written()
            for name in sorted(names)[:20]:
                assert store.in_file(name, slot - 1) == dict.fromkeys(wanted, POINTS[name])


def test_more_than_the_queue_is_dropped_and_counted_by_the_relay(tmp_path: Path) -> None:
    began, queue = int(time.time()), 3000
    slots = range(began - 100, began - 93)
    with stores_running(tmp_path) as stores:
        relay = CarbonCRelay(tmp_path / "relay", "c-relay-by-hash", stores, queue)
        with relay, engine_to(relay, tmp_path) as engine:
            engine.put(slots[0], SAMPLE)
            home = homes(stores, slots[0])[1]
            stores[1].kill()
            for slot in slots[1:]:
                engine.put(slot, SAMPLE)
                wait_for(engine.delivered, "the relay to take them", 30)
            stores[1].start()
            wait_for(lambda: len(at(stores[1], slots[-1])) == len(home), "the newest points")
            lost = [len(home) - len(at(stores[1], slot)) for slot in slots[1:]]
            assert sum(lost) >= len(home) * len(lost) - queue  # which older ones: as its attempts to connect fell
            address = f"127_0_0_1:{stores[1].port('line')}"

            def dropped() -> float:
                return statistic(stores, f"carbon.relays.*.destinations.{address}.dropped", began, int(time.time()))

            wait_for(lambda: dropped() >= sum(lost), "the relay to tell")
            for store in (stores[0], stores[2]):
                assert len({len(at(store, slot)) for slot in slots}) == 1  # theirs all came


def test_a_store_is_added_without_a_restart(tmp_path: Path) -> None:
    slot = int(time.time()) - 100
    with stores_running(tmp_path) as stores:
        relay = CarbonCRelay(tmp_path / "relay", "c-relay-by-hash", stores[:2])
        with relay, engine_to(relay, tmp_path) as engine:
            engine.put(slot, SAMPLE)
            before = homes(stores, slot)
            assert not before[2]
            relay.reload(stores)
            engine.put(slot + 1, SAMPLE)
            after = homes(stores, slot + 1)
    assert [len(names) for names in after] == [685, 647, 668]  # as the document says
    for old, new in zip(before[:2], after[:2], strict=True):
        assert new < old  # nothing moved between those that were there
        assert 0.25 < len(old - new) / len(old) < 0.42


def test_groups_of_hosts_go_to_stores_of_their_own(tmp_path: Path) -> None:
    slot = int(time.time()) - 100
    with stores_running(tmp_path) as stores:
        relay = CarbonCRelay(tmp_path / "relay", "c-relay-by-name", stores)
        with relay, engine_to(relay, tmp_path) as engine:
            engine.put(slot, {**SAMPLE, "router1": {"m0": 1.0}})
            wait_for(lambda: [len(at(store, slot)) for store in stores] == [1500, 500, 1], "all points")
            kinds = [{name.split(".")[1][:2] for name in at(store, slot)} for store in stores]
    assert kinds == [{"we"}, {"db"}, {"ro"}]


def test_names_of_saltern_pass_the_relay_unchanged(tmp_path: Path) -> None:
    slot = int(time.time()) - 100
    values = {"a%b": 1.0, "a@b": 2.0, "a+b": 3.0, "a=b": 4.0, "a#b": 5.0, "a:b": 6.0, "a-b_c": 7.0, "1m": -1e-300}
    with stores_running(tmp_path) as stores:
        relay = CarbonCRelay(tmp_path / "relay", "c-relay-by-hash", stores)
        with relay, engine_to(relay, tmp_path) as engine:
            engine.put(slot, {"web01.example.com": values})
            wait_for(lambda: sum(len(at(store, slot)) for store in stores) == len(values), "all points")
            found = {name: value for store in stores for name, value in at(store, slot).items()}
    assert found == {f"saltern.web01_example_com.stats.{leaf}": value for leaf, value in values.items()}
