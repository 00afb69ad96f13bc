"""Jobs and returns in SQLite, by way of SQLAlchemy: tables ``jids`` and ``salt_returns``, as Salt's returners do.

A return's text is JSON, so that other programs can read the tables. SQLite runs with a write-ahead log: a reader
never waits for the writer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
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
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from saltern.errors import JournalError, RecordError, SalternError
from saltern.plain import Plain
from saltern_master.jobs.store import JobLoad, JobReturn

BUSY_TIMEOUT_S = 10
FREED_AT_ONCE = 0.1
"""The share of the bound that is freed when it is reached, so that it isn't reached again at once."""

METADATA = MetaData()
JIDS = Table(
    "jids",
    METADATA,
    Column("jid", String(255), primary_key=True),
    Column("load", Text, nullable=False),
    Column("created", Float, nullable=False, index=True),
    Column("owner", String(255), nullable=False, server_default=""),
    Column("bytes", Integer, nullable=False, server_default="0"),
    Index("ix_jids_owner_created_bytes", "owner", "created", "bytes"),
)
RETURNS = Table(
    "salt_returns",
    METADATA,
    Column("jid", String(255), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("fun", String(255), nullable=False),
    Column("return", Text, nullable=False),
    Column("full_ret", Text, nullable=False),
    Column("success", Boolean, nullable=False),
    Column("alter_time", Float, nullable=False),
    Column("bytes", Integer, nullable=False, server_default="0"),
    Index("ix_salt_returns_id_time_bytes", "id", "alter_time", "bytes"),
    Index("ix_salt_returns_fun_time", "fun", "alter_time"),
    Index("ix_salt_returns_time", "alter_time"),
)


class Share(NamedTuple):
    """Whose rows are whose: the columns of a table that name the principal, and the time that they go by."""

    table: Table
    whose: Column[str]
    when: Column[float]


SHARES = (Share(RETURNS, RETURNS.c.id, RETURNS.c.alter_time), Share(JIDS, JIDS.c.owner, JIDS.c.created))


_Whose = TypeVar("_Whose")


class SqliteJobStore:
    """See ``JobStore``. *path* is SQLite's file, readable by its owner alone.

    Over *max_bytes* the oldest go, of whoever has the most there, the returns of a minion or the jobs of a user: one
    that stores a lot pushes out nobody else's.
    """

    def __init__(self, path: str, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._engine: Engine | None = None
        self.dropped = 0

    def open(self) -> None:
        """Make the file and the tables when they are missing. Raises ``JournalError``."""
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            engine = create_engine(f"sqlite:///{self._path}", connect_args={"timeout": BUSY_TIMEOUT_S})
            event.listen(engine, "connect", _tune)
            _upgrade(engine)
            METADATA.create_all(engine)
        except (OSError, SQLAlchemyError) as error:
            raise self._fault("the job store can't be opened", error) from None
        self._engine = engine

    def close(self) -> None:
        """Close all connections."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def put_jobs(self, jobs: Sequence[JobLoad]) -> None:
        """Store jobs. Raises ``JournalError``."""
        self._write(insert(JIDS).on_conflict_do_nothing(), [_job_row(job) for job in jobs])
        self._keep_to_bound()

    def put_returns(self, returns: Sequence[JobReturn]) -> None:
        """Store returns; one that is there already stays as it is. Raises ``JournalError``."""
        self._write(insert(RETURNS).on_conflict_do_nothing(), [_row(item) for item in returns])
        self._keep_to_bound()

    def job(self, jid: str) -> JobLoad | None:
        """Return a job, or ``None``. Raises ``JournalError``."""
        rows = self._read(select(JIDS.c.jid, JIDS.c.created, JIDS.c.load).where(JIDS.c.jid == jid))
        return JobLoad(rows[0][0], rows[0][1], json.loads(rows[0][2])) if rows else None

    def returns(self, jid: str) -> list[JobReturn]:
        """Return a job's returns, by minion. Raises ``JournalError``."""
        c = RETURNS.c
        columns = (c.jid, c.id, c.fun, c.success, c.alter_time, c.full_ret, c["return"])
        return [
            JobReturn(jid, minion_id, fun, success, received, {**json.loads(data), "return": json.loads(returned)})
            for jid, minion_id, fun, success, received, data, returned in self._read(
                select(*columns).where(c.jid == jid).order_by(c.id)
            )
        ]

    def jobs(self, limit: int) -> list[JobLoad]:
        """Return the latest jobs, newest first. Raises ``JournalError``."""
        query = select(JIDS.c.jid, JIDS.c.created, JIDS.c.load).order_by(JIDS.c.jid.desc()).limit(limit)
        return [JobLoad(jid, created, json.loads(load)) for jid, created, load in self._read(query)]

    def purge(self, before: float) -> int:
        """Delete what is older than *before*. Raises ``JournalError``."""
        try:
            with self._begin() as connection:
                gone: int = connection.execute(delete(RETURNS).where(RETURNS.c.alter_time < before)).rowcount
                gone += connection.execute(delete(JIDS).where(JIDS.c.created < before)).rowcount
                return gone
        except SQLAlchemyError as error:
            raise self._fault("can't be purged", error) from None

    def _begin(self) -> Any:
        assert self._engine is not None, "open() comes first"
        return self._engine.begin()

    def _keep_to_bound(self) -> None:
        """Delete the oldest of those that have the most, until there is some room again."""
        if sum(map(_size_of, (self._path, f"{self._path}-wal"))) <= self._max_bytes:
            return  # at most: what is in the log may be in the file too
        try:
            with self._begin() as connection:
                over = _used_bytes(connection) - self._max_bytes
                if over <= 0:
                    return
                to_free = over + self._max_bytes * FREED_AT_ONCE
                sizes = {
                    (share, who): size
                    for share in SHARES
                    for who, size in connection.execute(
                        select(share.whose, func.sum(share.table.c.bytes)).group_by(share.whose)
                    ).all()
                }
                for (share, who), surplus in _cuts(sizes, to_free).items():
                    self.dropped += _delete_oldest(connection, share, who, surplus)
        except SQLAlchemyError as error:
            raise self._fault("can't be kept to its bound", error) from None

    def _write(self, statement: Any, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        try:
            with self._begin() as connection:
                connection.execute(statement, rows)
        except (OperationalError, InterfaceError) as error:
            raise self._fault("can't be written", error) from None
        except SQLAlchemyError as error:  # what is to be written is at fault
            raise self._fault("can't be written", error, RecordError) from None

    def _read(self, query: Any) -> list[Any]:
        try:
            with self._begin() as connection:
                return list(connection.execute(query).all())
        except SQLAlchemyError as error:
            raise self._fault("can't be read", error) from None

    def _fault(self, what: str, error: Exception, kind: type[SalternError] = JournalError) -> SalternError:
        return kind(f"{self._path}: {what}: {_reason(error)}", path=self._path)


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


def _delete_oldest(connection: Any, share: Share, who: str, surplus: float) -> int:
    """Delete the oldest rows of one principal, *surplus* bytes of them; return how many."""
    c = share.table.c
    rows = connection.execute(select(c.jid, c.bytes).where(share.whose == who).order_by(share.when)).all()
    gone = 0
    for jid, size in rows:
        if surplus <= 0:
            break
        connection.execute(delete(share.table).where((c.jid == jid) & (share.whose == who)))
        surplus -= size
        gone += 1
    return gone


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
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _job_row(job: JobLoad) -> dict[str, Any]:
    load = _text(job.load)
    owner = str(job.load.get("owner", ""))
    return {"jid": job.jid, "load": load, "created": job.created, "owner": owner, "bytes": len(load)}


def _row(item: JobReturn) -> dict[str, Any]:
    returned = _text(item.data.get("return"))
    rest = _text({**{key: value for key, value in item.data.items() if key != "return"}, "id": item.minion_id})
    return {
        "jid": item.jid,
        "id": item.minion_id,
        "fun": item.fun.encode(errors="backslashreplace").decode(),
        "return": returned,
        "full_ret": rest,  # without the return, which may be large and has its own column
        "success": item.success,
        "alter_time": item.received,
        "bytes": len(returned) + len(rest),
    }


def _text(value: Any) -> str:
    """Return *value* as JSON; bytes and lone surrogates are escaped, other types get their plain form."""
    try:
        return json.dumps(value, default=_bytes)
    except (TypeError, ValueError, RecursionError):  # keys that JSON doesn't have, cycles
        return json.dumps(_with_text_keys(Plain().of(value)), default=_bytes)


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            _bytes(key) if isinstance(key, bytes) else key: _with_text_keys(member) for key, member in value.items()
        }
    return [_with_text_keys(member) for member in value] if isinstance(value, list) else value


def _bytes(value: object) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else repr(value)


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).split("\n")[0]
