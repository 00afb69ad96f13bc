"""``json``: one document, four columns a level, for programs.

It is JSON by the standard whatever the value: not-a-number and the infinities are ``null``, bytes are text, and
what ``saltern.visible`` hides is escaped.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from saltern.output.look import Look
from saltern.output.text import text_of
from saltern.plain import Plain
from saltern.visible import HIDDEN

DEFAULT_INDENT = 4


def render(value: Any, look: Look) -> str:
    """Return *value* as a JSON document; a negative indent makes it one line."""
    indent = DEFAULT_INDENT if look.indent is None else look.indent
    return _document(value, None if indent < 0 else indent)


def one_line(value: Any) -> str:
    """Return *value* as a JSON document of one line."""
    return _document(value, None)


def _document(value: Any, indent: int | None) -> str:
    text = json.dumps(_standard(Plain().of(value)), indent=indent, ensure_ascii=False, allow_nan=False)
    return HIDDEN.sub(_escape, text)  # they stand only inside strings


def _escape(match: re.Match[str]) -> str:
    return json.dumps(match.group())[1:-1]


def _standard(value: Any) -> Any:
    """Return a plain value as what JSON has; numbers as keys are left to ``json``, which makes them texts."""
    if isinstance(value, dict):
        return {_key(key): _standard(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_standard(member) for member in value]
    if isinstance(value, bytes):
        return text_of(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _key(key: Any) -> Any:
    if isinstance(key, bytes):
        return text_of(key)
    return str(key) if isinstance(key, float) and not math.isfinite(key) else key
