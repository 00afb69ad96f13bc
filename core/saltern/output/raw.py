"""``raw``: the value as Python writes it."""

from __future__ import annotations

from typing import Any

from saltern.output.text import safe_lines
from saltern.plain import Plain


def render(value: Any, color: bool) -> str:
    """Return ``repr(value)``, or the text itself when it is one; *color* is ignored."""
    plain = Plain().of(value)
    return "\n".join(safe_lines(plain)) if isinstance(plain, str) else repr(plain)
