"""A clock that nobody sets, and the run of the machine that it belongs to."""

from __future__ import annotations

import time

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady_s() -> float:
    """Return the seconds of a clock that is never set, and that runs on while the machine sleeps where it can.

    All programs of one run of the machine see the same.
    """
    return time.clock_gettime(_STEADY)


def boot_id() -> str:
    """Return what names this run of the machine; ``""`` where that can't be known."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
            return stream.read(100).strip()
    except (OSError, ValueError):
        return ""
