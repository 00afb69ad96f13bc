"""What job stores in SQL share: their statements, whatever the database."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Column, Connection, Table, bindparam, delete, func, select

from saltern_master.jobs.query import Found, Page, Wanted
from saltern_master.jobs.store import JobLoad, JobReturn
from saltern_master.jobs.stores.tables import JobTables, job_row, return_row
from saltern_master.sql.paging import page

FREED_AT_ONCE = 0.1
"""The share of the bound that is freed when it is reached, so that it isn't reached again at once."""
STEP_ROWS = 500
"""Deleted in one transaction: nobody waits for a long one."""


class Share(NamedTuple):
    """Whose rows are whose: the columns of a table that name the principal, and the time that they go by."""

    table: Table
    whose: Column[str]
    when: Column[float]


_Whose = TypeVar("_Whose")
_Result = TypeVar("_Result")


class SqlJobStore:
    """See ``JobStore``. A subclass says how a transaction is done, and how much is over the bound.

    Over *max_bytes* the oldest go, of whoever has the most there, the returns of a minion or the jobs of a user: one
    that stores a lot pushes out nobody else's.
    """

    def __init__(self, tables: JobTables, max_bytes: int) -> None:
        self._tables = tables
        self._max_bytes = max_bytes
        returns, jids = tables.returns, tables.jids
        self._shares = (
            Share(returns, returns.c.id, returns.c.alter_time),
            Share(jids, jids.c.owner, jids.c.created),
        )
        self._load = (jids.c.jid, jids.c.created, jids.c.load)
        self.dropped = 0

    def done(self, what: str, work: Callable[[Connection], _Result], *, writes: bool) -> _Result:
        """Return what *work* does in a transaction; *what*, as in "can't be read", is said when it fails.

        Raises ``JournalError`` when trying again may help, ``RecordError`` when it won't.
        """
        raise NotImplementedError

    def over_bytes(self, written: int) -> int:
        """Return how many bytes there are over the bound, after *written* more; 0 where that needn't be known yet."""
        raise NotImplementedError

    def check(self, row: dict[str, Any]) -> None:
        """Raise ``RecordError`` for a row that can't be sent."""

    def insert_new(self, table: Table) -> Any:
        """Return the statement that inserts rows, and leaves those as they are that are there already."""
        raise NotImplementedError

    def put_jobs(self, jobs: Sequence[JobLoad]) -> None:
        """Store jobs. Raises ``JournalError``."""
        self._write(self._tables.jids, [job_row(job) for job in jobs])

    def put_returns(self, returns: Sequence[JobReturn]) -> None:
        """Store returns; one that is there already stays as it is. Raises ``JournalError``."""
        self._write(self._tables.returns, [return_row(item) for item in returns])

    def job(self, jid: str) -> JobLoad | None:
        """Return a job, or ``None``. Raises ``JournalError``."""
        return next(self._jobs(select(*self._load).where(self._tables.jids.c.jid == jid)), None)

    def returns(self, jid: str) -> list[JobReturn]:
        """Return a job's returns, by minion. Raises ``JournalError``."""
        return self._returns(jid, self._tables.returns.c.jid == jid)

    def some_returns(self, jid: str, minions: Sequence[str], max_bytes: int) -> list[JobReturn]:
        """Return what some *minions* returned to a job: the first *max_bytes* of it, but one at least.

        Raises ``JournalError``.
        """
        c = self._tables.returns.c
        wanted = (c.jid == jid) & c.id.in_(minions)
        chosen: list[str] = []
        for minion_id, size in self._read(select(c.id, c.bytes).where(wanted).order_by(c.id)):
            if chosen and size > max_bytes:
                break
            chosen.append(minion_id)
            max_bytes -= size
        return self._returns(jid, (c.jid == jid) & c.id.in_(chosen))

    def _returns(self, jid: str, wanted: Any) -> list[JobReturn]:
        c = self._tables.returns.c
        query = select(c.id, c.fun, c.success, c.alter_time, c.full_ret, c["return"]).where(wanted).order_by(c.id)
        found = []
        for minion_id, fun, success, received, data, returned in self._read(query):
            with contextlib.suppress(ValueError, TypeError):  # a damaged row costs itself
                whole = {**json.loads(data), "return": json.loads(returned)}
                found.append(JobReturn(jid, minion_id, fun, success, received, whole))
        return found

    def jobs(self, limit: int) -> list[JobLoad]:
        """Return the latest jobs, newest first. Raises ``JournalError``."""
        return list(self._jobs(select(*self._load).order_by(self._tables.jids.c.jid.desc()).limit(limit)))

    def jobs_between(self, first: str, before: str, limit: int, max_bytes: int) -> list[JobLoad]:
        """Return the latest jobs of a range of jids, newest first: the first *max_bytes* of them, but one at least.

        Raises ``JournalError``.
        """
        c = self._tables.jids.c
        sizes: dict[str, int] = {}
        between = (c.jid >= first) & (c.jid < before)
        for jid, size in self._read(select(c.jid, c.bytes).where(between).order_by(c.jid.desc()).limit(limit)):
            if sizes and size > max_bytes:
                break
            sizes[jid] = size
            max_bytes -= size
        if not sizes:
            return []
        between = (c.jid >= min(sizes)) & (c.jid < before)
        found = {job.jid: job for job in self._jobs(select(*self._load).where(between).order_by(c.jid.desc()))}
        # One that is damaged, or gone since, leaves its place, so that what is older is still come to.
        return [found.get(jid, JobLoad(jid, 0.0, {}))._replace(size=size) for jid, size in sizes.items()]

    def newest(self, before: float) -> float | None:
        """Return when the last of the jobs and returns from before an instant came. Raises ``JournalError``."""
        c = (self._tables.returns.c.alter_time, self._tables.jids.c.created)
        found = [self._read(select(func.max(when)).where(when < before))[0][0] for when in c]
        return max((at for at in found if at is not None), default=None)

    def purge(self, before: float) -> int:
        """Delete what is older than *before*, some at a time. Raises ``JournalError``."""
        return sum(self._purge(share, before) for share in self._shares)

    def query(self, wanted: Wanted) -> Page:
        """Return the returns that are *wanted*. Raises ``JournalError``."""
        c = self._tables.returns.c
        given = ((c.id, wanted.minion), (c.fun, wanted.fun), (c.jid, wanted.jid), (c.success, wanted.success))
        conditions = [column == value for column, value in given if value is not None]
        if wanted.since is not None:
            conditions.append(c.alter_time >= wanted.since)
        if wanted.until is not None:
            conditions.append(c.alter_time < wanted.until)
        shown = [c.jid, c.id, c.fun, c.success, c.alter_time, c["return"]]

        def work(connection: Connection) -> tuple[list[Any], bool]:
            bounds = {"offset": wanted.offset, "limit": wanted.limit, "max_bytes": wanted.max_bytes}
            return page(connection, self._tables.returns, conditions, shown, c.bytes, after=wanted.after, **bounds)

        rows, more = self.done("can't be read", work, writes=False)
        found = []
        for jid, minion_id, fun, success, received, returned in rows:
            with contextlib.suppress(ValueError, TypeError):  # a damaged row costs itself
                found.append(Found(jid, minion_id, fun, success, received, json.loads(returned)))
        return Page(found, more)

    def _jobs(self, query: Any) -> Iterator[JobLoad]:
        for jid, created, load in self._read(query):
            with contextlib.suppress(ValueError):  # a damaged row costs itself
                yield JobLoad(jid, created, json.loads(load))

    def _write(self, table: Table, rows: list[dict[str, Any]]) -> None:
        if rows:
            for row in rows:
                self.check(row)
            self.done("can't be written", lambda on: on.execute(self.insert_new(table), rows), writes=True)
            over = self.over_bytes(sum(row["bytes"] for row in rows))
            if over > 0:
                self._keep_to_bound(over)

    def _read(self, query: Any) -> list[Any]:
        return self.done("can't be read", lambda connection: list(connection.execute(query).all()), writes=False)

    def _purge(self, share: Share, before: float) -> int:
        gone = 0
        while True:
            step = self.done("can't be purged", partial(_delete_older, share, before), writes=True)
            gone += step
            if step < STEP_ROWS:
                return gone

    def _keep_to_bound(self, over: float) -> None:
        """Delete the oldest of those that have the most, until there is some room again."""
        sizes = {
            (share, who): int(size)
            for share in self._shares
            for who, size in self._read(select(share.whose, func.sum(share.table.c.bytes)).group_by(share.whose))
        }
        for (share, who), surplus in _cuts(sizes, over + self._max_bytes * FREED_AT_ONCE).items():
            left = surplus
            while left > 0:
                what = "can't be kept to its bound"
                gone, freed = self.done(what, partial(_delete_oldest, share, who, left), writes=True)
                self.dropped += gone
                left -= freed
                if gone < STEP_ROWS:
                    break


