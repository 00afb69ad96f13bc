"""Text that is safe to show: bytes as text, control characters struck out."""

from __future__ import annotations

_CONTROLS = {code: "?" for code in (*range(0x20), *range(0x7F, 0xA0)) if code != 0x09}
"""C0 and C1 but the tab: with them, a value could write a terminal's commands. ``?`` is what Salt shows for ESC."""


def text_of(value: str | bytes) -> str:
    """Return *value* as text; bytes that are not UTF-8 appear as ``\\xff``."""
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value


def safe(text: str) -> str:
    """Return *text* with every control character but the tab, newlines too, replaced by ``?``."""
    return text.translate(_CONTROLS)


def safe_lines(value: str | bytes) -> list[str]:
    """Return the lines of a text, each safe to show."""
    return [safe(line) for line in text_of(value).splitlines()]
