"""``salt.utils.stringutils``: text and bytes."""

from __future__ import annotations


def to_str(s: str | bytes, encoding: str | None = None, errors: str = "strict", normalize: bool = False) -> str:
    """Return *s* as text."""
    return s if isinstance(s, str) else bytes(s).decode(encoding or "utf-8", errors)


to_unicode = to_str


def to_bytes(s: str | bytes, encoding: str | None = None, errors: str = "strict") -> bytes:
    """Return *s* as bytes."""
    return s.encode(encoding or "utf-8", errors) if isinstance(s, str) else bytes(s)
