"""A device to speak with: the REST server that Salt's ``rest_sample`` is made for, both generations, in a thread.

What it has is plain to see and to change: ``packages``, ``services``, ``info``, ``pages`` (more paths, each a value
that is answered as JSON, or a function of the request that returns one). It can be slow (``latency_s``), silent
(``hang``), failing (``status``), and dead (``refuse``), from one request to the next, and it counts its connections.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import unquote

NO = {"comment": "not present", "ret": False}
KEPT_REQUESTS = 10_000


class Request(NamedTuple):
    """One request: *path* as it came, with what is after the ``?``; *headers* by lower-case names."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    """What a page may be instead of a value: with a status and headers of its own."""

    status: int
    value: Any = ""
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


class DeviceServer:
    """Serves on a free port of loopback from when it is entered. *old*: as the first generation did.

    ``requests`` are the last ones; ``open`` and ``most_open`` count connections, ``connections`` all there ever were.
    ``login``: a name and a password without which everything is 401; ``token`` likewise a bearer's.
    """

    def __init__(self, *, old: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self.old = old
        self._tls = tls
        self.packages: dict[str, str] = {"coreutils": "1.05"}
        self.newer: dict[str, str] = {}
        self.services = {"apache": "stopped", "postgresql": "stopped", "redbull": "running"}
        self.info: dict[str, Any] = {"os": "RestExampleOS", "kernel": "0.0000001", "housecat": "Are you kidding?"}
        self.name = "rest_sample-localhost"
        self.outage = False
        self.pages: dict[str, Any] = {}
        self.latency_s = 0.0
        self.status = 0
        """What each request is answered by instead, 500 for one."""
        self.refuse = False
        """Whether connections are closed at once, without a word."""
        self.login: tuple[str, str] | None = None
        self.token = ""
        self.requests: deque[Request] = deque(maxlen=KEPT_REQUESTS)
        self.open = self.most_open = self.connections = 0
        self._changed = threading.Condition()
        self._answering = threading.Event()
        self._answering.set()
        self._server = _Server(self)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its address, with a slash at the end."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}/"

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [request.path for request in list(self.requests)]

    def hang(self) -> None:
        """From now on take requests and answer none, until ``resume``."""
        self._answering.clear()

    def resume(self) -> None:
        """Answer again, those too that came meanwhile."""
        self._answering.set()

    def wait(self, condition: Callable[[], bool], within_s: float = 30.0) -> bool:
        """Wait until *condition* holds of what was asked, or of the connections; return whether it does."""
        with self._changed:
            return self._changed.wait_for(condition, within_s)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.resume()
        self._server.shutdown()
        self._server.server_close()
        self._server.close_connections()
        self._thread.join()

    # for its handlers

    def connected(self, by: int) -> None:
        """Count a connection that came (1) or went (-1)."""
        with self._changed:
            self.open += by
            self.connections += max(by, 0)
            self.most_open = max(self.most_open, self.open)
            self._changed.notify_all()

    def asked(self, request: Request) -> None:
        """Keep a request, and wait as long as it is to wait."""
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        if self.latency_s:
            threading.Event().wait(self.latency_s)
        self._answering.wait()

    def answer(self, request: Request) -> Reply:
        """Return what is answered: a text as it is, all else as JSON."""
        if self.status:
            return Reply(self.status, {"error": "it fails"})
        if not self._admitted(request):
            return Reply(401, {"error": "who are you?"})
        path = request.path.partition("?")[0]
        if path in self.pages:
            page = self.pages[path]
            found = page(request) if callable(page) else page
            return found if isinstance(found, Reply) else Reply(200, found)
        parts = [unquote(part) for part in path.strip("/").split("/")]
        found = self._post(parts) if request.method == "POST" else self._get(parts)
        return Reply(404, {"error": "no such page"}) if found is None else Reply(200, found)

    def _admitted(self, request: Request) -> bool:
        said = request.headers.get("authorization", "")
        if self.login is not None:
            return said == "Basic " + base64.b64encode(":".join(self.login).encode()).decode()
        return not self.token or said == f"Bearer {self.token}"

    def _post(self, parts: list[str]) -> Any:
        if parts == ["outage"] and not self.old:
            self.outage = not self.outage
            return {"outage": self.outage}
        return None

    def _get(self, parts: list[str]) -> Any:
        match parts:
            case ["ping"]:
                return {"comment": "pong", "ret": True}
            case ["info"]:
                return self.info
            case ["id"]:
                return self.name if self.old else {"id": self.name}
            case ["package", *more]:
                return self._package(more)
            case ["service", *more]:
                return self._service(more)
            case ["beacon"] if not self.old:
                return {"outage": self.outage}
            case ["fix_outage"] if not self.old:
                self.outage = False
                return {"outage": False}
        return None

    def _package(self, parts: list[str]) -> Any:
        match parts:
            case ["list"]:
                return self.packages
            case ["install", name, version]:
                self.packages[name] = version
                return {"comment": "installed", "ret": True}
            case ["remove", name]:
                self.packages.pop(name, None)
                return {"comment": "removed", "ret": True}
            case ["status", name]:
                return self.packages.get(name, NO)
            case ["uptodate"] if not self.old:
                self.newer = {name: str(float(version) + 1) for name, version in self.packages.items()}
                return self.newer
            case ["upgrade"] if not self.old:
                self.packages.update(self.newer)
                done, self.newer = self.newer, {}
                return done
        return None

    def _service(self, parts: list[str]) -> Any:
        match parts:
            case ["list"]:
                return self.services
            case ["restart", name] if name not in self.services:
                return {"comment": "restart failed: not present", "ret": False}
            case [_, name] if name not in self.services:
                return NO
            case ["restart", name]:
                self.services[name] = "running"
                return {"comment": "restarted", "ret": True}
            case ["start" | "stop" as what, name]:
                self.services[name] = "running" if what == "start" else "stopped"
                return {"comment": self.services[name], "ret": True}
            case ["status", name]:
                return {"comment": self.services[name], "ret": True}
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, device: DeviceServer) -> None:
        self.device = device
        self._sockets: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.device.connected(1)
        if self.device.refuse:
            self.shutdown_request(request)
            return
        self._sockets.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._sockets.discard(request)
        super().shutdown_request(request)
        self.device.connected(-1)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: whoever asked has gone."""

    def close_connections(self) -> None:
        """End what is still open, so that no thread stays."""
        for one in list(self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60.0
    server: _Server

    def do_GET(self) -> None:
        device = self.server.device
        length = int(self.headers.get("Content-Length") or 0)
        names = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, names, self.rfile.read(length))
        device.asked(request)
        if device.refuse:
            self.close_connection = True
            return
        reply = device.answer(request)
        text = isinstance(reply.value, str)
        body = reply.value.encode() if text else json.dumps(reply.value).encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/html" if text else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
