"""Jobs and returns in SQL, by way of SQLAlchemy: tables ``jids`` and ``salt_returns``, as Salt's returners do.

A return's text is JSON, so that other programs can read the tables. SQLite runs with a write-ahead log: a reader
never waits for the writer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    Float,
    Index,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    select,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError

from saltern.errors import JournalError
from saltern.plain import Plain
from saltern_master.jobs.store import JobLoad, JobReturn

BUSY_TIMEOUT_S = 10

METADATA = MetaData()
JIDS = Table(
    "jids",
    METADATA,
    Column("jid", String(255), primary_key=True),
    Column("load", Text, nullable=False),
    Column("created", Float, nullable=False, index=True),
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
    Index("ix_salt_returns_id_time", "id", "alter_time"),
    Index("ix_salt_returns_fun_time", "fun", "alter_time"),
    Index("ix_salt_returns_time", "alter_time"),
)


class SqlJobStore:
    """See ``JobStore``. *path* is SQLite's file, readable by its owner alone."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._engine: Engine | None = None

    def open(self) -> None:
        """Make the file and the tables when they are missing. Raises ``JournalError``."""
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            engine = create_engine(f"sqlite:///{self._path}", connect_args={"timeout": BUSY_TIMEOUT_S})
            event.listen(engine, "connect", _tune)
            METADATA.create_all(engine)
        except (OSError, SQLAlchemyError) as error:
            raise JournalError(f"{self._path}: the job store can't be opened: {_reason(error)}") from None
        self._engine = engine

    def close(self) -> None:
        """Close all connections."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def put_jobs(self, jobs: Sequence[JobLoad]) -> None:
        """Store jobs. Raises ``JournalError``."""
        rows = [{"jid": job.jid, "load": _text(job.load), "created": job.created} for job in jobs]
        self._write(insert(JIDS).on_conflict_do_nothing(), rows)

    def put_returns(self, returns: Sequence[JobReturn]) -> None:
        """Store returns; one that is there already stays as it is. Raises ``JournalError``."""
        self._write(insert(RETURNS).on_conflict_do_nothing(), [_row(item) for item in returns])

    def job(self, jid: str) -> JobLoad | None:
        """Return a job, or ``None``. Raises ``JournalError``."""
        rows = self._read(select(JIDS.c.jid, JIDS.c.created, JIDS.c.load).where(JIDS.c.jid == jid))
        return JobLoad(rows[0][0], rows[0][1], json.loads(rows[0][2])) if rows else None

    def returns(self, jid: str) -> list[JobReturn]:
        """Return a job's returns, by minion. Raises ``JournalError``."""
        c = RETURNS.c
        query = select(c.jid, c.id, c.fun, c.success, c.alter_time, c.full_ret).where(c.jid == jid).order_by(c.id)
        return [
            JobReturn(jid, minion_id, fun, success, received, json.loads(data))
            for jid, minion_id, fun, success, received, data in self._read(query)
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
            raise JournalError(f"{self._path}: can't be purged: {_reason(error)}") from None

    def _begin(self) -> Any:
        assert self._engine is not None, "open() comes first"
        return self._engine.begin()

    def _write(self, statement: Any, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        try:
            with self._begin() as connection:
                connection.execute(statement, rows)
        except SQLAlchemyError as error:
            raise JournalError(f"{self._path}: can't be written: {_reason(error)}") from None

    def _read(self, query: Any) -> list[Any]:
        try:
            with self._begin() as connection:
                return list(connection.execute(query).all())
        except SQLAlchemyError as error:
            raise JournalError(f"{self._path}: can't be read: {_reason(error)}") from None


def _tune(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _row(item: JobReturn) -> dict[str, Any]:
    returned = _text(item.data.get("return"))
    rest = _text({**{key: value for key, value in item.data.items() if key != "return"}, "id": item.minion_id})
    return {
        "jid": item.jid,
        "id": item.minion_id,
        "fun": item.fun.encode(errors="backslashreplace").decode(),
        "return": returned,
        # The return may be large: it is spliced in, not encoded twice.
        "full_ret": f'{rest[:-1]}, "return": {returned}}}',
        "success": item.success,
        "alter_time": item.received,
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
