"""Waiting until a reader of the journal has stored what is in it."""

from __future__ import annotations

import time

from saltern_master.journal import Reader

LOOK_S = 0.01


def catch_up(reader: Reader, within_s: float) -> bool:
    """Wait in a thread until what was journalled before this call is stored; return whether it is, *within_s*."""
    until = time.monotonic() + within_s
    end = reader.end()
    while reader.committed < end and reader.behind():
        if time.monotonic() >= until:
            return False
        time.sleep(LOOK_S)
    return True
