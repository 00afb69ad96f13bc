"""The console in this process, before an API whose answers a test writes.

::

    def test_hosts(console: ConsoleClient) -> None:
        console.login(may={"runner.manage.overview": True})
        console.api.answers["runner.manage.overview"] = overview(["web1", "web2"])
        page = console.get("/hosts")
        assert "web1" in page.text
        assert console.api.called("runner.manage.overview")
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qs

import httpx
from starlette.types import ASGIApp

from saltern.http.hosts import Hosts
from saltern_web.program.settings import DEFAULTS, WebOptions

T = TypeVar("T")
TOKEN = "a" * 64
CSRF = "c" * 32
URL = "http://localhost"


class Call(NamedTuple):
    """One call that the API got: ``runner.jobs.list_jobs``, ``wheel.key.accept``, ``local.test.ping``, ``GET /render``.

    *kwarg* are the keywords of the function; the fields of a form or query; of ``local`` the whole chunk is *chunk*.
    """

    name: str
    arg: list[Any]
    kwarg: dict[str, Any]
    chunk: dict[str, Any]
    headers: Mapping[str, str]


class Refusal(NamedTuple):
    """An answer that is an error: 400 what can't be done, 401 what isn't granted, 503 no master."""

    said: str
    status: int = 400


Answer = Any
"""A value; a ``Refusal``; an exception of httpx's; or a function of the ``Call`` that returns one."""


