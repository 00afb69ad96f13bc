"""Answers, and what becomes of errors: one line of text, never a traceback."""

from __future__ import annotations

import asyncio
import functools
import gzip
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from saltern.errors import GraphiteError, http_status
from saltern_graphite.evaluation.deadline import ClientGone, TookTooLong
from saltern_graphite.http.params import Params, read_params
from saltern_graphite.render.formats.base import json_text

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]
FILLED_WITHIN_S = 10.0
MAX_ERROR_CHARS = 1000
FAULT = "the server failed on this request; its log says why"
_LOOK_S = 0.01
_NO_WEIGHT = re.compile(r"0(\.0*)?")
_CALLBACK = re.compile(r"[A-Za-z_$][\w$.]{0,199}", re.ASCII)
_GZIP_FROM_BYTES = 1000
_GZIP_LEVEL = 1  # a chart's numbers shrink well at once; higher levels cost more than the network
NO_CACHE = {"Pragma": "no-cache", "Cache-Control": "no-cache"}
_STATUS: Mapping[type[GraphiteError], int] = {
    TookTooLong: 503,
    ClientGone: 499,  # nobody reads it; the access log says it as nginx does
}
"""What only a request can end by; other errors have theirs in the table of all (``errors.CODES``)."""


def error_answer(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """*message* as one line of plain text, cut at :data:`MAX_ERROR_CHARS`."""
    headers = {"Cache-Control": "no-store", **(headers or {})}
    return Response(f"{_line(message)}\n".encode(errors="replace"), status, headers, "text/plain")


def error_object(status: int, message: str) -> Response:
    """The same as ``{"error": message}``, for those endpoints whose errors Graphite writes so."""
    return JSONResponse({"error": _line(message)}, status, {"Cache-Control": "no-store"})


def _line(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= MAX_ERROR_CHARS else f"{line[:MAX_ERROR_CHARS]} …"


def guarded(endpoint: Endpoint, refusal: Callable[[int, str], Response]) -> Endpoint:
    """*endpoint* with its errors made answers: 4xx, by *refusal*, for what the client got wrong, 503 for what takes
    too long, 500 for what we did."""

    @functools.wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except GraphiteError as error:
            return refusal(_STATUS.get(type(error)) or http_status(error), str(error))
        except HTTPException:
            raise
        except ClientDisconnect:
            return error_answer(499, "the client went away before its request was complete")
        except MemoryError:
            log.error("%s %s: no memory for its answer", request.method, request.scope["path"])
            return error_answer(503, "there is no memory for this answer: ask for fewer series or a shorter range")
        except Exception:
            log.exception("%s %s failed", request.method, request.scope["path"])
            return error_answer(500, FAULT)

    return answer


def both_slashes(
    path: str, endpoint: Endpoint, methods: list[str], refusal: Callable[[int, str], Response] = error_answer
) -> list[Route]:
    """Routes with and without a slash at the end: clients send both, and a redirect would lose a POST's body."""
    answer = guarded(endpoint, refusal)
    return [Route(path, answer, methods=methods), Route(f"{path}/", answer, methods=methods)]


def when_filled(filling: Callable[[], bool], endpoint: Endpoint, within_s: float = FILLED_WITHIN_S) -> Endpoint:
    """*endpoint*, as soon as nothing is *filling*: a sum over the half that is found so far is wrong.

    After *within_s* seconds it is answered from as far as the index is, and ``/health`` says how far that is: the tree
    is so large, or the disk so slow.
    """

    async def answer(request: Request) -> Response:
        until = time.monotonic() + within_s
        while filling() and time.monotonic() < until:
            await asyncio.sleep(_LOOK_S)
        return await endpoint(request)

    return answer


def jsonp_callback(params: Params) -> str | None:
    """The parameter ``jsonp``; ``GraphiteError`` if it is no name that a script may call."""
    callback = params.text("jsonp")
    if callback and not _CALLBACK.fullmatch(callback):
        raise GraphiteError(f"jsonp {callback[:100]!r} is no function name: up to 200 letters, digits, _, $ and dots")
    return callback or None


def as_json(make: Callable[[Request, Params], object]) -> Endpoint:
    """An endpoint for what *make* returns: as JSON with ``jsonp`` and ``pretty`` as asked, or a response as it is.

    *make* is called, and its answer written, in a worker thread. Text stays as it is unless the client accepts exactly
    ``application/json``, as in Graphite.
    """

    def answer(request: Request, params: Params) -> Response:
        made = make(request, params)
        if isinstance(made, Response):
            return made
        callback = jsonp_callback(params)
        ascii_only = request.headers.get("accept", "application/json") == "application/json"
        body = json_text(made, 2 if params.text("pretty") else None, ascii_only=ascii_only)
        body = f"{callback}({body})" if callback else body
        media_type = "text/javascript" if callback else "application/json"
        return packed(request, body.encode(errors="replace"), f"{media_type};charset=utf-8", NO_CACHE)

    @functools.wraps(make)
    async def endpoint(request: Request) -> Response:
        return await anyio.to_thread.run_sync(answer, request, await read_params(request))

    return endpoint


def takes_gzip(request: Request) -> bool:
    """Whether the client of *request* takes compressed bodies: names ``gzip`` or ``*``, not with a weight of 0."""
    weights: dict[str, str] = {}
    for one in request.headers.get("accept-encoding", "").lower().split(","):
        coding, _, parameters = one.partition(";")
        weights[coding.strip()] = parameters.replace(" ", "").removeprefix("q=")
    weight = weights.get("gzip", weights.get("*", "0"))
    return _NO_WEIGHT.fullmatch(weight) is None


def compressed(body: bytes) -> bytes | None:
    """*body* compressed, or None where it isn't worth it. Call it in a worker thread."""
    return gzip.compress(body, _GZIP_LEVEL) if len(body) >= _GZIP_FROM_BYTES else None


def packed(request: Request, body: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    """*body* as an answer, compressed if it is worth it and the client takes it. Call it in a worker thread."""
    headers = {**headers, "Content-Type": media_type, "Vary": "Accept-Encoding"}
    smaller = compressed(body) if takes_gzip(request) else None
    if smaller is not None:
        headers["Content-Encoding"] = "gzip"
    return Response(body if smaller is None else smaller, headers=headers)
