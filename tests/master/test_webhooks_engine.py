"""The engine of webhooks against real receivers: retried, bounded, counted, signed, and none in another's way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from saltern.config import MasterOptions
from saltern.secret import Secret
from saltern_master.bus import Event, EventBus
from saltern_master.webhooks import post as post_module
from saltern_master.webhooks import sender as sender_module
from saltern_master.webhooks.engine import WebhookEngine
from saltern_master.webhooks.signature import signature
from support.masters import running, until
from support.ports import free_port

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parent.parent.parent
TOKEN = "sesame-sesame"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "RETRY_MIN_S", 0.01)
    monkeypatch.setattr(sender_module, "RETRY_MAX_S", 0.05)


class Receiver(ThreadingHTTPServer):
    """Keeps what comes; answers with the statuses of ``statuses`` one by one, then with 200."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.statuses: list[int] = []
        self.headers: dict[str, str] = {}
        self.answer = b""
        self.came: list[tuple[str, dict[str, str], bytes]] = []
        self.hangs = threading.Event()
        self.hangs.set()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/services/sesame"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()

    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, _, body in self.came]

    def stop(self) -> None:
        self.hangs.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.path, dict(self.headers), body))
        self.server.hangs.wait(20)
        with contextlib.suppress(OSError):
            self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200, "repeats /services/sesame")
            for name, value in self.server.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(self.server.answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.stop()


def engine_of(options: MasterOptions, bus: EventBus, **hooks: Any) -> WebhookEngine:
    options["webhooks"] = hooks
    return WebhookEngine(options, bus, lambda: ["web01"])


@contextlib.asynccontextmanager
async def working(engine: WebhookEngine) -> AsyncIterator[None]:
    task = asyncio.create_task(engine.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


def fire(bus: EventBus, number: int, **more: Any) -> None:
    bus.publish(f"test/{number}", {"n": number, **more}, size=sum(len(str(one)) for one in more.values()) + 512)


def numbers(receiver: Receiver) -> list[int]:
    return [body["data"]["n"] for body in receiver.bodies()]


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "webhook" in record.getMessage()]


async def test_what_is_chosen_is_posted_in_order_with_its_headers(options: MasterOptions, receiver: Receiver) -> None:
    bus = EventBus(100)
    engine = engine_of(
        options,
        bus,
        a={
            "url": Secret(f"{receiver.url}?key=open"),
            "events": ["test/*"],
            "headers": {"X-Key": Secret(" k "), "Content-Type": "text/x"},
        },
    )
    async with working(engine):
        bus.publish("other", {"n": 0})
        for number in range(20):
            fire(bus, number)
        await until(lambda: engine.metrics()["a.sent"] == 20)
    assert numbers(receiver) == list(range(20))
    path, headers, _ = receiver.came[0]
    assert path == "/services/sesame?key=open"
    assert (headers["X-Key"], headers["Content-Type"], headers["X-Saltern-Hook"]) == ("k", "text/x", "a")
    assert "X-Saltern-Signature" not in headers
    assert engine.metrics() == {
        "a.sent": 20,
        "a.failed": 0,
        "a.dropped": 0,
        "a.retried": 0,
        "a.waiting": 0,
        "a.up": 1,
    }


def verified(token: str, header: str, body: bytes) -> bool:
    """Do what ``docs/webhooks.md`` tells receivers to do."""
    names: dict[str, Any] = {}
    text = (ROOT / "docs/webhooks.md").read_text()
    exec(text.partition("```python\n")[2].partition("```")[0], names)  # our own words
    return bool(names["is_genuine"](token, header, body))


async def test_a_receiver_can_tell_who_sent_it(options: MasterOptions, receiver: Receiver) -> None:
    bus = EventBus(100)
    engine = engine_of(options, bus, a={"url": receiver.url, "events": ["test/*"], "sign_token": Secret(TOKEN)})
    receiver.statuses = [503]
    async with working(engine):
        fire(bus, 1)
        await until(lambda: engine.metrics()["a.sent"])
    (_, first, body), (_, second, _) = receiver.came
    header = first["X-Saltern-Signature"]
    assert verified(TOKEN, header, body)
    assert not verified(TOKEN, header, body + b" ")
    assert not verified("another", header, body)
    assert not verified(TOKEN, header.replace("t=1", "t=2"), body)
    assert not verified(TOKEN, signature(TOKEN, body, int(time.time()) - 301), body)
    assert not verified(TOKEN, "t=ü,v1=ü", body)
    assert first["X-Saltern-Delivery"] == second["X-Saltern-Delivery"] != ""
    assert TOKEN not in str(receiver.came)


async def test_a_receiver_that_restarts_gets_all_and_the_log_two_lines(
    options: MasterOptions, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bus = EventBus(100)
    first = Receiver()
    port = first.server_address[1]
    engine = engine_of(options, bus, a={"url": first.url, "events": ["test/*"]})
    async with working(engine):
        fire(bus, 1)
        await until(lambda: engine.metrics()["a.sent"] == 1)
        await asyncio.to_thread(first.stop)
        for number in (2, 3, 4):
            fire(bus, number)
        await until(lambda: engine.metrics()["a.retried"] >= 5)
        assert engine.metrics()["a.up"] == 0
        assert engine.metrics()["a.waiting"] == 3
        second = Receiver(port)
        try:
            await until(lambda: engine.metrics()["a.sent"] == 4)
        finally:
            await asyncio.to_thread(second.stop)
    assert numbers(second) == [2, 3, 4]
    host = f"http://127.0.0.1:{port}"
    assert said(caplog) == [
        f"webhook a ({host}): no answer: Connect call failed ('127.0.0.1', {port}): events wait until it takes them",
        f"webhook a ({host}): takes events again",
    ]


async def test_a_dead_receiver_keeps_no_other_waiting(options: MasterOptions, receiver: Receiver) -> None:
    bus = EventBus(1000)
    dead = Receiver()
    dead.hangs.clear()
    closed = socket.create_server(("127.0.0.1", 0))  # takes connections, and reads nothing
    nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    hooks = {f"dead{n}": {"url": dead.url, "events": ["*"]} for n in range(10)}
    engine = engine_of(
        options, bus, **hooks, nobody={"url": nobody, "events": ["*"]}, live={"url": receiver.url, "events": ["test/*"]}
    )
    try:
        async with working(engine):
            for number in range(200):
                fire(bus, number)
            await until(lambda: engine.metrics()["live.sent"] == 200)
            assert engine.metrics()["dead3.waiting"] == 200
            assert engine.metrics()["nobody.waiting"] == 200
    finally:
        closed.close()
        await asyncio.to_thread(dead.stop)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422, 301, 302, 307])
