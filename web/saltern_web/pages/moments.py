"""Days and times that readers type: a script sends them in UTC, and who has none is asked for UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def moment_of(text: str) -> datetime | None:
    """Return the instant that *text* says, as ``2026-11-28T19:44Z`` or ``2026-11-28``; ``None``: it says none."""
    if text[4:5] != "-":  # what else Python takes for a day, as 20261128, may be meant as seconds
        return None
    try:
        said = datetime.fromisoformat(text)
        return (said if said.tzinfo is not None else said.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
