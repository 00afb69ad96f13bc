"""Logins by an HTTP service: a real one on loopback, which does whatever a test wants."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from saltern.errors import ChannelError, ConfigError
from saltern_master.auth.eauth.configured import configured_drivers
from saltern_master.auth.eauth.driver import Identity
from saltern_master.auth.eauth.rest import RestDriver


class Service:
    """What is asked of it, and what it answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, list[str]]]] = []
        self.status, self.body, self.headers = 200, b"", {}  # type: tuple[int, bytes, dict[str, str]]
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                service.asked.append((self.command, self.path, form))
                self.send_response(service.status)
                for name, value in service.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(service.body)))
                self.end_headers()
                self.wfile.write(service.body)

            do_GET = do_POST

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/login"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def end(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.end()


def test_it_is_sent_a_form(service: Service) -> None:
    name, password = "frèd&username=root", "s3cret&x=1\u20ac"
    assert RestDriver(service.url).authenticate(name, password) == Identity(name, entries=[])
    assert service.asked == [("POST", "/login", {"username": [name], "password": [password]})]


@pytest.mark.parametrize(
    ("body", "entries"),
    [
        (b"", []),
        (b"ok", []),
        (b'["test.*", {"web*": ["cmd.run"]}, "@jobs"]', ["test.*", {"web*": ["cmd.run"]}, "@jobs"]),
        (b'{"web*": ["cmd.run"]}', []),
        (b'"@wheel"', []),
        (b"[" * 30_000, []),
        (b"\xff\xfe", []),
        (json.dumps(["x"] * 5000).encode(), ["x"] * 1000),
    ],
)
def test_a_list_is_what_he_is_granted(service: Service, body: bytes, entries: list[Any]) -> None:
    service.body = body
    assert RestDriver(service.url).authenticate("fred", "x") == Identity("fred", entries=entries)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429])
def test_4xx_lets_nobody_in(service: Service, status: int) -> None:
    service.status, service.body = status, b'["@wheel"]'
    assert RestDriver(service.url).authenticate("fred", "x") is None


@pytest.mark.parametrize("status", [201, 204, 206, 500, 503])
def test_any_other_is_a_service_that_cant_tell(service: Service, status: int) -> None:
    service.status = status
    with pytest.raises(ChannelError, match=f"login: answered {status}: 200 lets someone in"):
        RestDriver(service.url).authenticate("fred", "x")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_never_followed(service: Service, status: int) -> None:
    service.status, service.headers = status, {"Location": service.url.replace("127.0.0.1", "localhost")}
    with pytest.raises(ChannelError, match=f"answered {status}"):
        RestDriver(service.url).authenticate("fred", "x")
    assert len(service.asked) == 1


def test_an_answer_has_an_end(service: Service) -> None:
    service.body = b"[" + b" " * 70_000 + b"]"
    with pytest.raises(ChannelError, match="answered over 65,536 bytes"):
        RestDriver(service.url).authenticate("fred", "x")


def test_no_proxy_of_the_environment_gets_the_password(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert RestDriver(service.url).authenticate("fred", "x") is not None


def test_one_that_isnt_there_or_says_nothing_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(ChannelError, match=r"rest: http://127.0.0.1:\d+/: no answer within 0.3 s$"):
            RestDriver(url, within_s=0.3).authenticate("fred", "x")
    with pytest.raises(ChannelError, match="no answer: Connect call failed"):
        RestDriver(url).authenticate("fred", "x")


def slow(server: socket.socket, answer: bytes, done: threading.Event) -> None:
    """Answer one request byte by byte, until *done*."""
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)
        while not done.wait(0.05):
            try:
                connection.sendall(b" ")
            except OSError:
                return


@pytest.mark.parametrize("answer", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\nX: "])
def test_one_that_goes_on_for_ever_is_ended(answer: bytes) -> None:
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=slow, args=(server, answer, done))
        thread.start()
        try:
            with pytest.raises(ChannelError, match=r"no answer within 0.5 s$"):
                RestDriver(f"http://127.0.0.1:{server.getsockname()[1]}/", within_s=0.5).authenticate("fred", "x")
        finally:
            done.set()
            thread.join()


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n[", b""])
def test_what_is_no_http_is_an_error(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def say() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=say)
        thread.start()
        with pytest.raises(ChannelError, match="rest: http://127"):
            RestDriver(f"http://127.0.0.1:{server.getsockname()[1]}/").authenticate("fred", "x")
        thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://host/",
        "file:///etc/passwd",
        "http://",
        "//host",
        "http://host/a b",
        "http://host:x/",
        "http://hö/",
        3,
    ],
)
def test_urls_that_are_none(url: Any) -> None:
    with pytest.raises(ConfigError, match=r"^external_auth: rest: \^url must be"):
        configured_drivers({"external_auth": {"rest": {"^url": url}}})


def test_what_is_unsafe_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigError, match="must not hold a user or a password"):
        configured_drivers({"external_auth": {"rest": {"^url": "https://u:hunter2@host/"}}})
    for url in ("https://host/", "http://127.0.0.1/", "http://[::1]:1/", "http://localhost/"):
        assert "rest" in configured_drivers({"external_auth": {"rest": {"^url": url}}})
    assert not caplog.records
    configured_drivers({"external_auth": {"rest": {"^url": "http://auth.example.com/"}}})
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING] == [
        "external_auth: rest: passwords go to auth.example.com unencrypted: use https"
    ]
