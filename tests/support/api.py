"""The HTTP API over a master that a test scripts, called in process."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Self

import httpx

from saltern.errors import ChannelError, FunctionNotFound, NotAuthorised, SalternError
from saltern_api.app import create_app
from saltern_api.counters import Counters
from saltern_api.event_feed import EventFeed
from saltern_api.graphite.store import MetricStore
from saltern_api.server import Server
from saltern_api.settings import CLIENTS, ApiSettings, api_settings
from saltern_api.working import Workers
from support.asgi_client import AsgiClient

JSON = "application/json"
USER = {"username": "fred", "password": "secret", "eauth": "file"}
REFUSED = "Could not authenticate using provided credentials"
NO_PERMISSION = "No permission -- see authorization schemes"
GRAINS = {"web1": {"os": "Debian"}, "web2": {"os": "Alpine"}}

Script = Callable[[dict[str, Any]], Any]


class Map(dict[str, Any]):
    """What a script returns for an answer that comes pair by pair."""


class Elements(list[Any]):
    """What a script returns for an answer that comes element by element."""


class ScriptedBegun:
    """A chunk that was taken."""

    def __init__(self, kind: str, value: Any, parts: Iterator[Any]) -> None:
        self.kind = kind
        self.value = value
        self.closed = False
        self._parts = parts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def parts(self) -> Iterator[Any]:
        yield from self._parts


class ScriptedMaster:
    """Knows users, their tokens and what each function gives; and every call that was made."""

    def __init__(self) -> None:
        self.users = {"fred": "secret", "ann": "secret too"}
        self.names: dict[str, str] = {}
        """What those are called who log in by another name."""
        self.sessions: dict[str, str] = {}
        self.call_tokens: dict[str, str] = {}
        self.there = True
        self.calls: list[tuple[str, Any]] = []
        self.addresses: list[str] = []
        self.hooks: list[tuple[Any, ...]] = []
        self.interrupted = threading.Event()
        self.series: Callable[[str], dict[str, Any]] = lambda user: {
            "version": "1", "principal": f"file:{user}", "fires": True, "all": True
        }  # fmt: skip
        self.scripts: dict[str, Script] = {
            "test.ping": lambda low: Map(web1=True, web2=True),
            "grains.items": lambda low: Map(GRAINS if low["tgt"] == "*" else {}),
            "jobs.list_jobs": lambda low: {"20261130101500000000": {"Function": "test.ping"}},
            "jobs.list_job": lambda low: {"jid": low["jid"], "Result": {"web1": {"return": True, "retcode": 0}}},
            "key.list_all": lambda low: {"data": {"return": {"minions": ["web1"]}, "success": True}},
            "key.finger": lambda low: {"data": {"return": {"minions": {low["match"]: "aa:bb"}}, "success": True}},
            "key.gen_accept": lambda low: {"data": {"return": {"pub": "PUB", "priv": "PRIV"}, "success": True}},
        }

    def client(self, address: str) -> ScriptedClient:
        self.addresses.append(address)
        return ScriptedClient(self, address)

    def is_there(self) -> bool:
        return self.there

    def session_of(self, user: str = "fred") -> str:
        token = secrets.token_hex(32)
        self.sessions[token] = user
        return token


class ScriptedClient:
    """One caller of it."""

    def __init__(self, master: ScriptedMaster, address: str) -> None:
        self.master = master
        self.address = address
        self.interrupted = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def interrupt(self) -> None:
        self.interrupted.set()
        self.master.interrupted.set()

    def wait(self, seconds: float = 30.0) -> None:
        """Wait as a call does, until it is interrupted."""
        if self.interrupted.wait(seconds):
            raise ChannelError("the connection to the master broke")

    def login(self, credentials: Mapping[str, Any]) -> dict[str, Any]:
        self.master.calls.append(("login", dict(credentials)))
        name = self._user(credentials)
        now = time.time()
        token = self.master.session_of(name)
        return {"token": token, "start": now, "expire": now + 100, "user": name, "eauth": "file", "perms": [".*"]}

    def _user(self, credentials: Mapping[str, Any]) -> str:
        if self.master.users.get(credentials["username"]) != credentials["password"]:
            raise NotAuthorised(REFUSED)
        return self.master.names.get(credentials["username"], str(credentials["username"]))

    def mk_token(self, credentials: Mapping[str, Any]) -> dict[str, Any]:
        name = self._user(credentials)
        token = secrets.token_hex(32)
        self.master.call_tokens[token] = name
        return {"start": 1.0, "expire": 2.0, "name": name, "eauth": "file", "token": token}

    def logout(self, token: str) -> None:
        self.session(token)
        del self.master.sessions[token]

    def session(self, token: str) -> dict[str, Any]:
        if token not in self.master.sessions:
            raise NotAuthorised(NO_PERMISSION)
        return {"user": self.master.sessions[token], "principal": f"file:{self.master.sessions[token]}"}

    def hook(self, token: str, path: str, body: str, post: Any, headers: Mapping[str, str]) -> object:
        if token:
            self.session(token)
        self.master.hooks.append((path, body, post, dict(headers)))
        return path

    def series(self, token: str, seen: str) -> Mapping[str, Any]:
        user = self.session(token)["user"]
        told = self.master.series(user)
        self.master.calls.append(("series", seen))
        return {"version": seen, "same": True} if seen == told["version"] else told

    def begin(self, low: Mapping[str, Any], session: str = "") -> ScriptedBegun:
        self.master.calls.append((session, dict(low)))
        if session:
            self.session(session)
        elif "token" in low:
            if low["token"] not in self.master.call_tokens:
                raise NotAuthorised(NO_PERMISSION)
        else:
            self._user(low)
        script = self.master.scripts.get(str(low.get("fun")))
        if script is None:
            raise FunctionNotFound(f"{low.get('fun')!r} is not a function")
        given = script({**low, "__client": self})
        if isinstance(given, SalternError):
            raise given
        if isinstance(given, Map):
            return ScriptedBegun("map", None, iter(given.items()))
        if isinstance(given, Elements):
            return ScriptedBegun("list", None, iter(given))
        if isinstance(given, itertools.chain):
            return ScriptedBegun("map", None, given)
        return ScriptedBegun("value", given, iter(()))


def settings_of(rest: Mapping[str, Any] | None = None, clients: tuple[str, ...] = CLIENTS) -> ApiSettings:
    """The settings of a configuration."""
    return api_settings({"rest_cherrypy": dict(rest or {}), "netapi_enable_clients": list(clients)})


def stored(body: bytes, status: int = 200, kind: str = JSON, **headers: str) -> httpx.Response:
    """An answer of the metric store."""
    return httpx.Response(status, headers={"content-type": kind, **headers}, stream=httpx.ByteStream(body))


class Api:
    """The application with what *rest* says, and fred's session."""

    def __init__(
        self,
        rest: Mapping[str, Any] | None = None,
        *,
        clients: tuple[str, ...] = CLIENTS,
        sock_dir: str = "/nonexistent",
        access_log: Any = None,
        store: Callable[[httpx.Request], httpx.Response] = lambda request: stored(b"[]"),
    ) -> None:
        self.master = ScriptedMaster()
        self.settings = settings_of(rest, clients)
        self.counters = Counters()
        self.workers = Workers(self.master, self.settings.thread_pool)
        limits = self.settings.max_streams, self.settings.max_streams_per_user
        self.feed = EventFeed(sock_dir, self.counters, *limits)
        self.store = MetricStore("http://store.example", httpx.MockTransport(store))
        self.app = create_app(self.settings, self.workers, self.feed, self.counters, self.store, access_log=access_log)
        self.http = AsgiClient(self.app)
        self.token = self.master.session_of()

    def get(self, url: str, *, auth: bool = True, **kwargs: Any) -> httpx.Response:
        return self.request("GET", url, auth=auth, **kwargs)

    def post(self, url: str, body: Any = None, *, auth: bool = True, **kwargs: Any) -> httpx.Response:
        """POST *body*: bytes as they are, anything else as JSON."""
        headers = dict(kwargs.pop("headers", {}))
        if isinstance(body, bytes):
            kwargs["content"] = body
        elif body is not None:
            kwargs["content"] = json.dumps(body).encode()
            headers.setdefault("content-type", JSON)
        return self.request("POST", url, auth=auth, headers=headers, **kwargs)

    def request(self, method: str, url: str, *, auth: bool = True, **kwargs: Any) -> httpx.Response:
        headers = {**({"X-Auth-Token": self.token} if auth else {}), **kwargs.pop("headers", {})}
        return self.http.request(method, url, headers=headers, **kwargs)

    def close(self) -> None:
        self.workers.close()


