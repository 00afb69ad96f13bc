"""A request's parameters, wherever they came: query string, form or JSON body."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import tzinfo
from functools import lru_cache
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from starlette.datastructures import ImmutableMultiDict
from starlette.exceptions import HTTPException
from starlette.requests import Request

from saltern.errors import GraphiteError
from saltern.http.bodies import read_body
from saltern.http.origins import body_kind
from saltern_graphite.evaluation.times import UTC, parse_time

MAX_BODY_BYTES = 4 << 20
MAX_FIELDS = 10_000
JSON_KIND = "application/json"
MULTIPART_KIND = "multipart/form-data"
FORM_KINDS = ("application/x-www-form-urlencoded", "text/plain", "")
"""As what a form may come. ``text/plain`` is what pages of other origins may send without asking first."""

_BOUNDARY = re.compile(r';\s*boundary="?([^";]{1,70})"?', re.IGNORECASE)
_NAME = re.compile(rb'^content-disposition:[^\r\n]*;\s*name="([^"\r\n]*)"', re.IGNORECASE | re.MULTILINE)


class Params(ImmutableMultiDict[str, str]):
    """Parameters in order; of one given twice, the last counts, and the body's come after the query's."""

    def __init__(self, pairs: list[tuple[str, str]], own_zone: tzinfo) -> None:
        """*own_zone* is the server's: what times are read in where the request doesn't say."""
        super().__init__(pairs)
        self._own_zone = own_zone

    def all(self, name: str) -> list[str]:
        """Every value of *name*, or of ``name[]`` where that was written instead."""
        return self.getlist(name) or self.getlist(f"{name}[]")

    def text(self, name: str, default: str = "") -> str:
        """The last value of *name*."""
        return self.get(name, default)

    def integer(self, name: str, default: int = 0) -> int:
        """*name* as an integer; ``GraphiteError`` if it is none."""
        text = self.text(name)
        try:
            return int(text) if text else default
        except ValueError:
            raise GraphiteError(f"{name} must be an integer, not {text[:100]!r}") from None

    def zone(self) -> tzinfo:
        """The time zone ``tz``; the server's own when it is not given or unknown."""
        return zone_of(self.text("tz")) or self._own_zone

    def time(self, name: str, default: str, zone: tzinfo, now: int) -> int:
        """*name* as a time in epoch seconds; ``GraphiteError`` if it is none."""
        try:
            return parse_time(self.text(name) or default, zone, now)
        except GraphiteError as error:
            raise GraphiteError(f"{name}: {error}") from None


def zone_of(name: str) -> ZoneInfo | None:
    """The time zone of that *name*, however it is capitalised; ``None`` for an unknown or empty one."""
    try:
        return ZoneInfo(_zone_names().get(name.lower(), name)) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=1)
def _zone_names() -> Mapping[str, str]:
    """Every time zone by its name in small letters: Graphite doesn't mind how it is written."""
    return {name.lower(): name for name in available_timezones()}


async def read_params(request: Request) -> Params:
    """The parameters of *request*.

    Raises ``GraphiteError`` for what can't be read, status 415 for a body of another kind, and what ``read_body`` does.
    """
    pairs = _pairs(request.scope["query_string"].decode(errors="replace"))
    zone: tzinfo = getattr(getattr(request.scope.get("app"), "state", None), "zone", UTC)
    if request.method != "POST":
        return Params(pairs, zone)
    body = await read_body(request, MAX_BODY_BYTES)
    content_type, kind = request.headers.get("content-type", ""), body_kind(request.headers)
    if kind == JSON_KIND:
        return Params(pairs + _json_pairs(body), zone)
    if kind == MULTIPART_KIND:
        return Params(pairs + multipart_pairs(content_type, body, MAX_FIELDS), zone)
    if body and kind not in FORM_KINDS:
        raise HTTPException(415, f"the body is {kind[:100]}: send the parameters as {FORM_KINDS[0]} or {JSON_KIND}")
    return Params(pairs + _pairs(body.decode(errors="replace")), zone)


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:  # the one cause there is
        raise GraphiteError(f"the parameters can't be read: one request may have {MAX_FIELDS}") from None


def multipart_pairs(content_type: str, body: bytes, most: int) -> list[tuple[str, str]]:
    """The fields of *body*, a form as ``curl -F`` sends it (RFC 7578), *most* at most; ``GraphiteError`` for others."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise GraphiteError(f"the body is {MULTIPART_KIND}, but its Content-Type names no boundary")
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode(errors="replace"), most + 1)
    if not parts or not parts[-1].startswith(b"--"):
        what = f"has over {most} parts" if len(parts) > most else "ends before its last boundary"
        raise GraphiteError(f"the body is {MULTIPART_KIND} and {what}")
    pairs = []
    for part in parts[:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name is None:
            raise GraphiteError(f"the body is {MULTIPART_KIND}: a part of it has no name")
        pairs.append((name[1].decode(errors="replace"), value.decode(errors="replace")))
    return pairs


def read_json(body: bytes) -> object:
    """What *body* holds as JSON. ``GraphiteError`` says why it is none."""
    try:
        document: object = json.loads(body)
    except UnicodeDecodeError:
        raise GraphiteError("the body is no JSON: it is not UTF-8 text") from None
    except RecursionError:
        raise GraphiteError("the body is no JSON that can be read: it is nested too deeply") from None
    except ValueError as error:
        raise GraphiteError(f"the body is no JSON: {error}") from None
    return document


def _json_pairs(body: bytes) -> list[tuple[str, str]]:
    document = read_json(body or b"{}")
    if not isinstance(document, dict):
        raise GraphiteError('the body must be a JSON object such as {"target": ["a.b"]}')
    pairs = []
    for name, value in document.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, list | dict):
                raise GraphiteError(f"{name[:100]!r} must be text, a number or a list of these")
            pairs.append((_whole(name), _whole(one) if isinstance(one, str) else json.dumps(one)))
    if len(pairs) > MAX_FIELDS:
        raise GraphiteError(f"the body has {len(pairs)} parameters: {MAX_FIELDS} are allowed")
    return pairs


def _whole(text: str) -> str:
    """*text* with halves of surrogate pairs, which JSON can spell, replaced: nothing could write them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
