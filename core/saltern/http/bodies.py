"""A request's body, read within bounds of length and time."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request

BODY_WITHIN_S = 20.0
_CLOSE = {"Connection": "close"}


async def read_body(request: Request, most: int, how_long: str = "") -> bytes:
    """Return the body of *request*, up to *most* bytes; *how_long* is said behind them, where it is too long.

    Raises ``HTTPException`` for a longer one (413), one that does not come in time (408), and one that is compressed
    (415): how long it becomes nobody knows before. ``ClientDisconnect``: nobody reads the answer any more.
    """
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise HTTPException(415, f"the body is compressed ({coding[:100]}): send it as it is")
    too_long = HTTPException(413, f"the body is longer than {most:,} bytes{how_long}", _CLOSE)
    if _said_length(request) > most:
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise too_long
    except TimeoutError:
        raise HTTPException(408, f"the body did not come within {BODY_WITHIN_S:g} s", _CLOSE) from None
    return bytes(body)


def _said_length(request: Request) -> int:
    said = request.headers.get("content-length", "0")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 16 else 0
