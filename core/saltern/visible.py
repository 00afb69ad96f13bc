"""Text that is safe to show: what steers a terminal, or reorders or hides text, appears as an escape.

Hosts, and whoever owns them, write much of what we show: returns, names, faults. With ESC in it a text could move
the cursor, set a window's title or answer for the one who types; with U+202E it could read backwards. These become
what Python would write for them, ``\\x1b`` and ``\\u202e``; a tab and every letter and sign stay as they are.
"""

from __future__ import annotations

import re
from itertools import islice

HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and newline, DEL, C1
    "\xad\u180e\u200b\u2060-\u2064\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # of no width: one name looks as another
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # direction of writing
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff"  # halves of a character, which no encoding takes
    "]"
)
"""One character that must not be shown as it is, newline aside. U+200C and U+200D, also of no width, spell words."""


MEMBERS_SHOWN = 4
"""Of a list or map in a message."""


def visible(text: str) -> str:
    """Return *text* as one line."""
    if text.isprintable():
        return text
    return HIDDEN.sub(escape, text).replace("\n", "\\n")


def visible_lines(text: str) -> list[str]:
    """Return the lines of *text*, each safe to show; lines end with ``\\n`` or ``\\r\\n``."""
    if text.isprintable():
        return [text] if text else []
    return HIDDEN.sub(escape, text.replace("\r\n", "\n")).removesuffix("\n").split("\n")


def escape(match: re.Match[str]) -> str:
    """Return what Python, and YAML in double quotes, write for the one character of *match*."""
    character = match.group()
    return "\\r" if character == "\r" else character.encode("unicode_escape").decode()


def shown(value: object, longest: int, levels: int = 2) -> str:
    """Return about what ``repr`` begins with, at most *longest* characters; the cost doesn't grow with *value*."""
    if isinstance(value, (str, bytes)):
        value = value[:longest]
    if not isinstance(value, (list, tuple, dict)):
        return f"{value!r:.{longest}}"
    few = MEMBERS_SHOWN if levels else 0
    if isinstance(value, dict):
        pairs = islice(value.items(), few)
        parts = [f"{shown(k, longest, levels - 1)}: {shown(v, longest, levels - 1)}" for k, v in pairs]
    else:
        parts = [shown(member, longest, levels - 1) for member in islice(value, few)]
    if len(parts) < len(value):
        parts.append("…")
    text = ", ".join(parts)
    return (f"{{{text}}}" if isinstance(value, dict) else f"[{text}]")[:longest]
