"""Writing files so that a reader, or a crash, never sees half of one."""

from __future__ import annotations

import contextlib
import os


def write_atomic(path: str, data: bytes, mode: int = 0o644) -> None:
    """Write *data* to *path* by way of a temporary name beside it. Raises ``OSError``; the old file then stays."""
    temporary = f"{path}.{os.getpid()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(data)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def write_private(path: str, data: bytes) -> None:
    """Write *data* to *path*, readable by its owner alone from the first moment on. Raises ``OSError``."""
    write_atomic(path, data, mode=0o600)
