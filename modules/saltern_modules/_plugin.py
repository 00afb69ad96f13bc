"""What the modules of plugins share: parameters in, a status and data out (docs/plugins.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import ArgumentError

OK, WARNING, ERROR, UNKNOWN = "ok", "warning", "error", "unknown"
LEVELS = {OK: 0, WARNING: 1, ERROR: 2, UNKNOWN: 3}
"""A status as a number, for metrics and alerts."""
MAX_ROWS = 100


def given(function: str, value: Any) -> dict[str, Any]:
    """Return the parameters or the configuration of a plugin, JSON as a text or as a map; nothing is an empty one.

    Raises ``ArgumentError``.
    """
    if isinstance(value, str) and value:
        import json

        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = 0
    if not value and not isinstance(value, int):
        return {}
    if not isinstance(value, Mapping):
        raise ArgumentError(f"{function}: parameters and configuration must be maps, or JSON of one")
    return dict(value)


def rows(function: str, parameters: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the rows of the member *name*, up to 100 maps. Raises ``ArgumentError``."""
    found = parameters.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found) or len(found) > MAX_ROWS:
        raise ArgumentError(f"{function}: {name} must be a list of up to {MAX_ROWS} maps")
    return [dict(one) for one in found]


def chosen(function: str, parameters: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    """Return which of *choices* the member *name* has in a field of its own name. Raises ``ArgumentError``."""
    member = parameters.get(name)
    value = member.get(name) if isinstance(member, Mapping) else member
    if value not in choices:
        raise ArgumentError(f"{function}: {name} must be {', '.join(choices)}, not {value!r:.60}")
    return str(value)


def answer(status: str, data: Any, version: str) -> dict[str, Any]:
    """Return a plugin's answer: ``{"status": "ok", "level": 0, "data": …, "version": "1.0"}``."""
    return {"status": status, "level": LEVELS[status], "data": data, "version": version}
