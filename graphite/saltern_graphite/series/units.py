"""Numbers with a unit's prefix, as people read them: 1.5 k, 3.2 Gi, 4 m(inutes)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

Units = tuple[tuple[str, float], ...]
"""Prefixes and what they stand for, the largest first."""

_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86400
_MONTH_S = 30 * _DAY_S
_YEAR_S = 365 * _DAY_S
_TIMES: Units = (("Y", _YEAR_S), ("M", _MONTH_S), ("D", _DAY_S), ("H", _HOUR_S), ("m", _MINUTE_S))

UNIT_SYSTEMS: Mapping[str, Units] = MappingProxyType(
    {
        "si": (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)),
        "binary": (("Pi", 2.0**50), ("Ti", 2.0**40), ("Gi", 2.0**30), ("Mi", 2.0**20), ("Ki", 2.0**10)),
        "sec": _TIMES,
        "msec": (*((prefix, 1000.0 * size) for prefix, size in _TIMES), ("s", 1000.0)),
        "none": (),
    }
)
"""Graphite's unit systems, by the names that ``yUnitSystem``, ``cactiStyle`` and ``legendValue`` take."""


def prefixed(value: float, system: str) -> tuple[float, str]:
    """*value* in the largest unit of *system* that it reaches, and that unit's prefix (empty for none)."""
    return next(((value / size, prefix) for prefix, size in UNIT_SYSTEMS[system] if abs(value) >= size), (value, ""))
