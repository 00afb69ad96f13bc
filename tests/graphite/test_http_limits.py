"""What one request may cost, and what becomes of one that takes too long or whose client goes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from saltern.http import bodies
from saltern.http.idle import IdleWatch
from saltern_graphite.evaluation.deadline import ClientGone, Deadline, TookTooLong
from saltern_graphite.evaluation.evaluator import Limits
from saltern_graphite.http.app import HttpSettings
from saltern_graphite.process.options import ServerOptions, StoreOptions
from saltern_graphite.process.server import Server
from saltern_graphite.store.reader import Reader
from saltern_graphite.store.store import Store
from support.http_api import FORM, NOW, FolderApi, FolderStore, window

ENDS_S = 20.0


class StuckReader:
    """Stands in for the reader: each fetch waits until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()
        self.names: list[str] = []
        self.waiting = 0
        monkeypatch.setattr(Reader, "fetch", self.fetch)

    def fetch(self, name: str, start: int, end: int, now: int) -> None:
        self.names.append(name)
        self.begun.release()
        self.waiting += 1
        assert self.go.wait(ENDS_S)
        self.waiting -= 1


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[StuckReader]:
    reader = StuckReader(monkeypatch)
    yield reader
    reader.go.set()


def test_a_deadline_by_its_clock() -> None:
    clock = iter((100.0, 104.0, 104.9, 105.0, 106.0))
    deadline = Deadline(5.0, lambda: next(clock))
    assert deadline.left == 1.0
    deadline.check()
    with pytest.raises(TookTooLong, match="over 5 s"):
        deadline.check()
    assert deadline.left == 0.0


def test_a_cancelled_deadline() -> None:
    deadline = Deadline(60.0)
    deadline.check()
    deadline.cancel()
    with pytest.raises(ClientGone):
        deadline.check()


def test_what_takes_too_long_is_503_at_once(store: FolderStore, stuck: StuckReader) -> None:
    """Also what still waits for a thread; and neither goes on when it could."""
    api = FolderApi(store, HttpSettings(Limits(seconds=0.3), render_threads=1))

    async def both() -> None:
        asked = [api.ask("GET", "/render", params={"target": f"servers.{name}.load"}) for name in ("*", "web2")]
        answers = await asyncio.gather(*asked)
        assert stuck.waiting == 1  # whose thread goes on waiting for its disk
        for answer in answers:
            assert (answer.status_code, answer.text.count("\n")) == (503, 1)
            assert answer.text.startswith("the request takes over 0.3 s: ask for fewer series")
            assert answer.headers["cache-control"] == "no-store"
        stuck.go.set()
        after = await api.ask("GET", "/render", params={"target": "constantLine(1)", "format": "json"})
        assert after.status_code == 200

    asyncio.run(both())
    assert len(stuck.names) == 1
    assert api.totals()["requestsTimedOut"] == 2


