"""A request's parameters, wherever they came: query string, form or JSON body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import tzinfo
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request

from saltern.errors import GraphiteError
from saltern_graphite.render.times import UTC, parse_time

MAX_BODY_BYTES = 4 << 20
MAX_FIELDS = 10_000


class Params:
    """Parameters in order; of one given twice, the last counts, and the body's come after the query's."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self._pairs)

    def all(self, name: str) -> list[str]:
        """Every value of *name*, or of ``name[]`` where that was written instead."""
        return [value for key, value in self._pairs if key == name] or [
            value for key, value in self._pairs if key == f"{name}[]"
        ]

    def get(self, name: str, default: str = "") -> str:
        """The last value of *name*."""
        values = [value for key, value in self._pairs if key == name]
        return values[-1] if values else default

    def integer(self, name: str, default: int = 0) -> int:
        """*name* as an integer; ``GraphiteError`` if it is none."""
        text = self.get(name)
        try:
            return int(text) if text else default
        except ValueError:
            raise GraphiteError(f"{name} must be an integer, not {text!r}") from None

    def zone(self) -> tzinfo:
        """The time zone ``tz``; UTC when it is not given or unknown."""
        name = self.get("tz")
        try:
            return ZoneInfo(name) if name else UTC
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return UTC

    def time(self, name: str, default: str, zone: tzinfo, now: int) -> int:
        """*name* as a time in epoch seconds; ``GraphiteError`` if it is none."""
        try:
            return parse_time(self.get(name) or default, zone, now)
        except GraphiteError as error:
            raise GraphiteError(f"{name}: {error}") from None


async def read_params(request: Request) -> Params:
    """The parameters of *request*. ``GraphiteError`` for a body that is too long or of an unknown kind."""
    pairs = _pairs(request.url.query)
    if request.method != "POST":
        return Params(pairs)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise GraphiteError(f"the body is longer than {MAX_BODY_BYTES} bytes")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return Params(pairs + _json_pairs(bytes(body)))
    if kind.startswith("multipart/"):
        raise GraphiteError("send the parameters as application/x-www-form-urlencoded or application/json")
    return Params(pairs + _pairs(body.decode(errors="replace")))


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise GraphiteError(f"the parameters can't be read: {error}") from None


def _json_pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise GraphiteError(f"the body is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise GraphiteError('the body must be a JSON object such as {"target": ["a.b"]}')
    return [
        (name, one if isinstance(one, str) else json.dumps(one))
        for name, value in document.items()
        for one in (value if isinstance(value, list) else [value])
    ]
