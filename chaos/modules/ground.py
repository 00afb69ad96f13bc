"""What a minion is about to return, written first to where no fault reaches.

Two files for each minion in *folder*: ``<id>.samples`` with a line ``number jid monotonic`` for each scheduled sample,
``<id>.jobs`` with a line ``jid number monotonic`` for each job; *monotonic* is seconds of a clock that nothing steps. A
line is on the disk before the function returns.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Mapping
from typing import Any

__opts__: Mapping[str, Any]

__powers__ = {"sample": "writes", "echo": "writes"}

TAIL_BYTES = 200
"""More than the last line is long."""


def sample(folder: str) -> dict[str, int]:
    """Return numbers that follow from how often this was called on this minion.

    CLI Example:

    .. code-block:: bash

        saltern '*' ground.sample /tmp/truth
    """
    fd = os.open(os.path.join(folder, f"{__opts__['id']}.samples"), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        end = os.fstat(fd).st_size
        last = os.pread(fd, TAIL_BYTES, max(0, end - TAIL_BYTES)).split(b"\n")[-2:-1]
        number = int(last[0].split()[0]) + 1 if last else 1
        jid = __opts__["__agent__"].current_job()["jid"]
        os.write(fd, f"{number} {jid} {time.monotonic():.6f}\n".encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    return {"value": number, "total": number % 7, "peak": number * 31 % 101, "low": number * 17 % 103, "latest": number}


def echo(folder: str, number: int, size: int) -> str:
    """Return a text of *size* characters that begins with *number*.

    CLI Example:

    .. code-block:: bash

        saltern '*' ground.echo /tmp/truth 1 100
    """
    jid = __opts__["__agent__"].current_job()["jid"]
    fd = os.open(os.path.join(folder, f"{__opts__['id']}.jobs"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, f"{jid} {number} {time.monotonic():.6f}\n".encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    return f"{number}:".ljust(size, "x")
