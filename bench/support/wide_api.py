"""A small stack's HTTP API with a large fleet behind it, run as a program: what is said of minions it says of many.

Arguments: the port to listen on, the real API's URL, how many minions, and the ids of the real ones. Each answer is the
real one's, and so are its shape and its other parts; rows about minions are there again and again, under the names
``host00000``, ``host00001`` … and kept for a while, so that making them isn't what is measured. What is asked of such a
host one of the real ones answers. Graphite's paths and events are passed through: whoever uses this sends the series of
those hosts to the store.
"""

from __future__ import annotations

import fnmatch
import json
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

REPEATED = {
    *(f"manage.{name}" for name in ("overview", "health", "groups", "modules")),
    *("alerts.list", "alerts.history", "jobs.list_job", "jobs.lookup_jid", "key.list_all", "key.finger", "key.resolve"),
    *("metrics.account", "cache.grains"),
}
"""Functions whose answers are kept."""
BOUNDED = {"alerts.history": 500, "audit.query": 200}
"""Functions that never tell more."""
TROUBLE_EVERY = 97
"""Of so many hosts one is away, one critical."""
KEPT_S = 20.0
PASSED = ("content-type", "accept", "last-event-id", "x-auth-token", "cookie")
KEPT = ("content-type", "x-auth-token", "set-cookie", "cache-control")


def fleet(count: int) -> list[str]:
    """Return the ids of *count* minions."""
    return [f"host{number:05d}" for number in range(count)]


class Widened:
    """Answers about *real* minions, told of *many*."""

    def __init__(self, real: list[str], many: list[str]) -> None:
        self._real = real
        self.many = many
        self._known = set(real)
        self._behind = {name: real[number % len(real)] for number, name in enumerate(many)}

    def real(self, name: str) -> str:
        """Return who answers for *name*."""
        return self._behind.get(name, name)

    def answer(self, fun: str, value: Any, limit: int | None = None) -> Any:
        """Return *value* of the function *fun* for all, of one that never tells more up to the *limit* it was given."""
        if fun == "manage.overview":
            return self._overview(value)
        most = BOUNDED.get(fun, len(self.many))
        return self._any(value, min(most, limit) if fun in BOUNDED and limit else most)

    def _overview(self, told: dict[str, Any]) -> dict[str, Any]:
        rows = [number % len(self._real) for number in range(len(self.many))]
        columns = {name: [column[row] for row in rows] for name, column in told.items() if isinstance(column, list)}
        columns["id"] = list(self.many)
        for row in range(len(self.many)):
            if row % TROUBLE_EVERY == 1:
                columns["up"][row] = False
            elif row % TROUBLE_EVERY == 2:
                columns["alert"][row] = "crit"
        groups = {f"group{number:02d}": list(range(number, len(self.many), 20)) for number in range(20)}
        return {**told, **columns, "groups": groups}

    def _any(self, value: Any, most: int) -> Any:
        if isinstance(value, dict):
            if value and self._known.issuperset(value):
                return {
                    name: self._as(value.get(self.real(name), next(iter(value.values()))), name) for name in self.many
                }
            return {key: self._any(one, most) for key, one in value.items()}
        if isinstance(value, list):
            if value and all(isinstance(one, str) for one in value):
                return self.many if self._known.issuperset(value) else value
            about = [one for one in value if isinstance(one, dict) and self._whose(one)]
            if about and len(about) == len(value):
                return [self._as(about[number % len(about)], name) for number, name in enumerate(self.many[:most])]
            return [self._any(one, most) for one in value]
        return value

    def _whose(self, row: dict[str, Any]) -> str:
        """Return the real minion that a row is about, or nothing: not one with rows of its own."""
        if any(isinstance(one, list) and any(isinstance(inner, dict) for inner in one) for one in row.values()):
            return ""
        text = json.dumps(row)
        return next((name for name in self._real if f'"{name}"' in text or f".{name}." in text), "")

    def _as(self, row: Any, name: str) -> Any:
        text = json.dumps(row)
        for known in self._real:
            text = text.replace(f'"{known}"', f'"{name}"').replace(f".{known}.", f".{name}.")
        return json.loads(text)


class WideApi:
    """The application."""

    def __init__(self, url: str, widened: Widened) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=70.0, limits=httpx.Limits(max_connections=500))
        self._widened = widened
        self._kept: dict[bytes, tuple[float, Response]] = {}
        self.app = Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "POST"])])

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        body = await request.body()
        if request.url.path == "/" and request.method == "POST":
            return await self._call(request, body)
        asked = self._http.build_request(
            request.method, str(request.url.path), params=request.query_params, content=body,
            headers=self._headers(request), timeout=None if request.url.path == "/events" else 70.0,
        )  # fmt: skip
        told = await self._http.send(asked, stream=True)

        async def through() -> AsyncIterator[bytes]:
            async for chunk in told.aiter_bytes():
                yield chunk
            await told.aclose()

        headers = {name: value for name, value in told.headers.items() if name in KEPT}
        return StreamingResponse(through(), told.status_code, headers)

    async def _call(self, request: Request, body: bytes) -> Response:
        key = body + request.headers.get("x-auth-token", "").encode()
        if key in self._kept and self._kept[key][0] > time.monotonic():
            return self._kept[key][1]
        (chunk,) = json.loads(body)
        widened, fun = self._widened, chunk["fun"]
        if fun == "manage.resolve":
            return JSONResponse({"return": [{"minions": self._meant(chunk), "unknown": [], "problem": ""}]})
        target = chunk.get("tgt")
        if isinstance(target, list):
            chunk["tgt"] = sorted({widened.real(name) for name in target})
        told = await self._http.post("/", json=[chunk], headers=self._headers(request))
        if told.status_code != 200:
            return Response(told.content, told.status_code, media_type="application/json")
        value = told.json()
        if chunk["client"] == "local" and isinstance(target, list):
            (returns,) = value["return"]
            value["return"] = [{name: returns[widened.real(name)] for name in target if widened.real(name) in returns}]
        elif chunk["client"] in ("runner", "wheel"):
            limit = chunk.get("kwarg", {}).get("limit")
            answer = JSONResponse({"return": [widened.answer(str(fun), value["return"][0], limit)]})
            if fun in REPEATED:
                self._kept[key] = (time.monotonic() + KEPT_S, answer)
            return answer
        return JSONResponse(value)

    def _meant(self, chunk: dict[str, Any]) -> list[str]:
        given = {**dict(zip(("tgt", "tgt_type"), chunk.get("arg", []), strict=False)), **chunk.get("kwarg", {})}
        target = given.get("tgt", "*")
        if isinstance(target, list):
            return sorted(target)
        if given.get("tgt_type") == "list":
            return sorted(target.split(","))
        return fnmatch.filter(self._widened.many, target)

    def _headers(self, request: Request) -> dict[str, str]:
        return {name: value for name, value in request.headers.items() if name in PASSED}


if __name__ == "__main__":
    port, url, count, *real = sys.argv[1:]
    uvicorn.run(
        WideApi(url, Widened(real, fleet(int(count)))).app,
        host="127.0.0.1",
        port=int(port),
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
