"""A host that is used: programs that sleep and connections that idle, for whoever counts them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from support.programs import folder, running, wait_for

UP_WITHIN_S = 120.0
KEEPER = Path(__file__).with_name("crowd_keeper.py")


@contextlib.contextmanager
def crowd(processes: int, sockets: int) -> Iterator[None]:
    """Have so many more processes, and established TCP sockets on loopback, until the block ends."""
    with folder("crowd") as root:
        ready = root / "ready"
        argv = [sys.executable, "-P", str(KEEPER), str(processes), str(sockets), str(ready)]
        with running(argv, root / "log") as keeper:
            wait_for("the crowd", lambda: ready.exists() or keeper.poll() is not None, UP_WITHIN_S)
            if keeper.poll() is not None:
                raise RuntimeError(f"the crowd did not come: {(root / 'log').read_text().strip()}")
            yield


def count() -> str:
    """Return in words how many of both this host has."""
    tables = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6")]
    sockets = sum(len(table.read_text().splitlines()) - 1 for table in tables if table.exists())
    return f"{sum(name.isdigit() for name in os.listdir('/proc'))} processes, {sockets} TCP sockets"
