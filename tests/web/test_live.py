"""The stream of events behind a page."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import Busy
from saltern_web.api.client import Api
from saltern_web.session import live, pulse
from saltern_web.session.pulse import Pulse
from support.console import TOKEN, ConsoleClient, Refusal

EVENT = b'id: 17\ntag: salt/alert/x/crit\ndata: {"tag": "salt/alert/x/crit", "data": {}}\n\n'


async def _once(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def _taken(console: ConsoleClient, count: int, after: str = "") -> list[bytes]:
    """Return the first *count* chunks of a stream."""

    async def take() -> list[bytes]:
        api: Api = console.console.api(TOKEN)
        found: list[bytes] = []
        stream = live._events(api, [("tag", "salt/alert/*"), ("brief", "1")], after, Pulse())
        async with asyncio.timeout(30):
            async for chunk in stream:
                found.append(chunk)
                if len(found) == count:
                    break
        await stream.aclose()  # type: ignore[attr-defined]
        return found

    return console.run(take())


def test_events_come_through_and_it_goes_on_behind_the_last(
    console: ConsoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "AGAIN_MIN_S", 0.01)
    console.api.answers["GET /events"] = lambda call: _once(EVENT[:30], EVENT[30:])
    chunks = _taken(console, 6)
    assert chunks == [live.HERE, EVENT[:30], EVENT[30:], live.AWAY, live.HERE, EVENT[:30]]
    first, second = console.api.called("GET /events")[:2]
    assert first.kwarg == {"tag": ["salt/alert/*"], "brief": ["1"]}
    assert "Last-Event-ID" not in first.headers
    assert second.headers["Last-Event-ID"] == "17"


def test_an_api_that_goes_away_is_waited_for(console: ConsoleClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "AGAIN_MIN_S", 0.01)
    answers: list[Any] = [Refusal("no master", 503), Refusal("too many", 429), _once(EVENT)]
    console.api.answers["GET /events"] = lambda call: answers.pop(0)
    assert _taken(console, 4, after="5") == [live.AWAY, live.AWAY, live.HERE, EVENT]
    assert all(call.headers["Last-Event-ID"] == "5" for call in console.api.called("GET /events"))


def test_a_master_that_goes_away_is_told_of_though_the_api_streams_on(
    console: ConsoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "EVERY_S", 0.01)
    masters: list[Any] = [{}, Refusal("no master answers", 503), Refusal("no master answers", 503)]
    console.api.answers["runner.auth.about"] = lambda call: masters.pop(0) if masters else {}

    async def silent() -> AsyncIterator[bytes]:
        yield EVENT
        await asyncio.Event().wait()

    console.api.answers["GET /events"] = lambda call: silent()
    assert _taken(console, 4) == [live.HERE, EVENT, live.AWAY, live.HERE]
    assert len(console.api.called("GET /events")) == 1


def test_a_login_that_ends_ends_the_stream(console: ConsoleClient) -> None:
    console.api.tokens.clear()
    assert _taken(console, 9) == [live.OVER]


def test_streams_that_are_asked_for_at_once_are_counted_before_any_is_read(
    console: ConsoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(console.options, "max_streams_per_user", 2)
    request: Any = SimpleNamespace(
        GET=QueryDict("tag=x"),
        headers={},
        console=console.console,
        who=SimpleNamespace(principal="file:anna"),
        api=console.console.api(TOKEN),
    )

    async def ask() -> list[object]:
        return await asyncio.gather(*(live.live(request) for _ in range(3)), return_exceptions=True)

    *first, third = console.run(ask())
    assert len(first) == 2
    assert isinstance(third, Busy)
    del first

    async def settle() -> dict[str, int]:
        gc.collect()
        await asyncio.sleep(0)
        return console.console.streams

    assert console.run(settle()) == {}


def test_a_login_has_so_many_streams_and_gives_them_back(console: ConsoleClient) -> None:
    console.login("anna")
    streams = console.console.streams
    streams["file:anna"] = console.options["max_streams_per_user"]
    assert console.get("/live?tag=x").status_code == 429
    del streams["file:anna"]

    async def leave_early() -> None:
        stream = live._counted(console.console, "file:anna", _once(EVENT, EVENT))
        assert [await anext(stream), await anext(stream)] == [b"", EVENT]
        assert streams == {"file:anna": 1}
        await stream.aclose()

    console.run(leave_early())
    assert streams == {}


@given(st.lists(st.integers(0, 10**18), min_size=1, max_size=5), st.integers(0, 40))
def test_the_last_whole_id_is_found(ids: list[int], cut: int) -> None:
    whole = b"retry: 400\n\n" + b"".join(b"id: %d\ndata: {}\n\n" % one for one in ids)
    half = b"id: 999\ndata: {"[:cut]
    assert live._last_id(whole + half) == str(ids[-1])
    assert live._last_id(half) == ""
