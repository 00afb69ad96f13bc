"""``/etc/modules`` and what ``lsmod`` prints, as pure functions."""

from __future__ import annotations

import re
from typing import Any


def loaded(text: str) -> list[dict[str, Any]]:
    """Return the modules of ``lsmod``'s table."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > 2 and words[0] != "Module":
            deps = words[3].split(",") if len(words) > 3 else []
            found.append({"size": words[1], "module": words[0], "depcount": words[2], "deps": deps})
    return found


def listed(text: str) -> list[str]:
    """Return the names of the modules that a file lists, sorted."""
    lines = (line.strip() for line in text.splitlines())
    return sorted({line.split()[0] for line in lines if line and not line.startswith("#")})


def with_module(text: str, mod: str) -> str:
    """Return *text* with a line for *mod*: the one that was commented out, or one more."""
    commented = re.compile(rf"^#[\t ]*({re.escape(mod)})[\t ]*$", re.MULTILINE)
    if commented.search(text):
        return commented.sub(r"\1", text, count=1)
    return (text if not text or text.endswith("\n") else text + "\n") + mod + "\n"


def without_module(text: str, mod: str, *, comment: bool) -> str:
    """Return *text* without the lines of *mod*, or with them commented out."""
    line = re.compile(rf"^[\t ]*({re.escape(mod)}(?:[\t ].*)?)$", re.MULTILINE)
    if comment:
        return line.sub(r"#\1", text)
    return re.sub(line.pattern + r"\n?", "", text, flags=re.MULTILINE)
