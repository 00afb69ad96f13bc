"""Lines of a file of the host, as those who read it count them."""

from __future__ import annotations


def ended(text: str) -> list[str]:
    """Return the lines of *text*, each with the ``\\n`` that ends it; no other character ends one."""
    *lines, rest = text.split("\n")
    return [f"{line}\n" for line in lines] + ([rest] if rest else [])
