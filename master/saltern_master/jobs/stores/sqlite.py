"""Jobs and returns in SQLite, by way of SQLAlchemy: tables ``jids`` and ``salt_returns``, as Salt's returners do.

A return's text is JSON, so that other programs can read the tables. SQLite runs with a write-ahead log: a reader
never waits for the writer.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Table,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from saltern.database_file import DatabaseFile, Fate
from saltern.errors import JournalError, RecordError, SalternError
from saltern_master.jobs.store import JobLoad, JobReturn
from saltern_master.jobs.stores.tables import JIDS, METADATA, OURS, RETURNS, job_row, return_row

BUSY_TIMEOUT_S = 10
PAGE_BYTES = 16384
"""Of a new file: large returns take half as long as with SQLite's own 4096."""
LOG_PAGES = 1024
"""Of SQLite's log before they are moved into the file, which costs two waits for the disk: 16 MiB."""
MAX_IDLE_LOG_BYTES = 64 * 1024 * 1024
FREED_AT_ONCE = 0.1
"""The share of the bound that is freed when it is reached, so that it isn't reached again at once."""


class Share(NamedTuple):
    """Whose rows are whose: the columns of a table that name the principal, and the time that they go by."""

    table: Table
    whose: Column[str]
    when: Column[float]


_LOAD = (JIDS.c.jid, JIDS.c.created, JIDS.c.load)
SHARES = (Share(RETURNS, RETURNS.c.id, RETURNS.c.alter_time), Share(JIDS, JIDS.c.owner, JIDS.c.created))


_Whose = TypeVar("_Whose")
_Result = TypeVar("_Result")


class _Broken(Exception):  # it is caught here
    """The file that *engine* has open is to be begun anew, for *fault*."""

    def __init__(self, engine: Engine, fault: SalternError) -> None:
        super().__init__()
        self.engine = engine
        self.fault = fault