def test_the_time_is_looked_at_between_fetches_and_functions(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks: list[str] = []
    monkeypatch.setattr(Deadline, "check", lambda self: checks.append("x"))
    api = FolderApi(store)
    assert api.get("/render", target="constantLine(1)", **window()).status_code == 200
    few = len(checks)
    assert api.get("/render", target="scale(servers.*.load,2)", **window()).status_code == 200
    assert len(checks) - few >= few + 2


def _scope(query: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/render",
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("graphite", 80),
    }


def test_work_ends_when_the_client_goes(store: FolderStore, stuck: StuckReader) -> None:
    api = FolderApi(store)
    sent: list[Any] = []

    async def leave() -> None:
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        asked = asyncio.create_task(api.app(_scope("target=servers.*.load"), receive, send))
        await asyncio.to_thread(stuck.begun.acquire, timeout=ENDS_S)
        assert not asked.done()
        gone.set()
        await asyncio.wait_for(asked, ENDS_S)
        stuck.go.set()
        assert (
            await api.ask("GET", "/render", params={"target": "constantLine(1)", "format": "json"})
        ).status_code == 200

    asyncio.run(leave())
    assert sent[0]["status"] == 499  # for the log; nobody reads it
    assert stuck.names == ["servers.web1.load"]
    assert api.totals()["requestsCancelled"] == 1


def test_a_body_that_does_not_come(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_WITHIN_S", 0.1)
    api = FolderApi(store)

    async def ask() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Any) -> None:
            sent.append(message)

        await api.app({**_scope(""), "method": "POST"}, receive, send)
        return sent

    start, body = asyncio.run(ask())
    assert start["status"] == 408
    assert body["body"] == b"the body did not come within 0.1 s\n"


def test_sizes(store: FolderStore) -> None:
    api = FolderApi(store, HttpSettings(Limits(series=1, points=4, targets=2, target_chars=50, depth=3)))
    for status, words, targets in (
        (400, "target 1, column 1: 'servers.*.load' matches 2 metrics, 1 are allowed: narrow it", ["servers.*.load"]),
        (400, "this takes over 4 points: ask for fewer series or a shorter range", ["servers.web1.load"]),
        (400, "3 targets in one request: 2 are allowed", ["a", "b", "c"]),
        (400, "target 2: 51 characters: 50 are allowed", ["a.b", "a" * 51]),
        (400, "target 1, column", ["scale(scale(scale(scale(a,1),1),1),1)"]),
    ):
        answer = api.get("/render", target=targets, **window())
        assert (answer.status_code, answer.text.count("\n")) == (status, 1)
        assert words.removeprefix("target 1, column 1: ") in answer.text
    long = api.post("/render", f"target={'a' * (5 << 20)}")
    assert (long.status_code, long.text) == (413, f"the body is longer than {4 << 20:,} bytes\n")
    many = api.post("/render", "&".join(["target=a"] * 20_000))
    assert (many.status_code, "can't be read" in many.text) == (400, True)
    many = api.send("POST", "/render", json={"target": ["a"] * 20_000})
    assert (many.status_code, many.text) == (400, "the body has 20000 parameters: 10000 are allowed\n")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"target": [["a"]]}', "'target' must be text, a number or a list of these"),
        (b'{"target": {"a": 1}}', "'target' must be text"),
        (b"[" * 100_000, "the body is no JSON"),
        (b'{"target": "a.\\ud800", "format": "json"}', ""),
        (b"\xff\xfe", "the body is no JSON"),
    ],
)
def test_json_bodies_that_are_odd(store: FolderStore, body: bytes, words: str) -> None:
    answer = FolderApi(store).send("POST", "/render", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, words in answer.text) == (400 if words else 200, True)


def test_no_line_of_an_error_is_long(store: FolderStore) -> None:
    answer = FolderApi(store).get("/render", target=f"scale({'x' * 30_000}(a),1)", **window())
    assert answer.status_code == 400
    assert len(answer.text) < 1100


def test_no_memory_is_503(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Reader, "fetch", hungry)
    answer = FolderApi(store).get("/render", target="servers.*.load", **{"from": str(NOW - 60), "now": str(NOW)})
    assert (answer.status_code, answer.text.startswith("there is no memory for this answer")) == (503, True)


def test_connections_without_a_request_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silent ones and those with half a request; not those that are worked for or were just answered."""
    looks: list[float] = []
    look = IdleWatch.look

    def noted(self: IdleWatch, now: float) -> None:
        look(self, now)
        looks.append(now)

    monkeypatch.setattr(IdleWatch, "look", noted)

    async def slowly() -> AsyncIterator[bytes]:
        """A body that takes longer than a connection may be idle."""
        began = time.monotonic()
        yield b"target=constantLine(1)&format=json"
        while looks[-1] - began < 1.0:
            await asyncio.sleep(0.01)
        yield b"&from=-1h"

    async def ask() -> None:
        settings = HttpSettings(request_within_s=0.4)
        options = ServerOptions(http=("127.0.0.1", 0), read_only=True, http_settings=settings)
        server = Server(str(tmp_path), Store(str(tmp_path), StoreOptions()), options)
        closed: list[str] = []
        await server.start()
        url = str(server.endpoints["http"])
        host, port = url.removeprefix("http://").split(":")
        try:
            for name, start in (("silent", b""), ("half", b"GET /version HTTP/1.1\r\nHost: localhost\r\n")):
                reader, writer = await asyncio.open_connection(host, int(port))
                with contextlib.closing(writer):
                    writer.write(start)
                    with contextlib.suppress(ConnectionResetError):
                        assert await asyncio.wait_for(reader.read(), ENDS_S) == b""
                closed.append(name)
            async with httpx.AsyncClient(base_url=url, timeout=ENDS_S) as client:
                slow = client.post("/render", content=slowly(), headers=FORM)
                assert (await slow).status_code == 200
        finally:
            await server.stop()
        assert closed == ["silent", "half"]

    asyncio.run(ask())
