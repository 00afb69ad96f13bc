"""``json``: one document, four columns a level, for programs.

It is JSON by the standard whatever the value: not-a-number and the infinities are ``null``, bytes are text, and
surrogates and control characters are escaped.
"""

from __future__ import annotations

import json
import math
from typing import Any

from saltern.output.text import text_of
from saltern.plain import Plain

_ESCAPES = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}  # they stand only inside strings


def render(value: Any, color: bool) -> str:
    """Return *value* as a JSON document; *color* is ignored."""
    text = json.dumps(_standard(Plain().of(value)), indent=4, ensure_ascii=False, allow_nan=False)
    return text.translate(_ESCAPES).encode(errors="backslashreplace").decode()


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
