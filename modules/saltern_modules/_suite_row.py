"""What one test came to, as ``suite.run`` tells it."""

from __future__ import annotations

from typing import Any

PASSED, FAILED, ERROR, SKIPPED = OUTCOMES = ("passed", "failed", "error", "skipped")
"""``error``: the test itself could not be run, or broke; ``failed``: it ran, and what it asks for isn't so."""

BAD = frozenset((FAILED, ERROR))
MAX_NAME_CHARACTERS = 300
MAX_MESSAGE_CHARACTERS = 2000

Row = dict[str, Any]
"""``outcome``, and when they are known ``seconds`` (float) and ``message`` (text)."""


def row(outcome: str, seconds: float | None = None, message: str = "") -> Row:
    """Return a test's row; a long message keeps its end, where a traceback says what it is about."""
    made: Row = {"outcome": outcome}
    if seconds is not None:
        made["seconds"] = round(float(seconds), 4)
    message = message.strip()
    if message:
        cut = len(message) > MAX_MESSAGE_CHARACTERS
        made["message"] = f"… {message[-MAX_MESSAGE_CHARACTERS:]}" if cut else message
    return made


def named(name: str, taken: object = ()) -> str:
    """Return *name* as a test's: one line, not empty, unlike those *taken*."""
    line = " ".join(name.split())[:MAX_NAME_CHARACTERS] or "(unnamed)"
    if not isinstance(taken, (dict, set, frozenset)) or line not in taken:
        return line
    number = 2
    while f"{line} ({number})" in taken:
        number += 1
    return f"{line} ({number})"