class SqliteJobStore:
    """See ``JobStore``. *path* is SQLite's file, readable by its owner alone.

    Over *max_bytes* the oldest go, of whoever has the most there, the returns of a minion or the jobs of a user: one
    that stores a lot pushes out nobody else's. A file that is broken is set aside, and one that can't be written is
    read for as long as that lasts (``saltern.database_file``).
    """

    def __init__(self, path: str, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._file = DatabaseFile(path, "the job store", OURS)
        self._engine: Engine | None = None
        self._readable: Engine | None = None
        """Reads what is there while the file can't be opened to write."""
        self._why = f"{path}: the job store isn't open"
        self.dropped = 0

    @property
    def set_aside(self) -> int:
        """How often a broken file was set aside since the start."""
        return self._file.set_aside

    @property
    def begun_anew(self) -> bool:
        """Whether what was stored before isn't here."""
        return self._file.begun_anew

    def open(self) -> None:
        """Make the file and the tables when they are missing; may be tried again. Raises ``JournalError``."""
        with self._reopening():
            if self._engine is None:
                self._open()

    def close(self) -> None:
        """Close all connections."""
        for engine in (self._engine, self._readable):
            if engine is not None:
                engine.dispose()
        self._engine = self._readable = None

    def put_jobs(self, jobs: Sequence[JobLoad]) -> None:
        """Store jobs. Raises ``JournalError``."""
        self._write(insert(JIDS).on_conflict_do_nothing(), [job_row(job) for job in jobs])

    def put_returns(self, returns: Sequence[JobReturn]) -> None:
        """Store returns; one that is there already stays as it is. Raises ``JournalError``."""
        self._write(insert(RETURNS).on_conflict_do_nothing(), [return_row(item) for item in returns])

    def job(self, jid: str) -> JobLoad | None:
        """Return a job, or ``None``. Raises ``JournalError``."""
        return next(self._jobs(select(*_LOAD).where(JIDS.c.jid == jid)), None)

    def returns(self, jid: str) -> list[JobReturn]:
        """Return a job's returns, by minion. Raises ``JournalError``."""
        return self._returns(jid, RETURNS.c.jid == jid)

    def some_returns(self, jid: str, minions: Sequence[str], max_bytes: int) -> list[JobReturn]:
        """Return what some *minions* returned to a job: the first *max_bytes* of it, but one at least.

        Raises ``JournalError``.
        """
        c = RETURNS.c
        wanted = (c.jid == jid) & c.id.in_(minions)
        chosen: list[str] = []
        for minion_id, size in self._read(select(c.id, c.bytes).where(wanted).order_by(c.id)):
            if chosen and size > max_bytes:
                break
            chosen.append(minion_id)
            max_bytes -= size
        return self._returns(jid, (c.jid == jid) & c.id.in_(chosen))

    def _returns(self, jid: str, wanted: Any) -> list[JobReturn]:
        c = RETURNS.c
        query = select(c.id, c.fun, c.success, c.alter_time, c.full_ret, c["return"]).where(wanted).order_by(c.id)
        found = []
        for minion_id, fun, success, received, data, returned in self._read(query):
            with contextlib.suppress(ValueError, TypeError):  # a damaged row costs itself
                whole = {**json.loads(data), "return": json.loads(returned)}
                found.append(JobReturn(jid, minion_id, fun, success, received, whole))
        return found

    def jobs(self, limit: int) -> list[JobLoad]:
        """Return the latest jobs, newest first. Raises ``JournalError``."""
        return list(self._jobs(select(*_LOAD).order_by(JIDS.c.jid.desc()).limit(limit)))

    def jobs_between(self, first: str, before: str, limit: int, max_bytes: int) -> list[JobLoad]:
        """Return the latest jobs of a range of jids, newest first: the first *max_bytes* of them, but one at least.

        Raises ``JournalError``.
        """
        c = JIDS.c
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
        found = {job.jid: job for job in self._jobs(select(*_LOAD).where(between).order_by(c.jid.desc()))}
        # One that is damaged, or gone since, leaves its place, so that what is older is still come to.
        return [found.get(jid, JobLoad(jid, 0.0, {}))._replace(size=size) for jid, size in sizes.items()]

    def newest(self, before: float) -> float | None:
        """Return when the last of the jobs and returns from before an instant came. Raises ``JournalError``."""
        c = (RETURNS.c.alter_time, JIDS.c.created)
        found = [self._read(select(func.max(when)).where(when < before))[0][0] for when in c]
        return max((at for at in found if at is not None), default=None)

    def purge(self, before: float) -> int:
        """Delete what is older than *before*. Raises ``JournalError``."""

        def work(connection: Connection) -> int:
            gone: int = connection.execute(delete(RETURNS).where(RETURNS.c.alter_time < before)).rowcount
            return gone + connection.execute(delete(JIDS).where(JIDS.c.created < before)).rowcount

        return self._done("can't be purged", work, writes=True)

    def _jobs(self, query: Any) -> Iterator[JobLoad]:
        for jid, created, load in self._read(query):
            with contextlib.suppress(ValueError):  # a damaged row costs itself
                yield JobLoad(jid, created, json.loads(load))

    def _write(self, statement: Any, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._done("can't be written", lambda connection: connection.execute(statement, rows), writes=True)
            if sum(map(_size_of, (self._path, f"{self._path}-wal"))) > self._max_bytes:
                # At most: what is in the log may be in the file too.
                self.dropped += self._done("can't be kept to its bound", self._keep_to_bound, writes=True)

    def _read(self, query: Any) -> list[Any]:
        return self._done("can't be read", lambda connection: list(connection.execute(query).all()), writes=False)

    def _keep_to_bound(self, connection: Connection) -> int:
        """Delete the oldest of those that have the most, until there is some room again; return how many rows."""
        over = _used_bytes(connection) - self._max_bytes
        if over <= 0:
            return 0
        sizes = {
            (share, who): size
            for share in SHARES
            for who, size in connection.execute(
                select(share.whose, func.sum(share.table.c.bytes)).group_by(share.whose)
            ).all()
        }
        cuts = _cuts(sizes, over + self._max_bytes * FREED_AT_ONCE)
        return sum(_delete_oldest(connection, share, who, surplus) for (share, who), surplus in cuts.items())

    def _done(self, what: str, work: Callable[[Connection], _Result], *, writes: bool) -> _Result:
        """Return what *work* does in a transaction, in a new file when it turns out that this one is broken.

        Raises ``JournalError`` when trying again may help, ``RecordError`` when it won't.
        """
        if writes and self._file.taken_away():
            self._begin_anew(self._engine)
        try:
            return self._transaction(what, work, writes=writes)
        except _Broken as broken:
            self._begin_anew(broken.engine)
        try:
            return self._transaction(what, work, writes=writes)
        except _Broken as broken:
            raise broken.fault from None

    def _transaction(self, what: str, work: Callable[[Connection], _Result], *, writes: bool) -> _Result:
        with self._file.using():
            engine = self._engine or (None if writes else self._readable)
            if engine is None:
                raise JournalError(self._why, path=self._path)
            try:
                with engine.begin() as connection:
                    return work(connection)
            except SQLAlchemyError as error:
                fate = self._file.note(_cause(error))  # before anybody else brings it in order
                if fate is Fate.ANEW:
                    raise _Broken(engine, self._fault(what, error)) from None
                raise self._fault(what, error, RecordError if fate is Fate.REFUSE else JournalError) from None

    def _begin_anew(self, broken: Engine | None) -> None:
        with self._reopening():
            if self._engine in (broken, None):  # nobody was quicker
                self._open()

    @contextlib.contextmanager
    def _reopening(self) -> Iterator[None]:
        try:
            with self._file.alone():
                yield
        except (OSError, SQLAlchemyError) as error:
            self._why = f"{self._path}: the job store can't be opened: {_reason(error)}"
            raise JournalError(self._why, path=self._path) from None

    def _open(self) -> None:
        self.close()
        try:
            try:
                self._engine = self._opened()
            except SQLAlchemyError as error:
                if self._file.note(_cause(error)) is not Fate.ANEW:
                    raise
                self._engine = self._opened()
        except (OSError, SQLAlchemyError):
            if os.path.isfile(self._path):
                self._readable = _to_read(self._file.uri())
            raise

    def _opened(self) -> Engine:
        self._file.ready()
        engine = create_engine(f"sqlite:///{self._path}", connect_args={"timeout": BUSY_TIMEOUT_S})
        event.listen(engine, "connect", _tune)
        try:
            _upgrade(engine)
            METADATA.create_all(engine)
        except SQLAlchemyError:
            engine.dispose()
            raise
        return engine

    def _fault(self, what: str, error: Exception, kind: type[SalternError] = JournalError) -> SalternError:
        return kind(f"{self._path}: {what}: {_reason(error)}", path=self._path)


def _cause(error: SQLAlchemyError) -> BaseException | None:
    return getattr(error, "orig", None)


def _to_read(uri: str) -> Engine:
    """Return an engine that reads a file which can't be written, so that SQLite can't keep a log beside it."""

    def connected() -> sqlite3.Connection:
        return sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, check_same_thread=False)

    return create_engine("sqlite://", creator=connected, poolclass=NullPool)


def _upgrade(engine: Engine) -> None:
    """Give tables from before the columns ``bytes`` and ``owner`` those columns, and their indexes."""
    for table, content in ((RETURNS, RETURNS.c.full_ret), (JIDS, JIDS.c.load)):
        if not inspect(engine).has_table(table.name):
            continue
        there = {column["name"] for column in inspect(engine).get_columns(table.name)}
        with engine.begin() as connection:
            for name, kind in (("bytes", "INTEGER NOT NULL DEFAULT 0"), ("owner", "VARCHAR(255) NOT NULL DEFAULT ''")):
                if name in table.c and name not in there:
                    connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {name} {kind}"))
            if "bytes" not in there:
                connection.execute(update(table).values(bytes=2 * func.length(content)))
            for index in table.indexes:
                index.create(connection, checkfirst=True)


def _delete_oldest(connection: Connection, share: Share, who: str, surplus: float) -> int:
    """Delete the oldest rows of one principal, *surplus* bytes of them; return how many."""
    c = share.table.c
    oldest = connection.execute(select(c.jid, c.bytes).where(share.whose == who).order_by(share.when))
    gone = []
    for jid, size in oldest:
        if surplus <= 0:
            break
        surplus -= size
        gone.append({"gone": jid})
    oldest.close()
    if gone:
        connection.execute(delete(share.table).where((c.jid == bindparam("gone")) & (share.whose == who)), gone)
    return len(gone)


def _size_of(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def _used_bytes(connection: Any) -> int:
    """Return how many bytes of the file hold something."""
    pages, free, size = (
        connection.execute(text(f"PRAGMA {name}")).scalar_one()
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


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


def _tune(connection: Any, _record: Any) -> None:
    connection.text_factory = _text_of  # a row's damage is met where it is read
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA page_size={PAGE_BYTES}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
    cursor.execute(f"PRAGMA journal_size_limit={MAX_IDLE_LOG_BYTES}")
    cursor.close()


def _text_of(stored: bytes) -> str:
    return stored.decode("utf-8", "replace")


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else None
    return text or str(getattr(error, "orig", None) or error).split("\n")[0]
