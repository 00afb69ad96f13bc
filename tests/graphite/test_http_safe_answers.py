"""No answer is taken for something that it isn't, and none loads or runs anything."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from saltern_graphite.http.app import HttpSettings
from saltern_graphite.http.credentials import Credentials
from saltern_graphite.process.options import ServerOptions
from saltern_graphite.process.server import Server
from saltern_graphite.store.store import Store
from support.http_api import FolderApi, FolderStore, window

CHART = {"target": "servers.*.load", **window()}


@pytest.fixture
def api(tmp_path: Path) -> FolderApi:
    return FolderApi(FolderStore(tmp_path), HttpSettings(cors_origins=("https://grafana.example.org",)))


def is_safe(answer: httpx.Response) -> None:
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    assert answer.headers.get_list("referrer-policy") == ["no-referrer"]
    (policy,) = answer.headers.get_list("content-security-policy")
    told = dict(part.split(" ", 1) for part in policy.split("; ") if part != "sandbox")
    styles = told.pop("style-src", None)
    nothing = ("default-src", "frame-ancestors", "base-uri", "form-action")
    assert told == dict.fromkeys(nothing, "'none'")
    assert styles == ("'unsafe-inline'" if answer.headers.get("content-type") == "image/svg+xml" else None)


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "/version", 200),
        ("HEAD", "/version", 200),
        ("GET", "/health", 200),
        ("GET", "/functions", 200),
        ("GET", "/metrics", 200),
        ("GET", "/metrics/find?query=*", 200),
        ("GET", "/metrics/index.json", 200),
        ("GET", "/tags", 200),
        ("GET", "/events", 200),
        ("GET", "/render?target=a&jsonp=1", 400),
        ("GET", "/events/7", 404),
        ("GET", "/nowhere", 404),
        ("PUT", "/render", 405),
        ("OPTIONS", "/render", 405),
    ],
)
def test_whatever_the_answer(api: FolderApi, method: str, url: str, status: int) -> None:
    answer = api.send(method, url)
    assert answer.status_code == status
    is_safe(answer)


@pytest.mark.parametrize(
    "format", ["json", "csv", "raw", "pickle", "msgpack", "dygraph", "rickshaw", "png", "svg", "pdf"]
)
def test_whatever_the_format(api: FolderApi, format: str) -> None:
    answer = api.get("/render", **{**CHART, "format": format})
    assert answer.status_code == 200
    is_safe(answer)
    again = api.send(
        "GET", "/render", params={**CHART, "format": format}, headers={"if-none-match": answer.headers["etag"]}
    )
    assert again.status_code == 304
    assert again.headers["x-content-type-options"] == "nosniff"
    # A browser lays these headers over those of the answer that it has: a chart would lose its colours.
    assert "content-security-policy" not in again.headers


def test_whoever_is_turned_away(api: FolderApi, tmp_path: Path) -> None:
    page = {"origin": "https://grafana.example.org", "access-control-request-method": "POST"}
    for status, headers in (
        (200, page),
        (400, {**page, "origin": "http://evil.example"}),
        (421, {"host": "evil.example"}),
    ):
        answer = api.send("OPTIONS", "/render", headers=headers)
        assert answer.status_code == status
        is_safe(answer)
    foreign = api.send("POST", "/events/", content=b"{}", headers={"origin": "http://evil.example"})
    assert foreign.status_code == 403
    is_safe(foreign)
    auth = tmp_path / "auth"
    auth.write_text("bearer 0123456789abcdef\n")
    auth.chmod(0o600)
    unknown = FolderApi(api.store, None, Credentials(str(auth))).get("/version")
    assert unknown.status_code == 401
    is_safe(unknown)


def test_a_fault_of_ours(api: FolderApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("saltern_graphite.store.reader.Reader.fetch", fault)
    answer = api.get("/render", **CHART)
    assert answer.status_code == 500
    is_safe(answer)


def test_a_fault_outside_of_every_endpoint(api: FolderApi) -> None:
    async def fault(request: Request, error: Exception) -> None:
        raise ZeroDivisionError

    api.app.exception_handlers[HTTPException] = fault

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(api.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/nowhere")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.text) == (500, "the server failed on this request; its log says why\n")
    is_safe(answer)


@pytest.mark.parametrize("head", [b"BREW /pot HTTP/1.1\r\n\r\n", b"GET /version HTTP/1.1\r\nX: " + b"b" * 65_600])
def test_what_is_no_request(tmp_path: Path, head: bytes) -> None:
    async def ask() -> bytes:
        server = Server(str(tmp_path), Store(str(tmp_path)), ServerOptions(http=("127.0.0.1", 0), read_only=True))
        await server.start()
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", int(str(server.endpoints["http"]).rpartition(":")[2])
            )
            writer.write(head)
            answer = await reader.read()
            writer.close()
            return answer
        finally:
            await server.stop()

    answer = asyncio.run(asyncio.wait_for(ask(), 20))
    assert b"\r\nx-content-type-options: nosniff\r\n" in answer
    assert b"\r\ncontent-security-policy: default-src 'none'; " in answer


def test_a_chart_has_nothing_that_its_policy_forbids(api: FolderApi) -> None:
    text = api.get("/render", **{**CHART, "format": "svg", "title": "<script>alert(1)</script>"}).text
    assert "<style" in text
    assert not re.search(r"<(script|foreignObject|image|iframe|a)\b|\son\w+=|javascript:|@import|url\((?!#)", text)
