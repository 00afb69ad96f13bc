"""A source that asks a Graphite render API: ours, graphite-web, carbonapi or VictoriaMetrics."""

from __future__ import annotations

import asyncio
import http
import json
from typing import Any
from urllib.parse import urlencode

from saltern_master.alerts.source import NoAnswer, RenderRefused, Series
from saltern_master.web_end import Answer, AnswerTooLarge, WebEnd, plain_text

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
PARSE_ASIDE_BYTES = 256 * 1024  # bigger answers are parsed in a thread, away from the event loop
FORM = "application/x-www-form-urlencoded"
ASKED_FOR = {"format": "json", "noNullPoints": "true", "noCache": "true"}
BUSY_STATUSES = (429, 502, 503, 504)  # a proxy's or a starting server's: no word about the target


class HttpSource:
    """The API whose ``/render`` is below *render_url*, ``http`` or ``https``, with ``user:password@`` if it asks."""

    def __init__(
        self, render_url: str, *, timeout_s: float = TIMEOUT_S, max_answer_bytes: int = MAX_ANSWER_BYTES
    ) -> None:
        """Raises ``ConfigError`` when *render_url* is no URL of a host."""
        self._end = WebEnd(
            "render_url",
            render_url,
            "http://127.0.0.1:8080",
            below="/render",
            timeout_s=timeout_s,
            max_answer_bytes=max_answer_bytes,
        )
        self.url = self._end.url

    def __str__(self) -> str:
        return self.url

    async def render(self, target: str, from_: int, until: int, points: int = 0) -> list[Series]:
        """Return the series of *target*; see ``RenderSource``."""
        fields = {"target": target, "from": from_, "until": until, **ASKED_FOR}
        if points:
            fields["maxDataPoints"] = points
        try:
            answer = await self._end.post(FORM, urlencode(fields, errors="surrogateescape").encode("ascii"))
        except AnswerTooLarge as error:
            raise RenderRefused(f"{error}: narrow the target") from None
        if len(answer.body) > PARSE_ASIDE_BYTES:
            return await asyncio.to_thread(parse_answer, answer)
        return parse_answer(answer)


def parse_answer(answer: Answer) -> list[Series]:
    """Return the series of a whole answer. Raises ``NoAnswer`` and ``RenderRefused``."""
    status, reason, body, _ = answer
    if status in BUSY_STATUSES:
        raise NoAnswer(f"answered {status} {reason}: {plain_text(body)}")
    if status != http.HTTPStatus.OK:
        raise RenderRefused(f"{status}: {plain_text(body) or reason}")
    try:
        return [_series(item) for item in _items(json.loads(body))]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise RenderRefused(f"the answer isn't a list of series: {plain_text(body[:4096])}") from None


def _items(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise TypeError("not a list")
    return answer


def _series(item: Any) -> Series:
    points = [(float(at), None if value is None else float(value)) for value, at in item["datapoints"]]
    return Series(str(item["target"]), points)
