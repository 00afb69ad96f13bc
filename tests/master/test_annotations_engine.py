"""The engine of annotations: in order, bounded, retried, counted, and never in the bus's way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from saltern.config import MasterOptions, master_config
from saltern.errors import ChannelError, ConfigError
from saltern_master.annotations import engine as engine_module
from saltern_master.annotations.annotation import Annotation
from saltern_master.annotations.engine import AnnotationEngine, annotation_engine
from saltern_master.annotations.places import Places
from saltern_master.annotations.poster import AnnotationFailed, AnnotationRefused, WebPoster
from saltern_master.bus import EventBus
from saltern_master.master import Master
from support.masters import until

pytestmark = pytest.mark.anyio
PLACES = Places("saltern.[minion_id].[module]", lambda: ["web01"])


class MemoryPoster:
    """Keeps what is posted; ``down``, ``hangs`` and ``refuses`` make it fail as real ends do."""

    def __init__(self) -> None:
        self.posted: list[Annotation] = []
        self.attempts = 0
        self.down = False
        self.refuses = ""
        self.hangs = False

    def __str__(self) -> str:
        return "memory"

    async def post(self, annotation: Annotation) -> None:
        self.attempts += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.down:
            raise ChannelError("no answer: Connection refused")
        if self.refuses and self.refuses in annotation.what:
            raise AnnotationRefused("answered 400 too long")
        self.posted.append(annotation)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "RETRY_MIN_S", 0.005)
    monkeypatch.setattr(engine_module, "RETRY_MAX_S", 0.02)


@contextlib.asynccontextmanager
async def running(engine: AnnotationEngine) -> AsyncIterator[None]:
    task = asyncio.create_task(engine.run())
    yield
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


def fire(bus: EventBus, name: str) -> None:
    bus.publish(f"salt/alert/{name}/crit", {"name": name, "state": "crit", "value": 2, "threshold": "> 1"})


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "annotations" in record.getMessage()]


async def test_only_the_kinds_asked_for_are_posted_in_order() -> None:
    bus, poster = EventBus(100), MemoryPoster()
    engine = AnnotationEngine(bus, ["alerts", "alerts", "presence"], PLACES, poster)
    async with running(engine):
        bus.publish("salt/job/1/new", {"fun": "test.ping", "minions": [], "user": "root"})
        for name in ("a", "b", "c"):
            fire(bus, name)
        await until(lambda: len(poster.posted) == 3)
        bus.publish("salt/presence/change", {"new": ["web01"], "lost": []})
        await until(lambda: len(poster.posted) == 4)
    assert [one.tags[1] for one in poster.posted] == ["a", "b", "c", "up"]
    assert engine.metrics() == {
        "connected": 1,
        "posted": 4,
        "refused": 0,
        "dropped": 0,
        "failures": 0,
        "waiting": 0,
    }


async def test_returns_of_jobs_do_not_push_jobs_out() -> None:
    bus, poster = EventBus(100), MemoryPoster()
    poster.hangs = True
    engine = AnnotationEngine(bus, ["jobs"], PLACES, poster)
    async with running(engine):
        bus.publish("salt/job/1/new", {"fun": "test.ping", "minions": ["web01"], "user": "root"})
        await until(lambda: engine.waiting == 1)
        for _ in range(20):
            for _ in range(50):
                bus.publish("salt/job/1/ret/web01", {"fun": "test.ping"})
            await asyncio.sleep(0)
        for _ in range(1000):  # more than the queue holds, before anyone could take them
            bus.publish("salt/job/1/ret/web01", {"fun": "test.ping"})
        assert engine.metrics()["waiting"] == 1
        assert bus.dropped == 0


async def test_an_outage_is_two_lines_and_nothing_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bus, poster = EventBus(100), MemoryPoster()
    poster.down = True
    engine = AnnotationEngine(bus, ["alerts"], PLACES, poster)
    async with running(engine):
        for name in ("a", "b"):
            fire(bus, name)
        await until(lambda: engine.failures >= 3)
        assert engine.metrics()["connected"] == 0
        poster.down = False
        await until(lambda: len(poster.posted) == 2)
        await until(lambda: engine.metrics()["waiting"] == 0)
    assert [one.tags[1] for one in poster.posted] == ["a", "b"]
    assert messages(caplog) == [
        "annotations: memory: no answer: Connection refused: events wait until it takes them",
        "annotations: memory takes events again, 1 wait",
    ]


async def test_what_is_over_the_bound_is_dropped_oldest_first_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    bus, poster = EventBus(100), MemoryPoster()
    poster.hangs = True
    engine = AnnotationEngine(bus, ["alerts"], PLACES, poster, max_waiting=3)
    async with running(engine):
        fire(bus, "first")
        await until(lambda: poster.attempts == 1)
        for name in "abcde":
            fire(bus, name)
        await until(lambda: engine.dropped == 2)
        assert engine.metrics()["waiting"] == 4
    assert messages(caplog) == ["annotations: stopped with 4 events undelivered"]
    poster.hangs = False
    async with running(engine):  # what waited is still there when the master begins the part again
        await until(lambda: engine.posted == 4)
    assert [one.tags[1] for one in poster.posted] == ["first", "c", "d", "e"]


async def test_what_a_slow_loop_loses_on_the_bus_is_counted_too() -> None:
    bus, poster = EventBus(5), MemoryPoster()
    engine = AnnotationEngine(bus, ["alerts"], PLACES, poster)
    async with running(engine):
        for number in range(8):
            fire(bus, f"a{number}")
        await until(lambda: engine.posted == 5)
    assert engine.dropped == 3


async def test_a_refused_event_is_given_up_and_named_once(caplog: pytest.LogCaptureFixture) -> None:
    bus, poster = EventBus(100), MemoryPoster()
    poster.refuses = "bad"
    engine = AnnotationEngine(bus, ["alerts"], PLACES, poster)
    async with running(engine):
        for name in ("bad1", "bad2", "good"):
            fire(bus, name)
        await until(lambda: poster.posted)
    assert engine.metrics()["refused"] == 2
    assert messages(caplog) == ["annotations: memory: 'bad1 is CRITICAL (2 > 1)' is given up: answered 400 too long"]


async def test_an_event_that_the_far_end_always_fails_over_lets_the_others_pass() -> None:
    class Poisoned(MemoryPoster):
        async def post(self, annotation: Annotation) -> None:
            await super().post(annotation)
            if "poison" in annotation.what:
                self.posted.pop()
                raise AnnotationFailed("answered 500 DataError")

    bus, poster = EventBus(100), Poisoned()
    engine = AnnotationEngine(bus, ["alerts"], PLACES, poster)
    async with running(engine):
        for name in ("poison", "good"):
            fire(bus, name)
        await until(lambda: engine.metrics()["posted"])
    assert (engine.refused, engine.failures, poster.attempts) == (1, 10, 11)
    assert engine.metrics()["connected"] == 1


class End(ThreadingHTTPServer):
    """An ``/events/`` that answers with ``status`` and keeps what came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.came: list[tuple[str, dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/events/"


class Handler(BaseHTTPRequestHandler):
    server: End

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.end_headers()
        if self.server.status != 200:
            self.wfile.write(b"<h1>no</h1> way")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def end() -> Iterator[End]:
    server = End()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


ANNOTATION = Annotation(1718020800.5, "ü is CRITICAL", ["alert", "ü"], "{}")


async def test_the_poster_posts_json_with_its_credentials(end: End) -> None:
    await WebPoster(end.url, "sesame").post(ANNOTATION)
    await WebPoster(end.url.replace("//", "//fred:pa%20ss@")).post(ANNOTATION)
    (path, headers, body), (_, others, _) = end.came
    assert path == "/events/"
    assert headers["Authorization"] == "Bearer sesame"
    assert others["Authorization"] == "Basic ZnJlZDpwYSBzcw=="
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {
        "when": 1718020800.5,
        "what": "ü is CRITICAL",
        "tags": ["alert", "ü"],
        "data": "{}",
    }


@pytest.mark.parametrize("status", [301, 401, 403, 404, 429, 500, 503])
async def test_a_far_end_that_may_be_mended_is_tried_again(end: End, status: int) -> None:
    end.status = status
    with pytest.raises(ChannelError, match=f"answered {status} no way"):
        await WebPoster(end.url).post(ANNOTATION)


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_an_event_that_is_refused_is_not(end: End, status: int) -> None:
    end.status = status
    with pytest.raises(AnnotationRefused, match=f"answered {status} no way"):
        await WebPoster(end.url).post(ANNOTATION)


async def test_an_end_that_failed_over_an_event_is_told_from_one_that_may_be_mended(end: End) -> None:
    for end.status in (500, 502):
        with pytest.raises(ChannelError) as caught:
            await WebPoster(end.url).post(ANNOTATION)
        assert isinstance(caught.value, AnnotationFailed) == (end.status == 500)


async def test_nobody_there_is_an_error_of_the_channel(end: End) -> None:
    url = end.url.replace("127.0.0.1", "127.0.0.2")
    with pytest.raises(ChannelError, match="no answer: "):
        await WebPoster(url).post(ANNOTATION)


def test_it_is_off_by_default(options: MasterOptions) -> None:
    assert options["events_of"] == ["alerts"]
    assert annotation_engine(options, EventBus(10), list) is None
    assert Master(options).annotations is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("events_url: 127.0.0.1/events", "events_url: must be like 'http://127.0.0.1:8080/events/'"),
        ("events_url: 'http://u:p@h/events/'\nevents_token: sesame", "give one of the two"),
        ("events_url: 'http://h/events/'\nevents_token: 'ses ame'", "events_token: must be of ASCII characters"),
        ("events_token: 5355", "line 1: events_token must be text, not a whole number: write it in quotes"),
        ("events_url: 'http://h/events/'\nevents_of: [alarms]", "line 2: events_of must be some of alerts, jobs, pres"),
    ],
)
def test_bad_options_are_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "master").write_text(text)
    with pytest.raises(ConfigError) as caught:
        annotation_engine(master_config(tmp_path), EventBus(10), list)
    assert message in str(caught.value)
    assert not re.search("ses|5355", str(caught.value))


def test_a_password_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        WebPoster("ftp://fred:sesame@host/events/")
    assert "sesame" not in str(caught.value)
    assert str(WebPoster("http://fred:sesame@host/events/")) == "http://host/events/"


def test_the_masters_options_reach_the_engine(options: MasterOptions) -> None:
    options["events_url"] = "http://127.0.0.1:1/events/"
    master = Master(options)
    assert master.annotations is not None
    assert set(master.annotations.metrics()) >= {"posted", "dropped", "waiting"}
