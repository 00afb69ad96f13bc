"""The http driver against real sockets: a render API, its errors, and everything that isn't one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ConfigError
from saltern_master.alerts.source import NoAnswer, RenderRefused, Series
from saltern_master.alerts.sources.http import HttpSource, parse_answer
from saltern_master.web_end import Answer as WebAnswer

Answer = Callable[[dict[str, list[str]]], tuple[int, str, bytes]]


class Api(ThreadingHTTPServer):
    """A server that answers each POST with what ``answer`` makes of its form."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer: Answer = lambda form: (200, "application/json", b"[]")
        self.requests: list[tuple[str, dict[str, str], dict[str, list[str]]]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.requests.append((self.path, dict(self.headers), form))
        status, kind, body = self.server.answer(form)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def ask(url: str, target: str = "a.*", **options: float) -> list[Series]:
    return asyncio.run(HttpSource(url, **options).render(target, 1000, 1060))  # type: ignore[arg-type]


def test_it_asks_for_the_target_and_reads_the_series(api: Api) -> None:
    body = [{"target": "a.b", "tags": {}, "datapoints": [[1.5, 1015], [None, 1030], [2, 1045]]}]
    api.answer = lambda form: (200, "application/json", json.dumps(body).encode())
    assert ask(api.url + "/", "aliasByNode(a.*, 1) & ü") == [Series("a.b", [(1015, 1.5), (1030, None), (1045, 2)])]
    path, headers, form = api.requests[0]
    assert path == "/render"
    assert headers["Host"] == api.url.removeprefix("http://")
    assert form == {
        "target": ["aliasByNode(a.*, 1) & ü"],
        "from": ["1000"],
        "until": ["1060"],
        "format": ["json"],
        "noNullPoints": ["true"],
        "noCache": ["true"],
    }


def test_a_login_and_a_path_are_part_of_the_url_but_not_shown(api: Api) -> None:
    url = api.url.replace("//", "//me:p%40ss@") + "/graphite"
    assert ask(url) == []
    path, headers, _ = api.requests[0]
    assert path == "/graphite/render"
    assert headers["Authorization"] == "Basic bWU6cEBzcw=="
    assert str(HttpSource(url)) == f"{api.url}/graphite/render"


def test_numbers_that_json_does_not_know_are_read(api: Api) -> None:
    api.answer = lambda form: (200, "", b'[{"target": "a", "datapoints": [[1e9999, 1], [NaN, 2]]}]')
    ((_, points),) = ask(api.url)
    assert points[0] == (1, float("inf"))


def test_a_refused_target_brings_the_apis_own_words(api: Api) -> None:
    page = b"<html><head><title>x</title></head><body>\n<h1>Bad</h1> function <b>foo</b></body></html>"
    api.answer = lambda form: (400, "text/html", page)
    with pytest.raises(RenderRefused, match=r"^400: Bad function foo$"):
        ask(api.url)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_says_nothing_about_the_target(api: Api, status: int) -> None:
    api.answer = lambda form: (status, "text/plain", b"starting")
    with pytest.raises(NoAnswer, match=f"answered {status} .*: starting"):
        ask(api.url)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b'[{"target": 1}]', b"not json", b"[" * 50_000, b'[{"target":"a","datapoints":[1]}]']
)
def test_an_answer_that_is_no_list_of_series_is_the_rules_fault(api: Api, body: bytes) -> None:
    api.answer = lambda form: (200, "application/json", body)
    with pytest.raises(RenderRefused, match="isn't a list of series"):
        ask(api.url)


def test_big_answers_are_read_and_huge_ones_refused(api: Api) -> None:
    one = {"target": "a" * 1000, "datapoints": [[1, 1]]}
    api.answer = lambda form: (200, "application/json", json.dumps([one] * 1000).encode())
    assert len(ask(api.url)) == 1000
    with pytest.raises(RenderRefused, match="over 100,000 bytes"):
        ask(api.url, max_answer_bytes=100_000)


def test_refused_connections_and_unknown_hosts_are_no_answer() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        with pytest.raises(NoAnswer, match="no answer"):
            ask(f"http://127.0.0.1:{port}")
    with pytest.raises(NoAnswer, match="no answer"):
        ask("http://host.invalid")


def talk(speak: Callable[[asyncio.StreamWriter], None], timeout_s: float = 5.0) -> None:
    """Ask a server that says by *speak* whatever it wants."""

    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            speak(writer)
            await reader.read()  # until the asking side is gone
            writer.close()
            served.set()

        served = asyncio.Event()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            try:
                await HttpSource(f"http://127.0.0.1:{port}", timeout_s=timeout_s).render("a", 0, 60)
            finally:
                await served.wait()
                await asyncio.sleep(0)  # the closed transport's last step

    asyncio.run(main())


def test_a_server_that_hangs_is_left_at_the_timeout() -> None:
    with pytest.raises(NoAnswer, match=r"no answer within 0\.3 s"):
        talk(lambda writer: None, timeout_s=0.3)


def test_an_answer_cut_short_is_no_answer() -> None:
    def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[]")
        writer.close()

    with pytest.raises(NoAnswer, match="cut short"):
        talk(cut)


def test_something_else_than_http_is_no_answer() -> None:
    def greet(writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ESMTP\r\n")
        writer.close()

    with pytest.raises(NoAnswer, match="isn't HTTP"):
        talk(greet)


@given(st.integers(100, 599), st.text(max_size=20), st.binary(max_size=200))
def test_any_answer_is_read_or_named(status: int, reason: str, body: bytes) -> None:
    with contextlib.suppress(NoAnswer, RenderRefused):
        assert isinstance(parse_answer(WebAnswer(status, reason, body)), list)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8080", "ftp://x", "http://", "http://h:port", "http://h/a b", "http://[x"]
)
def test_a_url_that_is_none_is_named(url: str) -> None:
    with pytest.raises(ConfigError, match="render_url"):
        HttpSource(url)
