"""Which series there are of a host."""

from __future__ import annotations

from saltern.metric_segment import owner
from saltern_web.api.client import Api

ROOT = "saltern"
MAX_DEPTH = 8
"""Segments below a host's own."""
MAX_NAMES = 5000


def place_of(minion: str) -> str:
    """Return where the series of *minion* are."""
    return f"{ROOT}.{owner(minion)}"


async def names_of(api: Api, minion: str) -> list[str]:
    """Return the names of its series, below its place, sorted; the first :data:`MAX_NAMES`. Raises as the API does."""
    place = place_of(minion)
    asked = [f"{place}{'.*' * depth}" for depth in range(1, MAX_DEPTH + 1)]
    told = await api.json("POST", "/metrics/expand", data={"query": asked, "leavesOnly": "1"})
    results = told.get("results", ()) if isinstance(told, dict) else ()
    found = (str(name).removeprefix(f"{place}.") for name in results)
    return sorted(found)[:MAX_NAMES]
