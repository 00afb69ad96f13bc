"""What can still be read of a damaged file of the tag index."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from urllib.parse import quote

from saltern_graphite.rules.metric_name import BadName, canonical

_ORDERS = ("id", "id DESC", "path", "path DESC")
"""Ways through the table, and through its index: each gets up to the first place that is broken."""


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