async def test_what_is_refused_is_not_posted_again_and_is_said_once(
    options: MasterOptions, receiver: Receiver, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    bus = EventBus(100)
    other = Receiver()
    receiver.headers = {"Location": other.url}
    receiver.answer = b"no such thing as /services/sesame"
    receiver.statuses = [status] * 3
    engine = engine_of(options, bus, a={"url": receiver.url, "events": ["*"]})
    try:
        async with working(engine):
            for number in range(4):
                fire(bus, number)
            await until(lambda: engine.metrics()["a.sent"] == 1)
    finally:
        await asyncio.to_thread(other.stop)
    assert numbers(receiver) == [0, 1, 2, 3]
    assert other.came == []
    assert engine.metrics()["a.failed"] == 3
    (line,) = said(caplog)
    assert f"answered {status} " in line
    assert "the event is given up" in line
    assert "sesame" not in caplog.text


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_what_may_be_taken_later_is_posted_again_within_bounds(
    options: MasterOptions, receiver: Receiver, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    bus = EventBus(100)
    receiver.statuses = [status] * 6
    engine = engine_of(options, bus, a={"url": receiver.url, "events": ["*"], "retries": 3})
    async with working(engine):
        fire(bus, 1)
        fire(bus, 2)
        await until(lambda: engine.metrics()["a.sent"] == 1)
    assert numbers(receiver) == [1, 1, 1, 1, 2, 2, 2]
    assert (engine.metrics()["a.failed"], engine.metrics()["a.retried"]) == (1, 5)
    assert "sesame" not in caplog.text


async def test_an_event_is_tried_for_so_long_alone(options: MasterOptions, caplog: pytest.LogCaptureFixture) -> None:
    bus = EventBus(100)
    url = f"http://127.0.0.1:{free_port()}/"
    engine = engine_of(options, bus, a={"url": url, "events": ["*"], "retry_for": 1.0, "retries": 0})
    async with working(engine):
        fire(bus, 1)
        await until(lambda: engine.metrics()["a.failed"] == 1)
    assert engine.metrics()["a.retried"] >= 2  # who isn't there has not answered


@pytest.mark.parametrize("after", ["2", "a date", "-1", "soon", "9" * 400])
async def test_who_asks_to_be_left_alone_is(
    options: MasterOptions, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    obeyed = after in ("2", "a date", "9" * 400)
    most_s = 0.6 if obeyed else 30.0
    monkeypatch.setattr(post_module, "MAX_RETRY_AFTER_S", most_s)
    bus = EventBus(100)
    receiver.statuses = [429]
    receiver.headers = {"Retry-After": formatdate(time.time() + 60, usegmt=True) if after == "a date" else after}
    engine = engine_of(options, bus, a={"url": receiver.url, "events": ["*"]})
    async with working(engine):
        began = time.monotonic()
        fire(bus, 1)
        await until(lambda: engine.metrics()["a.sent"] == 1)
        took = time.monotonic() - began
    assert took >= most_s if obeyed else took < most_s


async def test_what_there_is_no_room_for_is_dropped_oldest_first_and_counted(
    options: MasterOptions, receiver: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "MAX_QUEUE_BYTES", 20_000)
    bus = EventBus(1000)
    receiver.hangs.clear()
    engine = engine_of(
        options, bus, a={"url": receiver.url, "events": ["test/*"]}, b={"url": receiver.url, "events": ["x"]}
    )
    async with working(engine):
        fire(bus, 0)
        await until(lambda: receiver.came)
        for number in range(1, 101):
            fire(bus, number, large="x" * 1000)
        metrics = engine.metrics()
        assert 80 <= metrics["a.dropped"] <= 90
        assert metrics["a.waiting"] == 101 - metrics["a.dropped"]
        assert metrics["b.dropped"] == 0
        receiver.hangs.set()
        await until(lambda: engine.metrics()["a.waiting"] == 0)
    got = numbers(receiver)
    assert got == [0, *range(101 - (len(got) - 1), 101)]
    assert any("events were dropped: 8" in line for line in said(caplog))


async def test_an_event_that_has_no_form_is_counted_and_the_others_pass(
    options: MasterOptions, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    bus = EventBus(100)
    engine = engine_of(options, bus, a={"url": receiver.url, "events": ["*"], "text": "{{ 1 // data.n }}"})
    async with working(engine):
        for number in (0, 0, 1):
            fire(bus, number)
        await until(lambda: engine.metrics()["a.sent"] == 1)
    assert engine.metrics()["a.failed"] == 2
    (line,) = said(caplog)
    assert "'test/0' can't be put into its form: Jinja error: integer division or modulo by zero" in line


async def test_a_fault_of_ours_takes_one_event(
    options: MasterOptions, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    bus = EventBus(100)
    engine = engine_of(options, bus, a={"url": receiver.url, "events": ["*"]})
    form = engine._senders["a"].hook.form
    before = form.body

    def broken(event: Event) -> bytes:
        assert event.data["n"]
        return before(event)

    form.body = broken  # type: ignore[method-assign]  # a form with a fault
    async with working(engine):
        fire(bus, 0)
        fire(bus, 1)
        await until(lambda: engine.metrics()["a.sent"] == 1)
    assert engine.metrics()["a.failed"] == 1
    assert "an event failed within Saltern" in caplog.text


async def test_an_answer_is_read_to_a_bound(options: MasterOptions, receiver: Receiver) -> None:
    bus = EventBus(100)
    receiver.answer = b"x" * 100_000
    engine = engine_of(options, bus, a={"url": receiver.url, "events": ["*"]})
    async with working(engine):
        fire(bus, 1)
        await until(lambda: engine.metrics()["a.failed"] == 1)
    assert len(receiver.came) == 1


async def test_hooks_are_changed_while_they_work_and_what_waits_goes_where_they_lead_now(
    options: MasterOptions, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    bus = EventBus(100)
    same = {"events": ["test/*"]}
    wrong = f"http://127.0.0.1:{free_port()}/"
    engine = engine_of(options, bus, a={"url": wrong, **same}, gone={"url": wrong, **same})
    async with working(engine):
        for number in range(3):
            fire(bus, number)
        await until(lambda: engine.metrics()["a.retried"] and engine.metrics()["gone.retried"])
        options["webhooks"] = {"a": {"url": "nonsense"}}
        engine.reread(options)
        assert "the webhooks stay as they were: webhooks: a: events" in caplog.text
        options["webhooks"] = {"a": {"url": receiver.url, **same}, "new": {"url": receiver.url, "events": ["new"]}}
        engine.reread(options)
        await until(lambda: engine.metrics()["a.sent"] == 3)
        bus.publish("new", {"n": 9})
        await until(lambda: engine.metrics()["new.sent"] == 1)
        assert not any(name.startswith("gone") for name in engine.metrics())
        subscribers = bus.metrics()["subscribers"]
        engine.reread(options)
        assert bus.metrics()["subscribers"] == subscribers == 2
    assert numbers(receiver) == [0, 1, 2, 9]
    assert any("webhook gone" in line and "stopped with 3 events undelivered" in line for line in said(caplog))


async def test_what_waits_is_still_there_when_the_part_is_begun_again(
    options: MasterOptions, receiver: Receiver
) -> None:
    bus = EventBus(100)
    receiver.hangs.clear()
    engine = engine_of(options, bus, a={"url": receiver.url, "events": ["*"]})
    async with working(engine):
        for number in range(3):
            fire(bus, number)
        await until(lambda: receiver.came)
    assert engine.metrics()["a.waiting"] == 3
    receiver.hangs.set()
    async with working(engine):
        await until(lambda: engine.metrics()["a.sent"] == 3)
    assert numbers(receiver) == [0, 0, 1, 2]


async def test_a_master_posts_and_reads_its_hooks_again(options: MasterOptions, receiver: Receiver) -> None:
    async with running(options) as master:
        assert master.webhooks.metrics() == {}
        with open(options["conf_file"], "a") as file:
            file.write(f"webhooks: {{ops: {{url: !secret '{receiver.url}', form: slack, events: [alerts]}}}}\n")
        master.reload()
        master.bus.publish("salt/alert/cpu/crit", {"name": "cpu", "state": "crit", "value": 2, "threshold": "> 1"})
        await until(lambda: receiver.came)
        assert receiver.bodies() == [{"text": "cpu is CRITICAL (2 &gt; 1)"}]
        await until(lambda: master.webhooks.metrics()["ops.sent"] == 1)
        told = {name for values in master.self_metrics.sample(time.time()) for name in values}
        assert "saltern.master.webhooks.ops.sent" in told
