"""One request to a receiver, and what its answer means."""

from __future__ import annotations

import http
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from saltern_master.web_end import AnswerTooLarge, NoAnswer
from saltern_master.webhooks.hook import Hook
from saltern_master.webhooks.signature import HEADER, signature

AGAIN_STATUSES = (408, 429)
"""Of 4xx: the receiver's state, not the request's fault."""
MAX_RETRY_AFTER_S = 900.0


class Outcome(NamedTuple):
    """What became of a request. *why*: nothing when it was taken."""

    why: str = ""
    again: bool = False
    """Whether it may be taken when it is posted again."""
    answered: bool = False
    """Whether there was an answer."""
    after_s: float = 0.0
    """Seconds that the receiver asks to be left alone for."""


async def post(hook: Hook, body: bytes, delivery: str, clock: Callable[[], float] = time.time) -> Outcome:
    """Post *body*, under the number *delivery*, which is the same for each try. Never raises.

    Redirections are not followed: a body goes where the configuration says. Nothing that the receiver wrote is in
    ``why``: it might repeat what it was given.
    """
    headers = {"X-Saltern-Hook": hook.name, "X-Saltern-Delivery": delivery, **hook.headers}
    if hook.sign_token:
        headers[HEADER] = signature(hook.sign_token, body, int(clock()))
    content_type = next((headers.pop(name) for name in [*headers] if name.lower() == "content-type"), "")
    try:
        answer = await hook.end.post(content_type or hook.form.content_type, body, headers)
    except AnswerTooLarge as error:
        return Outcome(str(error), answered=True)
    except NoAnswer as error:
        return Outcome(str(error), again=True)
    status = answer.status
    if 200 <= status < 300:
        return Outcome(answered=True)
    again = status in AGAIN_STATUSES or status >= 500
    after_s = _after_s(answer.headers.get("retry-after", ""), clock()) if again else 0.0
    return Outcome(f"answered {_named(status)}", again, True, after_s)


def _named(status: int) -> str:
    try:
        return f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _after_s(text: str, now: float) -> float:
    """Return what ``Retry-After`` asks for, as seconds or a date, within bounds; 0 without it."""
    try:
        seconds = float(text) if text.isdigit() else parsedate_to_datetime(text).timestamp() - now if text else 0.0
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)
