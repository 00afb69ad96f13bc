"""``salt.utils.files``: opening files."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any


def fopen(path: Any, mode: str = "r", **kwargs: Any) -> IO[Any]:
    """Open a file; text is UTF-8."""
    return open(path, mode, **kwargs if "b" in mode else {"encoding": "utf-8", **kwargs})


@contextmanager
def flopen(path: Any, mode: str = "r", **kwargs: Any) -> Iterator[IO[Any]]:
    """Open a file and hold its lock until it is closed."""
    with fopen(path, mode, **kwargs) as stream:
        fcntl.flock(stream.fileno(), fcntl.LOCK_SH if mode.startswith("r") and "+" not in mode else fcntl.LOCK_EX)
        yield stream
