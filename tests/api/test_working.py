"""Threads, shares and streams: nobody takes all, and who leaves is waited for no more."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from saltern.errors import Busy
from saltern_api.pipe import MAX_BYTES, Pipe, PipeClosed
from saltern_api.places import Bytes, Places
from support.api import JSON, Api

PING = {"client": "local", "tgt": "*", "fun": "test.ping"}


def test_places_have_shares_and_take_turns() -> None:
    async def take() -> list[str]:
        places, order = Places(2, 1), []
        tasks = []

        async def one(caller: str, number: int) -> None:
            await places.take(caller)
            order.append(f"{caller}{number}")
            await asyncio.sleep(0)
            places.leave(caller)

        for caller in "aab":
            tasks += [asyncio.create_task(one(caller, number)) for number in range(2)]
        await asyncio.gather(*tasks)
        assert places.taken == places.waiting == 0
        return order

    order = asyncio.run(take())
    assert order[:2] == ["a0", "b0"]
    assert sorted(order) == ["a0", "a0", "a1", "a1", "b0", "b1"]


def test_who_waits_too_long_or_too_much_is_told() -> None:
    async def take() -> None:
        places = Places(1, 1, waits_s=0.01, max_waiting=2)
        await places.take("a")
        waiting = [asyncio.create_task(places.take("a")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="2 of your requests are waiting"):
            await places.take("a")
        for error in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(error, Busy)
        with pytest.raises(Busy, match="no thread was free"):
            await places.take("b")
        places.leave("a")
        assert places.taken == places.waiting == 0
        await places.take("b")

    asyncio.run(take())


def test_who_leaves_the_queue_leaves_no_place_behind() -> None:
    async def take() -> None:
        places = Places(1, 1)
        await places.take("a")
        waiting = asyncio.create_task(places.take("b"))
        await asyncio.sleep(0)
        places.leave("a")  # it is b's now, who does not know yet
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert places.taken == 0
        gone = asyncio.create_task(places.take("b"))
        await gone
        assert places.taken == 1

    asyncio.run(take())


def test_bytes_on_their_way_in() -> None:
    async def hold() -> None:
        most = Bytes(10, 6)
        async with most.held("a", 6):
            with pytest.raises(Busy):
                async with most.held("a", 1):
                    pass
            async with most.held("b", 4):
                with pytest.raises(Busy):
                    async with most.held("c", 1):
                        pass
        async with most.held("a", 6):
            pass

    asyncio.run(hold())


def test_a_pipe_bounds_what_is_under_way() -> None:
    async def pump() -> None:
        pipe = Pipe()
        written = 0

        def write() -> None:
            nonlocal written
            for _ in range(100):
                pipe.write(b"x" * 65536)
                written += 65536
            pipe.end()

        thread = threading.Thread(target=write)
        thread.start()
        total = 0
        while (piece := await pipe.read()) is not None:
            total += len(piece)
            assert written - total <= MAX_BYTES + 2 * 65536
        thread.join()
        assert total == 100 * 65536

    asyncio.run(pump())


def test_a_pipe_that_nobody_reads_any_more() -> None:
    async def pump() -> None:
        pipe = Pipe()
        failed: list[Exception] = []

        def write() -> None:
            try:
                while True:
                    pipe.write(b"x" * 65536)
            except PipeClosed as error:
                failed.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        await pipe.read()
        pipe.close()
        await asyncio.to_thread(thread.join)
        assert failed

    asyncio.run(pump())


class Request:
    """One request to the application, message by message."""

    def __init__(self, api: Api, body: Any, path: str = "/") -> None:
        raw = json.dumps(body).encode()
        headers = [(b"host", b"localhost"), (b"content-type", JSON.encode()), (b"x-auth-token", api.token.encode())]
        self.scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": headers, "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 5),
            "server": ("localhost", 80), "root_path": "", "asgi": {"version": "3.0", "spec_version": "2.3"},
        }  # fmt: skip
        self._incoming = [{"type": "http.request", "body": raw, "more_body": False}]
        self.gone = asyncio.Event()
        self.sent: list[Any] = []
        self.on_send: Callable[[Any], Awaitable[None]] | None = None
        self.task = asyncio.create_task(api.app(self.scope, self.receive, self.send))  # type: ignore[arg-type]

    async def receive(self) -> Any:
        if self._incoming:
            return self._incoming.pop()
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if self.on_send is not None:
            await self.on_send(message)
        self.sent.append(message)


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api({"thread_pool": 4})
    yield made
    made.close()


@pytest.mark.parametrize("path", ["/", "/minions"])
def test_a_client_that_leaves_is_waited_for_no_more(api: Api, path: str) -> None:
    """The call to the master is interrupted and its place is free."""
    begun = threading.Event()

    def wait(low: Any) -> None:
        begun.set()
        low["__client"].wait()

    api.master.scripts["wait"] = wait

    async def leave() -> None:
        request = Request(api, {**PING, "fun": "wait"}, path)
        assert await asyncio.to_thread(begun.wait, 10)
        assert api.workers.working == 1
        request.gone.set()
        assert await asyncio.to_thread(api.master.interrupted.wait, 10)
        await request.task
        while api.workers.working:
            await asyncio.sleep(0)

    asyncio.run(leave())
    assert api.counters.totals()["requestsGone"] == 1


def test_a_client_that_leaves_amid_its_answer(api: Api) -> None:
    def endless(low: Any) -> Any:
        return itertools.chain((f"m{number}", "x" * 10_000) for number in itertools.count())

    api.master.scripts["endless"] = endless

    async def leave() -> None:
        request = Request(api, {**PING, "fun": "endless"})
        while len(request.sent) < 5:
            await asyncio.sleep(0)
        request.gone.set()
        await request.task
        while api.workers.working:
            await asyncio.sleep(0)

    asyncio.run(leave())


def test_a_client_that_leaves_before_its_answer_has_begun(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """The call that is interrupted for that is no fault of the master's."""
    begun = threading.Event()

    def waiting(low: Any) -> Any:
        def parts() -> Iterator[Any]:
            begun.set()
            low["__client"].wait()
            yield "web1", True

        return itertools.chain(parts())

    api.master.scripts["waiting"] = waiting

    async def leave() -> Request:
        request = Request(api, {**PING, "fun": "waiting"})
        assert await asyncio.to_thread(begun.wait, 10)
        await asyncio.sleep(0.1)
        request.gone.set()
        await request.task
        while api.workers.working:
            await asyncio.sleep(0)
        return request

    request = asyncio.run(leave())
    assert not [one for one in request.sent if one.get("status", 0) >= 500]
    assert not caplog.records
    assert api.counters.totals()["requestsFailed"] == 0


