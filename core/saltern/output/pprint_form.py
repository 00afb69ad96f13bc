"""``pprint``: the value as Python writes it, over lines of 80 columns, keys sorted."""

from __future__ import annotations

import pprint
from typing import Any

from saltern.output.look import Look
from saltern.plain import Plain
from saltern.visible import visible


def render(value: Any, look: Look) -> str:
    """Return what ``pprint`` makes of *value*; its indent is one column, or what was asked for."""
    indent = 1 if look.indent is None or look.indent < 0 else look.indent
    text = pprint.pformat(Plain().of(value), indent=indent)
    return "\n".join(visible(line) for line in text.split("\n"))
