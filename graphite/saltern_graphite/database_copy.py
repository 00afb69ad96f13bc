"""Reading an SQLite file that must not be touched, by copying it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from urllib.parse import quote

ATTEMPTS = 5
"""How often a file that is written to meanwhile is copied before it is taken as it is."""


def copy_into(path: str, target: sqlite3.Connection) -> None:
    """Copy the database at *path* into *target* without a byte written beside it.

    What its write-ahead log holds counts; SQLite would make files to read that, so it gets copies to do it with.
    Raises ``OSError`` and ``sqlite3.Error``.
    """
    wal = f"{path}-wal"
    if not os.path.exists(wal) or not os.path.getsize(wal):
        _back_up(f"file:{quote(os.path.abspath(path))}?mode=ro&immutable=1", target)
        return
    with tempfile.TemporaryDirectory(prefix="saltern-") as folder:
        copied = os.path.join(folder, "copy.sqlite")
        for _ in range(ATTEMPTS):
            before = os.stat(path)
            shutil.copyfile(wal, f"{copied}-wal")
            shutil.copyfile(path, copied)
            if os.stat(path).st_mtime_ns == before.st_mtime_ns:  # no checkpoint meanwhile: the two fit together
                break
        _back_up(f"file:{quote(copied)}", target)


def _back_up(uri: str, target: sqlite3.Connection) -> None:
    source = sqlite3.connect(uri, uri=True)
    try:
        source.backup(target)
    finally:
        source.close()
