"""What returners that write a return down write of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.secret import MASK


def masked_options(ret: dict[str, Any]) -> dict[str, Any]:
    """Return *ret* with ``***`` for the values of ``ret_kwargs``: they may be another returner's secrets."""
    options = ret.get("ret_kwargs")
    return {**ret, "ret_kwargs": dict.fromkeys(options, MASK)} if isinstance(options, Mapping) else ret
