"""``salt.output.nested``."""

from __future__ import annotations

from typing import Any

from saltern_compat.output import out_format

__opts__: dict[str, Any] = {}


def output(ret: Any, **kwargs: Any) -> str:
    """Return *ret* as keys and values, one below the other."""
    return out_format(ret, "nested")
