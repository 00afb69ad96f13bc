"""``quiet``: nothing; the exit code says it all."""

from __future__ import annotations

from typing import Any

from saltern.output.look import Look


def render(value: Any, look: Look) -> str:
    """Return an empty text."""
    return ""
