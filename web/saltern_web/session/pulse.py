"""Whether a master answers behind the API, asked while streams of events are silent: theirs go on without it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator

from saltern.errors import SalternError
from saltern_web.api.client import Api
from saltern_web.api.errors import ApiAway

EVERY_S = 5.0
WITHIN_S = 10.0
ROOM = "live.pulse"


class Pulse:
    """One question every few seconds, by whichever login, for all who wait."""

    def __init__(self) -> None:
        self._at = -EVERY_S
        self._asking: asyncio.Task[bool] | None = None

    async def is_there(self, api: Api) -> bool:
        """Return whether the master answered lately."""
        now = time.monotonic()
        if self._asking is None or (self._asking.done() and self._at + EVERY_S <= now):
            self._at, self._asking = now, asyncio.ensure_future(_answers(api))
        return await asyncio.shield(self._asking)


async def _answers(api: Api) -> bool:
    try:
        async with asyncio.timeout(WITHIN_S):
            await api.runner("auth.about")
    except (ApiAway, TimeoutError):
        return False
    except SalternError:
        pass  # that is an answer
    return True


async def by_moments(chunks: AsyncIterator[bytes], moment_s: float) -> AsyncGenerator[bytes]:
    """Yield *chunks*, and nothing, ``b""``, for each moment in which none has come."""
    coming = asyncio.ensure_future(_next(chunks))
    try:
        while True:
            if not (await asyncio.wait((coming,), timeout=moment_s))[0]:
                yield b""
                continue
            chunk = coming.result()
            if chunk is None:
                return
            coming = asyncio.ensure_future(_next(chunks))
            yield chunk
    finally:
        coming.cancel()
        with contextlib.suppress(asyncio.CancelledError, SalternError):
            await coming


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)
