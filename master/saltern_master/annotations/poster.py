"""How annotations leave the master: ``POST /events/`` of saltern-graphite or graphite-web."""

from __future__ import annotations

import http
import re
from typing import Protocol

from saltern.errors import ChannelError, ConfigError, GraphiteError
from saltern_master.annotations.annotation import Annotation
from saltern_master.web_end import WebEnd, plain_text

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 1024 * 1024
REFUSED_STATUSES = (400, 413, 422)
"""The event's own fault. Any other, a missing token or a wrong path too, is the far end's and may be mended there."""


class AnnotationRefused(GraphiteError):
    """The far end doesn't take this event, now or later."""


class AnnotationFailed(ChannelError):
    """The far end failed over this event (status 500): it may be the event, or its disk."""


class Poster(Protocol):
    """Delivers annotations."""

    async def post(self, annotation: Annotation) -> None:
        """Deliver one.

        Raises ``ChannelError`` when it could not be told whether it arrived: it is to be posted again, after
        ``AnnotationFailed`` not for ever; ``AnnotationRefused`` when it never will.
        """


class WebPoster:
    """Posts to *url*, with *token* as a bearer token if there is one."""

    def __init__(self, url: str, token: str = "", *, timeout_s: float = TIMEOUT_S) -> None:
        """Raises ``ConfigError`` for a URL or token that can't be used."""
        if not re.fullmatch(r"[!-~]*", token):
            raise ConfigError("events_token: must be of ASCII characters, without blanks")
        self._end = WebEnd(
            "events_url",
            url,
            "http://127.0.0.1:8080/events/",
            token=token,
            timeout_s=timeout_s,
            max_answer_bytes=MAX_ANSWER_BYTES,
        )
        if token and self._end.has_login:
            raise ConfigError("events_token: events_url has a user and password already: give one of the two")

    def __str__(self) -> str:
        return str(self._end)

    async def post(self, annotation: Annotation) -> None:
        """Deliver one; see ``Poster``."""
        answer = await self._end.post("application/json", annotation.as_json())
        if 200 <= answer.status < 300:
            return
        said = f"answered {answer.status} {plain_text(answer.body) or answer.reason}"
        if answer.status in REFUSED_STATUSES:
            raise AnnotationRefused(said)
        raise AnnotationFailed(said) if answer.status == http.HTTPStatus.INTERNAL_SERVER_ERROR else ChannelError(said)
