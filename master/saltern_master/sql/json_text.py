r"""Values as JSON that a column takes, in the nearest true form.

Bytes are their text, with ``\xff`` where they are none; numbers that JSON doesn't have are texts (``"NaN"``,
``"Infinity"``). What a column can't hold is written as an escape:

=====================  ==============================================================================================
column                 what it doesn't take
=====================  ==============================================================================================
text, UTF-8            lone surrogates: ``\udc80``, an escape of JSON's that reads as the same
MySQL's ``utf8``       also what is beyond U+FFFF: a pair of such escapes
any other character    also all that is beyond ASCII: such escapes
set
``jsonb``              NUL and lone surrogates at all: the six characters ``\u0000``, ``\udc80``, as text
=====================  ==============================================================================================
"""

from __future__ import annotations

import json
import math
import re
from enum import Enum
from typing import Any

from saltern.plain import Plain


class Column(Enum):
    """What a column takes."""

    UTF8 = "utf8"
    THREE_BYTES = "utf8mb3"
    ASCII = "ascii"
    JSONB = "jsonb"


_SURROGATE = re.compile("[\ud800-\udfff]")
_FAR = re.compile("[\ud800-\udfff\U00010000-\U0010ffff]")
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def json_text(value: Any, column: Column = Column.UTF8) -> str:
    """Return *value* as JSON for such a column; never raises for what crossed the wire."""
    encoder = _ASCII if column is Column.ASCII else _ENCODER
    try:
        text = encoder.encode(value)
    except (TypeError, ValueError, RecursionError):  # keys and numbers that JSON doesn't have, cycles
        text = encoder.encode(_jsonable(Plain().of(value)))
    if column is Column.UTF8:
        return _SURROGATE.sub(_escape, text)
    if column is Column.THREE_BYTES:
        return _FAR.sub(_escape, text)
    if column is Column.JSONB:
        return _SURROGATE.sub(lambda found: "\\" + _escape(found), _NUL.sub(r"\1\\\\u0000", text))
    return text


def plain_text(text: str) -> str:
    """Return *text* as any column takes it: without NUL, and without lone surrogates."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def _escape(found: re.Match[str]) -> str:
    return json.dumps(found.group())[1:-1]


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _jsonable(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_jsonable(member) for member in value]
    return _number(value) if isinstance(value, float) else value


def _key(key: Any) -> Any:
    if isinstance(key, bytes):
        return _bytes(key)
    return str(_number(key)) if isinstance(key, float) else key


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _bytes(value: object) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else repr(value)


_ENCODER = json.JSONEncoder(default=_bytes, ensure_ascii=False, allow_nan=False)
_ASCII = json.JSONEncoder(default=_bytes, allow_nan=False)
