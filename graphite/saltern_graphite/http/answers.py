"""Answers, and what becomes of errors: one line of text, never a traceback."""

from __future__ import annotations

import functools
import gzip
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from saltern.errors import GraphiteError
from saltern_graphite.http.params import Params

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]
_CALLBACK = re.compile(r"[A-Za-z_$][\w$.]{0,199}")
_GZIP_FROM_BYTES = 1000
_GZIP_LEVEL = 1  # a chart's numbers shrink well at once; higher levels cost more than the network
_NO_CACHE = {"Pragma": "no-cache", "Cache-Control": "no-cache"}


def error_answer(status: int, message: str) -> Response:
    """*message* as one line of plain text."""
    return PlainTextResponse(" ".join(message.split()) + "\n", status)


def guarded(endpoint: Endpoint) -> Endpoint:
    """*endpoint* with its errors made answers: 400 for what the client got wrong, 500 for what we did."""

    @functools.wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except GraphiteError as error:
            return error_answer(400, str(error))
        except HTTPException:
            raise
        except Exception:
            log.exception("%s %s failed", request.method, request.url.path)
            return error_answer(500, "the server failed on this request; its log says why")

    return answer


def jsonp_callback(params: Params) -> str | None:
    """The parameter ``jsonp``; ``GraphiteError`` if it is no name that a script may call."""
    callback = params.get("jsonp")
    if callback and not _CALLBACK.fullmatch(callback):
        raise GraphiteError(f"jsonp {callback[:100]!r} is no function name")
    return callback or None


async def json_answer(request: Request, params: Params, make: Callable[[], object]) -> Response:
    """What *make* returns as JSON, with ``jsonp`` and ``pretty`` as asked; all of it is done in a worker thread.

    Text stays as it is unless the client accepts exactly ``application/json``, as in Graphite.
    """
    ascii_only = request.headers.get("accept", "application/json") == "application/json"
    indent = 2 if params.get("pretty") else None
    callback = jsonp_callback(params)
    media_type = "text/javascript" if callback else "application/json"

    def answer() -> Response:
        body = json.dumps(make(), ensure_ascii=ascii_only, indent=indent)
        body = body.replace(": Infinity", ": 1e9999")  # JSON has no infinity; every reader overflows to one
        body = f"{callback}({body})" if callback else body
        return packed(request, body.encode(), f"{media_type};charset=utf-8", _NO_CACHE)

    return await anyio.to_thread.run_sync(answer)


def packed(request: Request, body: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    """*body* as an answer, compressed if it is worth it and the client takes it. Call it in a worker thread."""
    headers = {**headers, "Content-Type": media_type, "Vary": "Accept-Encoding"}
    if len(body) >= _GZIP_FROM_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, _GZIP_LEVEL)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers)
