"""What a pie chart makes of each series: ``pieMode``. No target can call these; ``/functions?type=pie`` has them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PIE_MODES: Mapping[str, str] = MappingProxyType(
    {
        "average": "The mean of the series' values.",
        "maximum": "The greatest of the series' values.",
        "minimum": "The least of the series' values.",
    }
)
"""Each mode and what it takes of a series."""


def described(name: str) -> dict[str, object]:
    """The mode *name* in the shape of graphite-web's ``/functions?type=pie``; ``KeyError`` if there is none."""
    return {
        "name": name,
        "function": f"{name}(series)",
        "description": PIE_MODES[name],
        "module": "graphite.render.functions",
        "group": "Pie",
        "params": [{"name": "series", "type": "series", "required": True}],
    }


def all_described(*, grouped: bool = False, group: str | None = None) -> dict[str, object]:
    """All modes by name, or by group and name; none when *group* is another than ``Pie``."""
    modes: dict[str, object] = {name: described(name) for name in PIE_MODES if group in (None, "Pie")}
    return {"Pie": modes} if grouped and modes else modes