class ScriptedApi:
    """The HTTP API: ``answers`` by name of call; what isn't there is refused, in words that say so.

    A runner's and a wheel's answer is what the function returned; ``local.…``: ``{minion: value}``, or
    ``{minion: {"ret": …, "retcode": …}}``; ``local_async.…``: ``{"jid": …, "minions": […]}``; ``GET /…``: JSON, or
    text. ``GET /events``: an asynchronous iterator of bytes, as SSE has them.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.calls: list[Call] = []
        self.away = False
        """Whether nothing answers at its address."""
        self.tokens = {TOKEN}
        """Logins that are good."""

    def called(self, name: str) -> list[Call]:
        """Return the calls of *name*, in order."""
        return [call for call in self.calls if call.name == name]

    def transport(self) -> httpx.MockTransport:
        """Return what stands in for the network."""
        return httpx.MockTransport(self._answer)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("refused", request=request)
        body = await request.aread()
        path = request.url.path
        if path == "/login" and "POST /login" in self.answers:
            call = Call("POST /login", [], json.loads(body), {}, request.headers)
            return _http(self._value(call), lambda value: {"return": [value]})
        if request.headers.get("X-Auth-Token") not in self.tokens:
            return _http(Refusal("Could not authenticate using provided credentials", 401), _same)
        if path == "/" and request.method == "POST":
            (chunk,) = json.loads(body)
            name = f"{chunk['client']}.{_named(chunk['fun'])}"
            call = Call(name, chunk.get("arg", []), chunk.get("kwarg", {}), chunk, request.headers)
            return _http(self._value(call), _WRAPPED.get(chunk["client"], _in_return))
        given = parse_qs(request.url.query.decode(), keep_blank_values=True)
        if body and request.headers.get("content-type", "").startswith("application/json"):
            given |= json.loads(body)
        else:
            given |= parse_qs(body.decode(), keep_blank_values=True)
        return _http(self._value(Call(f"{request.method} {path}", [], given, {}, request.headers)), _same)

    def _value(self, call: Call) -> Any:
        self.calls.append(call)
        if call.name not in self.answers:
            return Refusal(f"the test has no answer to {call.name}")
        value = self.answers[call.name]
        value = value(call) if callable(value) else value
        if isinstance(value, Exception):
            raise value
        return value


def _named(fun: Any) -> str:
    return fun if isinstance(fun, str) else ",".join(fun)


def _same(value: Any) -> Any:
    return value


def _in_return(value: Any) -> Any:
    return {"return": [value]}


def _wheel(value: Any) -> Any:
    return {"return": [{"tag": "salt/wheel/1", "data": {"success": True, "return": value}}]}


def _returns(value: Any) -> Any:
    """Return what minions returned as ``full_return`` has it."""
    whole = {
        minion: one if isinstance(one, dict) and "ret" in one else {"ret": one, "retcode": 0, "jid": "2" * 20}
        for minion, one in value.items()
    }
    return {"return": [whole]}


_WRAPPED: Mapping[str, Callable[[Any], Any]] = {"wheel": _wheel, "local": _returns}


def _http(value: Any, wrapped: Callable[[Any], Any]) -> httpx.Response:
    if isinstance(value, Refusal):
        return httpx.Response(value.status, json={"status": value.status, "return": value.said})
    if isinstance(value, httpx.Response):
        return value
    if isinstance(value, AsyncIterator):
        return httpx.Response(200, content=value, headers={"Content-Type": "text/event-stream"})
    return httpx.Response(200, json=wrapped(value))


class ConsoleClient:
    """A browser without scripts: its cookies, and the whole application, one request after another in one loop."""

    def __init__(self, options: WebOptions, runner: asyncio.Runner) -> None:
        from saltern_web.app import create_app
        from saltern_web.session.console import Console

        self.api = ScriptedApi()
        self.options = options
        self._runner = runner
        self.console = Console(options, httpx.AsyncClient(transport=self.api.transport(), base_url=options["api"]))
        self.app: ASGIApp = create_app(self.console, Hosts(("localhost",)))
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
        self.http = httpx.AsyncClient(transport=transport, base_url=URL, cookies={"saltern-csrf": CSRF})

    def login(
        self,
        user: str = "anna",
        *,
        everything: bool = False,
        may: Mapping[str, bool] | None = None,
        roles: Sequence[str] = (),
        token: str = TOKEN,
    ) -> None:
        """Be ``file:user`` from here on, who *may* what; as names are in ``auth.about``."""
        self.api.tokens.add(token)
        self.api.answers["runner.auth.about"] = {
            "principal": f"file:{user}",
            "user": user,
            "eauth": "file",
            "groups": [],
            "roles": list(roles),
            "everything": everything,
            "may": dict(may or {}),
        }
        self.http.cookies.set("saltern", token)
        self.console.who.forget(self.console.api(token))
        self.console.fleet.forget(self.console.api(token))

    def get(self, path: str, *, htmx: bool = False, **given: Any) -> httpx.Response:
        """Return a page, as httpx has it; redirects aren't followed. *htmx*: as that asks for a part."""
        return self._ask("GET", path, htmx, given)

    def post(
        self, path: str, data: Mapping[str, Any] | None = None, *, htmx: bool = False, csrf: bool = True, **given: Any
    ) -> httpx.Response:
        """Send a form, with this browser's token unless *csrf* is false."""
        token = {"csrfmiddlewaretoken": CSRF} if csrf else {}
        return self._ask("POST", path, htmx, {"data": {**token, **(data or {})}, **given})

    def _ask(self, method: str, path: str, htmx: bool, given: dict[str, Any]) -> httpx.Response:
        headers = {"Accept": "text/html", **({"HX-Request": "true"} if htmx else {}), **given.pop("headers", {})}
        return self.run(self.http.request(method, path, headers=headers, **given))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what *work* gives, in the console's event loop: to use ``kept.models``, or ``/live``."""
        return self._runner.run(work)

    def close(self) -> None:
        """Let go of everything."""
        self.run(self.http.aclose())
        self.run(self.console.close())


def console_options(state_dir: Path, **given: Any) -> WebOptions:
    """Return options as :func:`saltern_web.program.settings.web_options` does, without a file."""
    options: Any = {**DEFAULTS, "state_dir": str(state_dir), "api": "http://api.test:8000", **given}
    return options  # type: ignore[no-any-return]


def overview(ids: Sequence[str], **columns: Sequence[Any] | Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``manage.overview`` says of minions that are well; *columns* say what differs."""
    now, count = time.time(), len(ids)
    told: dict[str, Any] = {
        "at": now,
        "id": list(ids),
        "up": [True] * count,
        "since": [now - 3600] * count,
        "sampled": [now // 15 * 15] * count,
        "interval": [15] * count,
        "alert": ["ok"] * count,
        "silenced": [False] * count,
        "completeness": [100.0] * count,
        "version": ["1.0"] * count,
        "groups": {},
    }
    return {**told, **columns}
