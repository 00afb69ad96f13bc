"""No answer over half of the metrics while the index is being filled."""

from __future__ import annotations

import asyncio
import time

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from saltern_graphite.http.index_wait import when_filled
from saltern_graphite.index import Index


def asked(index: Index, within_s: float, after_s: float) -> tuple[str, float]:
    """Return an answer while *index* is filled until *after_s* are over, and the seconds that it took."""

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(str(index.progress.running))

    async def ask() -> tuple[str, float]:
        asyncio.get_running_loop().call_later(after_s, setattr, index.progress, "running", False)
        began = time.monotonic()
        answer = await when_filled(lambda: index.progress.running, endpoint, within_s)(Request({"type": "http"}))
        return bytes(answer.body).decode(), time.monotonic() - began

    return asyncio.run(ask())


def test_a_request_waits_for_the_index() -> None:
    index = Index()
    assert asked(index, 20, 0.0)[0] == "False"
    index.progress.running = True
    text, took_s = asked(index, 20, 0.2)
    assert text == "False"
    assert took_s >= 0.2


def test_but_not_for_ever() -> None:
    index = Index()
    index.progress.running = True
    text, took_s = asked(index, 0.1, 60)
    assert text == "True"
    assert took_s >= 0.1
