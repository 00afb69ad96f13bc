"""``raw``: the value as Python writes it."""

from __future__ import annotations

from typing import Any

from saltern.output.look import Look
from saltern.plain import Plain
from saltern.visible import visible, visible_lines


def render(value: Any, look: Look) -> str:
    """Return ``repr(value)``, or the text itself when it is one."""
    plain = Plain().of(value)
    return "\n".join(visible_lines(plain)) if isinstance(plain, str) else visible(repr(plain))
