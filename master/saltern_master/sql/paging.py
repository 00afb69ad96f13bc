"""Some rows of a table of returns, in the order of their jobs, within a bound of bytes: whatever they hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, tuple_


def page(
    connection: Connection,
    table: Any,
    wanted: Sequence[Any],
    shown: Sequence[Any],
    size: Any,
    *,
    after: tuple[str, str] | None,
    offset: int,
    limit: int,
    max_bytes: int,
) -> tuple[list[Any], bool]:
    """Return the columns *shown* of rows of which all conditions *wanted* hold, and whether there are more.

    The latest jobs' are first. What the rows take is asked for, as *size*, before any is read: *max_bytes* at most,
    but one row at least. *after*: jid and id of the row behind which to begin.
    """
    c = table.c
    order = (c.jid.desc(), c.id.desc())
    query = select(c.jid, c.id, size).where(*wanted).order_by(*order).limit(limit + 1).offset(offset)
    if after is not None:
        query = query.where(tuple_(c.jid, c.id) < tuple_(*after))
    there = connection.execute(query).all()
    keys: list[tuple[str, str]] = []
    for jid, minion_id, bytes_ in there[:limit]:
        if keys and bytes_ > max_bytes:
            break
        max_bytes -= bytes_
        keys.append((jid, minion_id))
    if not keys:
        return [], False
    rows = connection.execute(select(*shown).where(tuple_(c.jid, c.id).in_(keys)).order_by(*order)).all()
    return list(rows), len(there) > len(keys)
