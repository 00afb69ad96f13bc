"""``salt.utils.atomicfile``: files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from saltern_compat.utils.files import mkstemp, safe_rm


@contextmanager
def atomic_open(filename: str, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a new file that takes the place of *filename* when the block is over. Raises ``OSError``."""
    made = str(mkstemp(prefix=".___atomic_write", dir=os.path.dirname(filename) or os.curdir))
    try:
        with open(made, mode, encoding=None if "b" in mode else "utf-8") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if os.path.isfile(filename):
            known = os.stat(filename)
            os.chown(made, known.st_uid, known.st_gid)
            os.chmod(made, known.st_mode)
        os.replace(made, filename)
    except BaseException:
        safe_rm(made)
        raise
