"""Ending a program and all that it started: politely first, so that what they have to tidy up is tidied up."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

LOOK_EVERY_S = 0.02


def end_group(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """End the process group that *process* leads: SIGTERM, and SIGKILL for what is left of it after *grace_s*."""
    signal_group(process.pid, signal.SIGTERM)
    until = time.monotonic() + grace_s
    while (process.poll() is None or group_lives(process.pid)) and time.monotonic() < until:
        time.sleep(LOOK_EVERY_S)
    signal_group(process.pid, signal.SIGKILL)
    process.wait()


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to all of the group that may get it from us."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def group_lives(leader: int) -> bool:
    """Return whether anybody is left of a group; a leader that ended is, until it was waited for."""
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
