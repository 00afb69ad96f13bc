"""Answers that are errors: ``{"status": N, "return": one line}``, or a page for a browser that was sent here."""

from __future__ import annotations

import functools
import html
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from saltern.errors import MasterNotRunning, NotAuthorised, SalternError, http_status
from saltern.visible import visible
from saltern_api.accepting import HTML, JSON, wants_html

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[ASGIApp]]
MAX_ERROR_CHARS = 1000
FAULT = "An unexpected error occurred"
NO_PERMISSION = "No permission -- see authorization schemes"
NOT_ACCEPTABLE = "Not Acceptable: answers are application/json or application/x-yaml"
CHALLENGE = {"WWW-Authenticate": "Session"}
RETRY_S = 1
NO_MASTER = "no master answers: try again in a moment"
"""Where its socket is concerns nobody who asks; the log says it."""
_STATUS: Mapping[str, int] = {
    "not_authorised": 401,  # never 403: pepper and SaltGUI go by it
    "no_function": 400,
    "keys": 400,
    "command": 400,
}
"""Where Salt's clients need another status than ``saltern.errors`` has."""


class Refused(Exception):
    """A request that is answered with *status* and *message*."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


class ClientGone(Exception):
    """Nobody reads the answer any more."""


class ErrorAnswer:
    """An error in the form that the client takes; an ASGI application of its own."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.message = one_line(message)
        self.headers = {"Cache-Control": "no-store", **(headers or {})}
        if status == 401:
            self.headers |= CHALLENGE
        if status in (429, 503):
            self.headers.setdefault("Retry-After", str(RETRY_S))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        accepts = [value for name, value in scope.get("headers", ()) if name == b"accept"]
        await self.response(b",".join(accepts).decode("latin-1"))(scope, receive, send)

    def response(self, accept: str) -> Response:
        """Return the answer for a client with that ``Accept`` header."""
        if wants_html(accept):
            return Response(_page(self.status, self.message), self.status, self.headers, HTML)
        body = json.dumps({"status": self.status, "return": self.message})
        return Response(body, self.status, self.headers, JSON)


def one_line(message: str) -> str:
    """Return *message* as one line that isn't long, and steers no terminal."""
    line = visible(" ".join(message.split()))
    return line if len(line) <= MAX_ERROR_CHARS else f"{line[:MAX_ERROR_CHARS]} …"


def status_of(error: SalternError) -> int:
    """Return the status that tells of *error*."""
    return _STATUS.get(error.code) or http_status(error)


def error_answer(error: Exception, request: str) -> ErrorAnswer:
    """Return the answer for an error that ended *request*, a method and a path."""
    if isinstance(error, Refused):
        return ErrorAnswer(error.status, str(error), error.headers)
    if isinstance(error, MasterNotRunning):
        return ErrorAnswer(status_of(error), NO_MASTER)
    if isinstance(error, SalternError):
        if status_of(error) >= 500:
            log.warning("%s: %s", request, error)
        return ErrorAnswer(status_of(error), str(error) or NO_PERMISSION)
    if isinstance(error, MemoryError):
        log.error("%s: no memory for its answer", request)
        return ErrorAnswer(503, "there is no memory for this answer: ask for less at once")
    log.error("%s failed", request, exc_info=error)
    return ErrorAnswer(500, FAULT)


def guarded(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """Return *endpoint* with its errors made answers."""

    @functools.wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            made = await endpoint(request)
        except HTTPException:
            raise
        except (ClientGone, ClientDisconnect):
            return Response(status_code=499)
        except Exception as error:
            made = error_answer(error, f"{request.method[:20]} {request.scope['path'][:200]}")
        return made  # type: ignore[return-value]  # all that starlette does with it is to call it

    return answer


def no_session() -> NotAuthorised:
    """Return the error for a request without a session."""
    return NotAuthorised(NO_PERMISSION)


def _page(status: int, message: str) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Error"
    head = f"{status} {phrase}"
    page = (
        f"<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><title>{head}</title></head>\n"
        f"<body><h2>{head}</h2><p>{html.escape(message)}</p></body></html>\n"
    )
    return page.encode(errors="replace")