def test_a_large_answer_is_not_gathered(api: Api) -> None:
    """200 MB of parts pass through a few."""

    def large(low: Any) -> Any:
        return itertools.chain((f"m{number}", "x" * 100_000) for number in range(2000))

    api.master.scripts["large"] = large
    total = 0

    async def read() -> None:
        nonlocal total
        request = Request(api, [PING, {**PING, "fun": "large"}])

        async def count(message: Any) -> None:
            nonlocal total
            total += len(message.pop("body", b""))

        request.on_send = count
        await request.task

    tracemalloc.start()
    asyncio.run(read())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total > 200_000_000
    assert peak < 8 << 20


def test_a_large_answer_before_the_last_goes_to_disk(api: Api) -> None:
    def large(low: Any) -> Any:
        return itertools.chain((f"m{number}", "x" * 100_000) for number in range(200))

    api.master.scripts["large"] = large
    api.master.scripts["no"] = lambda low: Busy("later")
    answer = api.post("/", [{**PING, "fun": "large"}, {**PING, "fun": "no"}])
    assert answer.status_code == 429
    answer = api.post("/", [{**PING, "fun": "large"}, PING])
    assert [len(one) for one in answer.json()["return"]] == [200, 2]


def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(api: Api) -> None:
    def breaks() -> Iterator[Any]:
        for number in range(100):
            yield f"m{number}", "x" * 10_000
        raise Busy("half way")

    api.master.scripts["breaks"] = lambda low: itertools.chain(breaks())

    async def read() -> None:
        request = Request(api, {**PING, "fun": "breaks"})
        with pytest.raises(Busy):
            await request.task
        assert request.sent[0]["status"] == 200
        assert request.sent[-1]["more_body"] is True

    asyncio.run(read())


def test_one_address_takes_half_of_the_threads() -> None:
    api = Api({"thread_pool": 10})
    release = threading.Event()
    api.master.scripts["wait"] = lambda low: release.wait(30)

    async def crowd() -> None:
        asking = [Request(api, {**PING, "fun": "wait"}) for _ in range(10)]
        while api.workers.waiting < 5:
            await asyncio.sleep(0)
        assert api.workers.working == 5
        release.set()
        await asyncio.gather(*(one.task for one in asking))
        assert [one.sent[0]["status"] for one in asking] == [200] * 10

    asyncio.run(crowd())
    api.close()
