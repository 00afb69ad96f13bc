"""Bytes that a disk gives back wrong."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Iterator

from chaos.faults.kind import everybody, kind
from chaos.stack import Stack

FLIPPED_BYTES = 8
SUFFIXES = ".seg", ".log", ".wal"


@kind("flip", on="bytes", targets=everybody, seconds=(0.0, 0.0))
def flip(stack: Stack, target: str, choice: random.Random) -> Iterator[None]:
    """Eight random bytes somewhere in one of the files of what waits: mostly the newest, which isn't read yet."""
    with contextlib.suppress(OSError):
        files = sorted(path for path in stack.queue(target).iterdir() if path.suffix in SUFFIXES)
        sizes = {path: path.stat().st_size for path in files}
        files = [path for path in files if sizes[path] > FLIPPED_BYTES]
        if files:
            path = files[-1] if choice.random() < 0.7 else choice.choice(files)
            last = sizes[path] - FLIPPED_BYTES
            # Near the end is what nobody has read yet.
            at = choice.randint(0, last) if choice.random() < 0.5 else max(0, last - choice.randint(0, 4096))
            fd = os.open(path, os.O_WRONLY)
            try:
                os.pwrite(fd, choice.randbytes(FLIPPED_BYTES), at)
            finally:
                os.close(fd)
    yield
