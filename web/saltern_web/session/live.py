"""``/live``: the API's events for a page, for as long as it is open.

A page is told when the API, or the master behind it, goes away and when it is back (``event: api``), and that the
login has ended; its stream stays open, so that no browser gives up.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from django.http import StreamingHttpResponse

from saltern.errors import Busy, SalternError
from saltern_web.api.client import Api
from saltern_web.api.errors import LoggedOut
from saltern_web.session import pulse
from saltern_web.session.console import Asked, Console
from saltern_web.session.pulse import Pulse, by_moments

AGAIN_MIN_S, AGAIN_MAX_S = 0.5, 5.0
MAX_TAGS, MAX_TAG_CHARS = 200, 512
HERE, AWAY, OVER = (f"event: api\ndata: {word}\n\n".encode() for word in ("here", "away", "logged-out"))
_LAST = "Last-Event-ID"


async def live(request: Asked) -> StreamingHttpResponse:
    """Follow the events whose tags match one of ``?tag=`` globs; ``brief=1``: without what jobs returned."""
    tags = [tag[:MAX_TAG_CHARS] for tag in request.GET.getlist("tag")[:MAX_TAGS]]
    params = [("tag", tag) for tag in tags] + ([("brief", "1")] if request.GET.get("brief") else [])
    console, principal = request.console, request.who.principal
    open_now = console.streams.get(principal, 0)
    options = console.options
    if open_now >= options["max_streams_per_user"] or sum(console.streams.values()) >= options["max_streams"]:
        console.counters.add("streamsRefused")
        raise Busy("too many pages are open by this login: close some")
    after = request.headers.get(_LAST, "")
    beating = console.held(pulse.ROOM, Pulse)
    events = _events(request.api, params, after if after.isascii() else "", beating)
    stream = _counted(console, principal, events)
    await anext(stream)  # it is counted from here on: many that come at once are too many as well
    answer = StreamingHttpResponse(stream, content_type="text/event-stream; charset=utf-8")
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


async def _counted(console: Console, principal: str, events: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Yield nothing first, once it is counted, and then *events*."""
    console.streams[principal] = console.streams.get(principal, 0) + 1
    try:
        yield b""
        async for chunk in events:
            yield chunk
    finally:
        console.streams[principal] -= 1
        if not console.streams[principal]:
            del console.streams[principal]


async def _events(api: Api, params: list[tuple[str, str]], after: str, beating: Pulse) -> AsyncIterator[bytes]:
    wait_s = AGAIN_MIN_S
    while True:
        try:
            headers = {"Accept": "text/event-stream", **({_LAST: after} if after else {})}
            async with api.stream("GET", "/events", params=params, headers=headers, endless=True) as answer:
                wait_s = AGAIN_MIN_S
                yield HERE
                tail, was_there = b"", True
                async with contextlib.aclosing(by_moments(answer.aiter_bytes(), pulse.EVERY_S)) as moments:
                    async for chunk in moments:
                        if chunk:
                            yield chunk
                            tail = (tail + chunk)[-65536:]
                            after = _last_id(tail) or after
                        elif (is_there := await beating.is_there(api)) != was_there:
                            was_there = is_there
                            yield HERE if is_there else AWAY
        except LoggedOut:
            yield OVER
            return
        except SalternError:
            pass
        yield AWAY
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, AGAIN_MAX_S)


def _last_id(tail: bytes) -> str:
    """Return the id of the last event that is whole in *tail*."""
    whole = tail.rpartition(b"\n\n")[0]
    at = whole.rfind(b"\nid: ")
    if at < 0 and whole.startswith(b"id: "):
        at = -1
    elif at < 0:
        return ""
    with contextlib.suppress(UnicodeDecodeError):
        said = whole[at + 5 :].partition(b"\n")[0].decode("ascii").strip()
        return said if said.isdigit() else ""
    return ""
