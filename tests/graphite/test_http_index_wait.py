"""No answer over half of the metrics while the index is being filled."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from saltern_graphite.http.answers import when_filled
from saltern_graphite.index import Index


def asked(index: Index, within_s: float, after_s: float) -> str:
    """Return whether *index* was still being filled when a request was answered; it is until *after_s* are over."""

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(str(index.progress.running))

    async def ask() -> str:
        asyncio.get_running_loop().call_later(after_s, setattr, index.progress, "running", False)
        answer = await when_filled(lambda: index.progress.running, endpoint, within_s)(Request({"type": "http"}))
        return bytes(answer.body).decode()

    return asyncio.run(ask())


def test_a_request_waits_for_the_index() -> None:
    index = Index()
    assert asked(index, 20, 0.0) == "False"
    index.progress.running = True
    assert asked(index, 60, 0.2) == "False"


def test_but_not_for_ever() -> None:
    index = Index()
    index.progress.running = True
    assert asked(index, 0.1, 3600) == "True"
