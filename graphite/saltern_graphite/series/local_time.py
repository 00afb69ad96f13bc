"""What clocks show at a series' times."""

from __future__ import annotations

from datetime import datetime, tzinfo

from saltern.errors import FunctionError


def local_time(epoch: float, zone: tzinfo) -> datetime:
    """Return the date and time of *epoch*, in seconds, in *zone*. ``FunctionError`` outside of the years 1 to 9999."""
    try:
        return datetime.fromtimestamp(epoch, zone)
    except (ValueError, OverflowError, OSError):
        raise FunctionError(f"times must be within the years 1 to 9999, not {epoch:.0f} seconds") from None
