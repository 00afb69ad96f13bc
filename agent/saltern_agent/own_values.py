"""What several are given is each one's own: its functions may change it."""

from __future__ import annotations

from copy import deepcopy
from typing import TypeVar

Value = TypeVar("Value")

_HOLDERS = (list, dict)


def own(given: Value) -> Value:
    """Return *given*, or a copy when something in it can be changed; a list or map of mere values is kept as it is.

    For arguments, which are laid out for each call.
    """
    if not given:
        return given
    values = given.values() if isinstance(given, dict) else given if isinstance(given, list) else ()
    return deepcopy(given) if any(isinstance(value, _HOLDERS) for value in values) else given