def _delete_older(share: Share, before: float, connection: Connection) -> int:
    """Delete some rows from before an instant; return how many."""
    key = list(share.table.primary_key.columns)
    oldest = select(*key).where(share.when < before).order_by(share.when).limit(STEP_ROWS)
    return _delete_keys(connection, share.table, connection.execute(oldest).all())


def _delete_oldest(share: Share, who: str, surplus: float, connection: Connection) -> tuple[int, int]:
    """Delete some of the oldest rows of one principal, up to *surplus* bytes; return how many, and their bytes."""
    c = share.table.c
    key = list(share.table.primary_key.columns)
    oldest = select(*key, c.bytes).where(share.whose == who).order_by(share.when).limit(STEP_ROWS)
    gone, freed = [], 0
    for *keys, size in connection.execute(oldest).all():
        if freed >= surplus:
            break
        freed += size
        gone.append(keys)
    return _delete_keys(connection, share.table, gone), freed


def _delete_keys(connection: Connection, table: Table, keys: Sequence[Sequence[Any]]) -> int:
    if keys:
        names = [column.name for column in table.primary_key.columns]
        statement = delete(table)
        for name in names:
            statement = statement.where(table.c[name] == bindparam(f"gone_{name}"))
        marked = [f"gone_{name}" for name in names]
        connection.execute(statement, [dict(zip(marked, one, strict=True)) for one in keys])
    return len(keys)


def _cuts(shares: dict[_Whose, int], to_free: float) -> dict[_Whose, float]:
    """Return how many bytes to take from whom, so that the largest shares come down to one level."""
    sizes = sorted(shares.values(), reverse=True)
    level, freed = float(sizes[0]) if sizes else 0.0, 0.0
    for count, size in enumerate([*sizes[1:], 0], 1):
        step = (level - size) * count
        if freed + step >= to_free:
            level -= (to_free - freed) / count
            break
        freed += step
        level = float(size)
    return {who: size - level for who, size in shares.items() if size > level}
