"""What plaintext can promise: a shipment counts when the far program has read it, not when its kernel has."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from support.engines import Engine
from support.fleets import POINTS, SAMPLE, at
from support.scaling_doc import block
from support.stacks import wait_for
from support.stores import SalternStore


def engine_to(port: int, root: Path) -> Engine:
    """Return an engine that ships plaintext to *port*."""
    return Engine(root / "master", block("master-to-relay", {"carbon_port: 2003": f"carbon_port: {port}"}))


def test_what_a_dead_program_never_read_is_shipped_again(tmp_path: Path) -> None:
    slot = int(time.time()) - 100
    values = {"web01": {f"m{n}": float(n) for n in range(100)}}  # so little that the kernel takes all of it at once
    store = SalternStore(tmp_path / "store")
    place = ("127.0.0.1", store.port("line"))
    with socket.create_server(place) as frozen, engine_to(place[1], tmp_path) as engine:
        engine.put(slot, values)
        connection, _ = frozen.accept()
        with connection:
            connection.settimeout(20)
            sent = b""
            while sent.count(b"\n") < 100:  # all has come here, and is still the kernel's
                sent = connection.recv(1 << 20, socket.MSG_PEEK)
            assert not engine.delivered()
        frozen.close()
        with store:
            wait_for(lambda: len(at(store, slot)) == 100, "all points")
            wait_for(engine.delivered, "the engine to know")
            assert engine.metrics()["failures"] >= 1


def test_an_engine_ends_at_once_also_while_the_far_end_reads_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        with engine_to(int(frozen.getsockname()[1]), tmp_path) as engine:
            engine.put(int(time.time()), SAMPLE)
            connection, _ = frozen.accept()
        with connection:  # the end of the engine waits for its thread
            assert not engine.delivered()


def test_a_store_acknowledges_by_the_end_of_the_stream(tmp_path: Path) -> None:
    slot = int(time.time()) - 100
    with SalternStore(tmp_path / "store") as store, engine_to(store.port("line"), tmp_path) as engine:
        engine.put(slot, SAMPLE)
        wait_for(engine.delivered, "the store to take them")
        store.kill()  # nothing that counts as delivered may be in its memory alone
        store.start()
        wait_for(lambda: at(store, slot) == POINTS, "all points")


def test_a_sender_that_only_writes_notices_the_end_of_a_store_at_once(tmp_path: Path) -> None:
    """A plain end of stream would let its next line vanish without an error."""
    for ended in ("kill", "end"):
        with (
            SalternStore(tmp_path / ended) as store,
            socket.create_connection(("127.0.0.1", store.port("line"))) as one,
        ):
            one.sendall(f"a.b 1 {int(time.time())}\n".encode())
            wait_for(lambda store=store: "a.b" in store.get("/metrics/index.json"), "the line")  # type: ignore[misc]
            getattr(store, ended)()
            with pytest.raises(OSError):  # reset, or a broken pipe
                one.sendall(b"a.b 2 -1\n")


def test_a_sender_that_is_done_gets_an_orderly_end(tmp_path: Path) -> None:
    with SalternStore(tmp_path) as store, socket.create_connection(("127.0.0.1", store.port("line"))) as one:
        one.settimeout(20)
        one.sendall(f"a.b 1 {int(time.time())}\na.c 2 {int(time.time())}".encode())
        one.shutdown(socket.SHUT_WR)
        assert one.recv(1) == b""  # and no reset
        wait_for(lambda: {"a.b", "a.c"} <= set(store.get("/metrics/index.json")), "both lines")
