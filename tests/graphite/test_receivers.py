"""The sockets: lines, datagrams and batches in, back-pressure and acknowledgements out."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import struct
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest
import whisper

from saltern.errors import StoreError
from saltern_graphite.process import server as server_module
from saltern_graphite.process.options import ServerOptions, StoreOptions
from saltern_graphite.process.server import Server
from saltern_graphite.receivers.formats.batch import MAX_FRAME_BYTES
from saltern_graphite.rules.metric_name import relative_path
from saltern_graphite.store import writer as writer_module
from saltern_graphite.store.store import Store
from saltern_graphite.telemetry.self_metrics import SelfMetrics

ANY = ("127.0.0.1", 0)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 20))  # type: ignore[arg-type]  # every test is a coroutine


@contextlib.asynccontextmanager
async def serving(root: Path, **options: Any) -> AsyncIterator[tuple[Server, Store]]:
    store_options = {key: options.pop(key) for key in list(options) if key in StoreOptions.__slots__}
    store = Store(str(root), StoreOptions(**store_options))
    server = Server(str(root), store, ServerOptions(line=ANY, udp=ANY, pickle=ANY, batch=ANY, http=ANY, **options))
    try:
        await server.start()
        yield server, store
    finally:
        await server.stop()


def where(server: Server, name: str) -> tuple[str, int]:
    host, _, port = str(server.endpoints[name]).rpartition(":")
    return host, int(port)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def count(store: Store, name: str) -> float:
    return store.counters.totals().get(name, 0)


def held(server: Server) -> int:
    """Return how many connections have come and wait for room."""
    return sum(one.waits_for_us for listener in server._listeners for one in listener.connections)


async def send_lines(server: Server, data: bytes) -> None:
    _, writer = await asyncio.open_connection(*where(server, "line"))
    writer.write(data)
    writer.close()
    await writer.wait_closed()


def frame(message: object) -> bytes:
    body: bytes = msgpack.packb(message)
    return struct.pack(">I", len(body)) + body


def points(seq: int, names: list[str], value: float = 1.0) -> bytes:
    now = int(time.time())
    columns = {"names": names, "times": [now] * len(names), "values": [value] * len(names)}
    return frame({"v": 1, "type": "points", "seq": seq, **columns})


async def answer(reader: asyncio.StreamReader) -> dict[str, Any]:
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    message: dict[str, Any] = msgpack.unpackb(await reader.readexactly(length))
    return message


def test_lines_good_and_bad_and_the_unterminated_last_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with serving(tmp_path) as (server, store):
            now = int(time.time())
            data = (
                f"a.b 1 {now}\nbad\n\xff".encode("latin-1") + f" 1 2\nc..d 1 {now}\ne nan {now}\nf 2 N\ng 3 -1".encode()
            )
            await send_lines(server, data)
            await until(lambda: count(store, "metricsReceived") == 3)
            expected = {"bad_fields": 1, "bad_utf8": 1, "empty_segment": 1, "not_finite": 1}
            totals = store.counters.totals()
            assert {name[6:]: total for name, total in totals.items() if name.startswith("drops.")} == expected
            assert sorted(store.index.names()) == ["a.b", "f", "g"]

    run(test)
    told = [record.message for record in caplog.records if record.message.startswith("127.0.0.1:")]
    assert any("(bad_fields): b'bad'" in line for line in told)
    assert any("1 points refused (empty_segment), such as 'c..d'" in line for line in told)


def test_no_plain_name_reaches_the_files_of_tagged_series_by_any_door(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = relative_path("disk.used;rack=a1")
    name = path.removesuffix(".wsp").replace("/", ".")

    async def test() -> None:
        async with serving(tmp_path, flush_interval_s=0.3) as (server, store):
            reader, writer = await asyncio.open_connection(*where(server, "batch"))
            writer.write(points(1, ["disk.used;rack=a1"], 5.0))
            assert (await answer(reader))["accepted"] == 1
            writer.write(points(2, [name, "_tagged"], 6.0))
            assert (await answer(reader))["why"] == {"reserved_name": 2}
            writer.close()
            await send_lines(server, f"{name} 6 N\n".encode())
            _, pickled = await asyncio.open_connection(*where(server, "pickle"))
            body = pickle.dumps([(name, (time.time(), 6.0))], 2)
            pickled.write(struct.pack(">I", len(body)) + body)
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=where(server, "udp")
            )
            transport.sendto(f"{name} 6 N".encode())
            await until(lambda: count(store, "drops.reserved_name") == 5)
            transport.close()
            pickled.close()
            await until(lambda: store.cache.size == 0)
            assert list(store.index.names()) == []  # nor is it found
            _, values = whisper.fetch(str(tmp_path / "whisper" / path), int(time.time()) - 60)
            assert set(values) - {None} == {5.0}

    run(test)
    (line,) = [record.message for record in caplog.records if "reserved_name" in record.message]
    assert f"2 points refused (reserved_name), such as {name!r}" in line  # more of the same kind would be a flood


def test_garbage_is_counted_and_the_connection_goes_on(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as (server, store):
            _, writer = await asyncio.open_connection(*where(server, "line"))
            writer.write(b"\x80\x02]q\x00(U\x05metric" * 3000 + b"\n" + b"x" * 40_000)
            await until(lambda: count(store, "drops.line_too_long") == 2)
            writer.write(b"more of it\n" + b"ok 1 N\n")
            await until(lambda: count(store, "metricsReceived") == 1)
            assert store.cache.points("ok")[0][1] == 1.0
            writer.close()

    run(test)


def test_udp(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as (server, store):
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=where(server, "udp")
            )
            transport.sendto(b"u.a 1 N\nu.b 2 N\nbad")
            await until(lambda: count(store, "metricsReceived") == 2)
            assert count(store, "drops.bad_fields") == 1
            store.cache.max_points = 1
            transport.sendto(b"u.c 1 N\nu.d 2 N")
            await until(lambda: count(store, "drops.udp_full") == 2)
            store.cache.max_points = 1000
            transport.close()

    run(test)


def test_batches_are_acknowledged_in_order_with_reasons(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as (server, store):
            reader, writer = await asyncio.open_connection(*where(server, "batch"))
            data = points(7, ["a", "b/c", "d"]) + points(8, []) + points(9, ["x.y"])
            for place in range(0, len(data), 11):
                writer.write(data[place : place + 11])
                await asyncio.sleep(0)
            assert await answer(reader) == {
                "v": 1, "type": "ack", "seq": 7, "accepted": 2, "refused": 1, "why": {"bad_character": 1}, "which": [1],
            }  # fmt: skip
            rest = [await answer(reader) for _ in range(2)]
            assert [one["seq"] for one in rest] == [8, 9]
            assert not any("which" in one for one in rest)
            assert count(store, "metricsReceived") == 3
            assert b"x.y" in (tmp_path / "log" / "0000000001.wal").read_bytes()
            writer.close()

    run(test)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({"v": 1, "type": "points", "seq": "x"}, "seq is 'x'"),
        ({"v": 2, "type": "points", "seq": 1}, "of version 2 is unknown"),
        ({"v": 1, "type": "query", "seq": 1}, "type 'query'"),
    ],
)
def test_a_bad_frame_is_answered_and_the_next_one_works(tmp_path: Path, message: object, why: str) -> None:
    async def test() -> None:
        async with serving(tmp_path) as (server, _):
            reader, writer = await asyncio.open_connection(*where(server, "batch"))
            writer.write(frame(message) + points(2, ["a"]))
            error = await answer(reader)
            assert (error["v"], error["type"]) == (1, "error")
            assert why in error["error"]
            assert (await answer(reader))["seq"] == 2
            writer.close()

    run(test)


@pytest.mark.parametrize(
    ("columns", "refused", "why"),
    [
        ({}, 0, "names is no list"),
        ({"names": ["a"], "times": [], "values": []}, 1, "differ in length"),
        ({"names": [5, "a"], "times": [1, 1], "values": [1, 1]}, 2, "names[0] is 5, not str"),
        ({"names": ["a"], "times": [1.5], "values": [1]}, 1, "times[0] is 1.5"),
        ({"names": ["a"], "times": [1], "values": [True]}, 1, "values[0] is True"),
    ],
)
def test_a_frame_that_can_never_be_stored_is_refused_whole_and_not_to_be_sent_again(
    tmp_path: Path, columns: dict[str, object], refused: int, why: str
) -> None:
    async def test() -> None:
        async with serving(tmp_path) as (server, store):
            reader, writer = await asyncio.open_connection(*where(server, "batch"))
            writer.write(frame({"v": 1, "type": "points", "seq": 1, **columns}) + points(2, ["a"]))
            told = await answer(reader)
            assert (told["type"], told["seq"], told["accepted"], told["refused"]) == ("ack", 1, 0, refused)
            assert told["which"] == list(range(refused))
            assert why in told["error"]
            assert (await answer(reader))["seq"] == 2
            assert count(store, "drops.bad_frame") == max(refused, 1)
            writer.close()

    run(test)


@pytest.mark.parametrize(
    "data",
    [struct.pack(">I", MAX_FRAME_BYTES + 1), b"GET / HTTP/1.1\r\n", b"\0\0\0\1\xc1", frame([1]), frame(b"x") * 2],
)
def test_what_is_no_frame_is_answered_and_closed(tmp_path: Path, data: bytes) -> None:
    async def test() -> None:
        async with serving(tmp_path) as (server, store):
            reader, writer = await asyncio.open_connection(*where(server, "batch"))
            writer.write(data)
            error = await answer(reader)
            assert (error["type"], error["seq"]) == ("error", None)
            assert await reader.read() == b""
            assert count(store, "drops.bad_frame") == 1
            writer.close()

    run(test)


def test_a_batch_that_can_not_be_logged_is_an_error_to_send_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with serving(tmp_path) as (server, store):
            reader, writer = await asyncio.open_connection(*where(server, "batch"))
            with monkeypatch.context() as patched:
                patched.setattr(store.wal, "append", _raise_full)
                writer.write(points(1, ["a"]))
                error = await answer(reader)
                assert (error["type"], error["seq"]) == ("error", 1)
                assert "No space" in error["error"]
                await send_lines(server, b"held 1 N\n")
                await until(lambda: held(server) >= 1)
                assert count(store, "metricsReceived") == 0
            writer.write(points(1, ["a"]))
            assert (await answer(reader))["accepted"] == 1
            await until(lambda: "held" in store.index)  # lines wait and are tried again
            writer.close()

    run(test)


def _raise_full(*columns: object) -> int:
    raise StoreError("log can't be written: No space left on device")


def test_senders_wait_while_the_cache_is_full_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = threading.Event()
    stuck.set()
    turn = writer_module.Writer.turn

    def sticky(self: writer_module.Writer) -> bool:
        return False if stuck.is_set() else turn(self)

    monkeypatch.setattr(writer_module.Writer, "turn", sticky)
    monkeypatch.setattr(writer_module, "RETRY_S", 0.05)

    async def test() -> None:
        async with serving(tmp_path, cache_max_points=1000) as (server, store):
            lines = b"".join(b"m%d 1 N\n" % n for n in range(1000))
            await send_lines(server, lines)
            await until(lambda: store.cache.full)
            reader, writer = await asyncio.open_connection(*where(server, "batch"))
            writer.write(points(1, ["late.batch"]))
            sender = asyncio.create_task(send_lines(server, b"".join(b"n%d 1 N\n" % n for n in range(2000))))
            await until(lambda: held(server) == 2)
            assert store.cache.size == 1000
            assert "late.batch" not in store.index
            stuck.clear()
            assert (await answer(reader))["seq"] == 1
            await sender
            await until(lambda: count(store, "metricsReceived") == 3001)
            writer.close()

    run(test)


def test_held_points_reach_the_log_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def first() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(writer_module.Writer, "turn", lambda *_: False)
            patched.setattr(writer_module.Writer, "_write", lambda *_: False)
            async with serving(tmp_path, cache_max_points=1) as (server, store):
                await send_lines(server, b"a 1 N\n")
                await until(lambda: store.cache.full)
                await send_lines(server, b"b 2 N\n")
                await until(lambda: held(server) == 1)
                assert count(store, "metricsReceived") == 1

    async def second() -> None:
        async with serving(tmp_path) as (_, store):
            await until(lambda: sorted(store.index.names()) == ["a", "b"])

    run(first)
    run(second)


def test_connections_are_bounded(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, max_connections=2) as (server, store):
            pairs = [await asyncio.open_connection(*where(server, "line")) for _ in range(3)]
            with pytest.raises(ConnectionResetError):  # a sender that only writes notices it
                await pairs[2][0].read()
            assert count(store, "connectionsRefused") == 1
            for _, writer in pairs:
                writer.close()

    run(test)


def test_idle_connections_end(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, idle_timeout_s=0.4) as (server, store):
            pairs = [await asyncio.open_connection(*where(server, "line")) for _ in range(2)]
            ends = await asyncio.gather(*(reader.read() for reader, _ in pairs), return_exceptions=True)
            assert [type(end) for end in ends] == [ConnectionResetError] * 2
            assert count(store, "connectionsIdle") == 2
            for _, writer in pairs:
                writer.close()

    run(test)


def test_self_metrics_have_carbons_names(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, self_metrics_interval_s=0.5) as (server, store):
            await send_lines(server, b"a 1 N\nbad\n")
            await until(lambda: any(name.endswith("-a.metricsReceived") for name in store.index.names()))
            await until(lambda: count(store, "updateOperations") > 0)
            own = SelfMetrics(store, host="web1.example.org").sample()
            prefix = "carbon.agents.web1_example_org-a."
            wanted = """metricsReceived committedPoints updateOperations creates pointsPerUpdate cache.size cache.queues
                cache.overflow errors memUsage cpuUsage avgUpdateTime log.bytes oldestUnwritten drops.bad_fields"""
            assert {prefix + name for name in wanted.split()} <= set(own)
            assert (own[prefix + "metricsReceived"], own[prefix + "drops.bad_fields"]) == (1.0, 1.0)
            assert own[prefix + "memUsage"] > 10_000_000

    run(test)


def test_an_address_in_use_is_one_clear_error(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path / "one") as (server, _):
            taken = where(server, "line")
            store = Store(str(tmp_path / "two"))
            other = Server(str(tmp_path / "two"), store, ServerOptions(line=taken, pickle=None, batch=None, http=ANY))
            with pytest.raises(StoreError, match=rf"can't listen on 127\.0\.0\.1:{taken[1]} for line"):
                await other.start()
            await other.stop()

    run(test)


def test_a_name_without_an_address_is_told_as_such(tmp_path: Path) -> None:
    async def test() -> None:
        options = ServerOptions(line=("nosuch.invalid", 0), pickle=None, batch=None, http=ANY)
        server = Server(str(tmp_path), Store(str(tmp_path)), options)
        with pytest.raises(
            StoreError, match=r"can't listen on nosuch\.invalid:0 for line: (?!Unknown error)[A-Z][a-z]"
        ):
            await server.start()
        await server.stop()

    run(test)


def test_the_lists_in_the_conf_folder_decide_who_comes_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "RELOAD_EVERY_S", 0.05)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "blacklist.conf").write_text("^bad\n")

    async def test() -> None:
        async with serving(tmp_path) as (server, store):
            await send_lines(server, b"bad.a 1 N\ngood 1 N\nbad.a 1 N\n")
            await until(lambda: count(store, "metricsReceived") == 1)
            assert (count(store, "blacklistMatches"), count(store, "errors")) == (2, 0)
            (tmp_path / "conf" / "blacklist.conf").unlink()
            await until(lambda: store.name_lists.refuse("bad.a") is None)
            await send_lines(server, b"bad.a 1 N\n")
            await until(lambda: count(store, "metricsReceived") == 2)
            assert sorted(store.index.names()) == ["bad.a", "good"]

    run(test)
