"""Damaged files of the tag index: told from sound ones, set aside, and what can still be read of them."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from urllib.parse import quote

from saltern_graphite.metric_name import BadName, canonical

_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
_ORDERS = ("id", "id DESC", "path", "path DESC")
"""Ways through the table, and through its index: each gets up to the first place that is broken."""


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


def salvaged(path: str) -> Iterator[str]:
    """Yield the series that the damaged index *path* still tells, some more than once."""
    try:
        connection = sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True)
    except sqlite3.Error:
        return
    with contextlib.closing(connection):
        for order in _ORDERS:
            try:
                for (name,) in connection.execute(f"SELECT path FROM series ORDER BY {order}"):  # noqa: S608
                    if _is_name(name):
                        yield name
            except sqlite3.Error:
                continue
            return  # one way led from end to end


def _is_name(text: object) -> bool:
    try:
        return isinstance(text, str) and canonical(text) == text
    except BadName:
        return False