class RunningApi:
    """The program's server in this event loop, and connections to it."""

    def __init__(self, server: Server, master: ScriptedMaster, url: str) -> None:
        self.server = server
        self.master = master
        self.url = url
        self.token = master.session_of()
        host, _, port = url.rpartition("://")[2].rpartition(":")
        self.address = host, int(port)
        self.opened: list[asyncio.StreamWriter] = []

    async def connect(self, **more: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*self.address, **more)
        self.opened.append(writer)
        return reader, writer

    async def exchange(self, raw: bytes) -> bytes:
        """Send *raw*; what comes until the connection is closed."""
        reader, writer = await self.connect()
        with contextlib.suppress(ConnectionError):
            writer.write(raw)
            await writer.drain()
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = await reader.read()
        writer.close()
        return answer


@contextlib.asynccontextmanager
async def running_api(
    sock_dir: str,
    rest: Mapping[str, Any] | None = None,
    master: ScriptedMaster | None = None,
    render_url: str = "http://127.0.0.1:1",
) -> AsyncIterator[RunningApi]:
    """The server on a free port of loopback, with events from the socket in *sock_dir*."""
    master = master or ScriptedMaster()
    options: Any = {"sock_dir": sock_dir, "render_url": render_url}
    server = Server(options, settings_of({"port": 0, **(rest or {})}), master)
    api = RunningApi(server, master, await server.start())
    try:
        yield api
    finally:
        for writer in api.opened:
            writer.close()
        await server.stop()
