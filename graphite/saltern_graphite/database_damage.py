"""SQLite files that are broken: told from sound ones, and set aside."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from urllib.parse import quote

_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")


def is_damage(error: BaseException | None) -> bool:
    """Whether *error* of SQLite means that the file is broken, rather than that it can't be used at present."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorname", "").startswith(_DAMAGED)


def damage_of(path: str) -> str:
    """Why the file *path* is no database; empty if it looks like one, or there is none, or it can't be told."""
    if not os.path.exists(path):
        return ""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        return str(error) if is_damage(error) else ""
    return ""


def set_aside(path: str) -> str:
    """Give the file *path*, which nobody has open, another name, and return it. ``OSError`` if that can't be."""
    aside = f"{path}.corrupt-{int(time.time())}"
    while os.path.exists(aside):  # the second of one second
        aside += "x"
    os.replace(path, aside)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.replace(path + suffix, aside + suffix)
    return aside
