"""What is asked of the module ``system``, and what it refuses to set."""

from __future__ import annotations

import re
from typing import Any

from scenario import Scenario, kw


def kept(fun: str, value: Any) -> Any:
    """Mask what time it is."""
    if fun.startswith("system.get_system") and isinstance(value, str):
        return re.sub(r"[A-Z][a-z]{2}", "Day", re.sub(r"AM|PM", "xM", re.sub(r"\d", "9", value)))
    return value


OFFSETS = ("+0000", "-0530", "0100", "", "+0x", "+00", "+000000", "x+0000")
SCENARIOS = {
    "times": Scenario(
        tree=False,
        calls=(
            *((f"system.get_system_{what}",) for what in ("time", "date", "date_time")),
            *((f"system.get_system_{what}", offset) for what in ("time", "date", "date_time") for offset in OFFSETS),
            ("system.get_system_time", kw(utc_offset=None)),
            *(("system.set_system_date", text) for text in ("x", "", "2026-13-01", "13-13-13", "2026-1-1-1", "1/1")),
            *(("system.set_system_time", text) for text in ("x", "", "25:00", "12:60", "11:11:11:11", "13:00 PM")),
            ("system.set_system_time", "11:00", "+x"),
            ("system.set_system_date", "2026-01-01", "+x"),
        ),
    ),
}

DIFFERENT: dict[str, str] = {}
