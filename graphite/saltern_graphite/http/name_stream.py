"""A list of names as JSON, sent while it is made: with a million metrics it is tens of megabytes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from saltern_graphite.http.answers import NO_CACHE, jsonp_callback, takes_gzip
from saltern_graphite.http.params import Params

NAMES_A_PIECE = 5_000
_GZIP_LEVEL = 1
_GZIP_BITS = 31  # zlib's largest window, in gzip's format


def streamed_names(request: Request, params: Params, names: Iterable[list[str]]) -> Response:
    """All *names* as one JSON list, as :func:`.answers.as_json` would write it."""
    callback = jsonp_callback(params)
    ascii_only = request.headers.get("accept", "application/json") == "application/json"
    flat = chain.from_iterable(names)
    gathered = iter(lambda: list(islice(flat, NAMES_A_PIECE)), [])
    pieces = _pieces(gathered, callback, ascii_only, pretty=bool(params.text("pretty")))
    headers = {**NO_CACHE, "Vary": "Accept-Encoding"}
    if takes_gzip(request):
        headers["Content-Encoding"] = "gzip"
        pieces = _compressed(pieces)
    media_type = "text/javascript" if callback else "application/json"
    return StreamingResponse(pieces, headers={**headers, "Content-Type": f"{media_type};charset=utf-8"})


def _pieces(names: Iterable[list[str]], callback: str | None, ascii_only: bool, *, pretty: bool) -> Iterator[bytes]:
    indent, line, between = (2, "\n", ",\n") if pretty else (None, "", ", ")
    brackets = 1 + len(line)
    yield f"{callback}([".encode() if callback else b"["
    before = line
    for piece in names:
        text = json.dumps(piece, ensure_ascii=ascii_only, indent=indent)[brackets:-brackets]
        yield f"{before}{text}".encode(errors="replace")
        before = between
    yield f"{line if before is between else ''}]{')' if callback else ''}".encode()


def _compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_BITS)
    for piece in pieces:
        if data := packer.compress(piece):
            yield data
    yield packer.flush()
