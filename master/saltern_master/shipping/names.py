"""Metric names: ``metric_pattern`` filled in, and the leaves of a return as dotted paths below it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from saltern.errors import ConfigError
from saltern.metric_segment import RESERVED_IDS, clean, owner

PLACEHOLDERS = ("minion_id", "module", "function", "schedule")
MAX_DEPTH = 32
MAX_PREFIX_CHARS = 800
"""Of what leaves go below: a return's few long keys would be in each of its names."""
MAX_POINTS = 100_000
MAX_SKIPPED_NAMED = 200

ROOT, ACCOUNTS = "saltern", "schedule"
"""The segments below which the master writes: of everything it writes, and of a minion's account."""

_PLACEHOLDER = re.compile(r"\[([^\]]*)\]")


class Pattern:
    """A checked ``metric_pattern``."""

    def __init__(self, pattern: str) -> None:
        """Raises ``ConfigError`` for an unknown placeholder or an empty segment."""
        for name in _PLACEHOLDER.findall(pattern):
            if name not in PLACEHOLDERS:
                raise ConfigError(
                    f"metric_pattern: [{name}] is not known: use {', '.join(f'[{p}]' for p in PLACEHOLDERS)}"
                )
        if not pattern or any(not segment for segment in pattern.split(".")) or "/" in pattern:
            raise ConfigError(
                f"metric_pattern: {pattern!r} has an empty segment: write it as saltern.[minion_id].[module]"
            )
        if any(masters_own(pattern, (f"{pattern}.x",))):
            raise ConfigError(f"metric_pattern: {pattern!r} is where the master writes its own: choose another place")
        self._pattern = pattern

    def prefix(self, minion_id: str, fun: str, schedule: str = "") -> str:
        """Return the name that a return's leaves go below."""
        module, _, function = fun.partition(".")
        values = {
            "minion_id": owner(minion_id),
            "module": clean(module),
            "function": clean(function),
            "schedule": clean(schedule or fun),
        }
        return _PLACEHOLDER.sub(lambda match: values[match.group(1)], self._pattern)


def masters_own(prefix: str, names: Iterable[str]) -> list[str]:
    """Return those of *names*, all below *prefix*, that only the master writes: its own, and minions' accounts.

    They are ``saltern.master.…`` and ``saltern.<minion>.schedule.…``, in any case: not every store tells it.
    """
    if prefix.partition(".")[0].lower() != ROOT:
        return []
    if prefix.count(".") >= 2:
        return list(names) if _is_masters(prefix) else []
    return [name for name in names if _is_masters(name)]


def _is_masters(name: str) -> bool:
    _, owner_, *below = name.lower().split(".", 3)
    return owner_ in RESERVED_IDS or below[:1] == [ACCOUNTS]


class Flat(NamedTuple):
    """A flattened return: metric names to values, and the leaves that are no numbers (path, what it is)."""

    values: dict[str, float]
    skipped: list[tuple[str, str]]
    skipped_count: int


def flatten(prefix: str, fun: str, value: Any) -> Flat:
    """Return the numbers in *value* by name. A bare number goes by the function's name."""
    flat = Flat({}, [], 0)
    if not isinstance(value, Mapping):
        value = {fun.partition(".")[2] or fun: value}
    skipped = _walk(value, prefix, 0, flat)
    return flat._replace(skipped_count=skipped)


def _walk(node: Mapping[Any, Any], prefix: str, depth: int, flat: Flat) -> int:
    skipped = 0
    for key, value in node.items():
        kind = type(value)
        if kind is float or kind is int or kind is bool:
            # The common case first; a key that is clean already costs no substitution.
            if value - value == 0 and len(flat.values) < MAX_POINTS and -1e308 < value < 1e308:
                flat.values[f"{prefix}.{clean(key)}"] = float(value)
                continue
            what = "not finite" if kind is float and not math.isfinite(value) else "too large or too many"
        elif kind is dict:
            if depth < MAX_DEPTH and len(prefix) < MAX_PREFIX_CHARS:
                skipped += _walk(value, f"{prefix}.{clean(key)}", depth + 1, flat)
                continue
            what = "nested too deeply"
        else:
            what = (
                "empty"
                if value is None
                else {"str": "text", "list": "a list", "bytes": "bytes"}.get(kind.__name__, kind.__name__)
            )
        skipped += 1
        if len(flat.skipped) < MAX_SKIPPED_NAMED:
            flat.skipped.append((f"{prefix}.{clean(key)}", what))
    return skipped
