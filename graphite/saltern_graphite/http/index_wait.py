"""Requests for metrics wait while indexes are being filled: a sum over the half that is found so far is wrong.

For a while. A tree so large, or a disk so slow, that it takes longer is answered from as far as the index is, and
``/health`` says how far that is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from saltern_graphite.http.answers import Endpoint

WITHIN_S = 10.0
_LOOK_S = 0.01


def when_filled(filling: Callable[[], bool], endpoint: Endpoint, within_s: float = WITHIN_S) -> Endpoint:
    """*endpoint*, as soon as nothing is *filling* or *within_s* seconds are over."""

    async def answer(request: Request) -> Response:
        until = time.monotonic() + within_s
        while filling() and time.monotonic() < until:
            await asyncio.sleep(_LOOK_S)
        return await endpoint(request)

    return answer
