"""What every maker's graphics processors say of themselves."""

from __future__ import annotations

from saltern_modules.collectors.base import gauge

CARD = {
    "*.percent": gauge("%", "time in which it was busy"),
    "*.memory_busy_percent": gauge("%", "time in which its memory was busy"),
    "*.memory_used_bytes": gauge("B", "its own memory in use"),
    "*.memory_total_bytes": gauge("B", "its own memory"),
    "*.memory_percent": gauge("%", "its own memory in use, of all"),
    "*.temperature": gauge("°C", "its temperature"),
    "*.power_watts": gauge("W", "the power that it takes"),
}
"""Numbers of one of them, ``*``."""
