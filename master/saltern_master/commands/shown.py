"""How answers show what programs count in."""

from __future__ import annotations

import time


def local_time(seconds: float) -> str:
    """Return a time in epoch *seconds* as this host's clock shows it, ``2026-01-31 12:00:00``."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
