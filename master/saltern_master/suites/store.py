"""Runs of suites in SQLite, a row for each test: ``cachedir/suites.db``.

It is fed from the journal as a returner is (``returners/feeder.py``), at least once: (jid, minion) and (jid, minion,
test) are unique, so that what comes twice is there once. A file that is broken is set aside, and begun anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Double, Integer, MetaData, Table, Text, delete, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from saltern.database_file import DatabaseFile
from saltern.errors import JournalError, RecordError, os_errors
from saltern.ids import jid_of
from saltern_master.jobs.query import Page, Wanted
from saltern_master.journal.reader import Position
from saltern_master.returners.rows import EventRow, ReturnRow, Row
from saltern_master.sql.address import sqlite_file
from saltern_master.sql.database import Database
from saltern_master.sql.json_text import plain_text
from saltern_master.suites.run import ERROR, FAILED, FUNCTION, PASSED, SKIPPED, Result, Run, run_of

STEP_RUNS = 50
"""Deleted in one transaction."""
MAX_LATEST = 5000
"""Suites of minions whose last run is remembered for metrics."""
MAX_LATEST_OF_ONE = 100
"""Of one minion: what it calls its suites is its own affair, but takes no other's place."""
LARGE_SHARE = 10
"""A minion that has over so much of the bound (one part in ten) loses its own runs when it is reached."""

_TABLES = MetaData()
RUNS = Table(
    "suite_runs",
    _TABLES,
    Column("jid", Text, primary_key=True),
    Column("minion", Text, primary_key=True),
    Column("suite", Text, nullable=False, index=True),
    Column("received", Double, nullable=False),
    *(Column(name, Integer, nullable=False) for name in (PASSED, FAILED, ERROR, SKIPPED)),
    Column("seconds", Double, nullable=False),
    Column("bytes", Integer, nullable=False),
)
TESTS = Table(
    "suite_tests",
    _TABLES,
    Column("jid", Text, primary_key=True),
    Column("minion", Text, primary_key=True),
    Column("test", Text, primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("seconds", Double),
    Column("message", Text, nullable=False),
)


class Summary(NamedTuple):
    """One run without its tests."""

    jid: str
    minion_id: str
    suite: str
    received: float
    passed: int
    failed: int
    error: int
    skipped: int
    seconds: float


_SUMMARY = [RUNS.c[name] for name in ("jid", "minion", "suite", "received", PASSED, FAILED, ERROR, SKIPPED, "seconds")]


class SuiteStore:
    """See ``returners.returner.Returner`` for what feeds it; what reads it may be in any thread.

    All methods raise ``JournalError`` when the file can't be used now.
    """

    def __init__(self, path: str) -> None:
        self._database = Database(sqlite_file(path))
        columns = {table.name: [column.name for column in table.columns] for table in (RUNS, TESTS)}
        self._file = DatabaseFile(path, "the store of suites", columns)
        self.latest: Mapping[tuple[str, str], Summary] = {}
        """The last run by minion and suite."""

    # what feeds it

    def open(self, journal: str, at: Position) -> Position:
        """Make ready; what is stored is as far as the journal's reader says."""
        with os_errors(JournalError, self._file.path, "the store of suites can't be opened"):
            self._file.ready()
        with self._connected("can't be opened") as connection:
            _TABLES.create_all(connection)
            newest = select(func.max(RUNS.c.jid)).group_by(RUNS.c.minion, RUNS.c.suite)
            query = select(*_SUMMARY).where(RUNS.c.jid.in_(newest)).order_by(RUNS.c.jid.desc()).limit(MAX_LATEST)
            self._remember([Summary(*row) for row in connection.execute(query)][::-1])
        return at

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def put(self, rows: Sequence[Row], upto: Position | None) -> int:
        """Store the runs among *rows*; return how many were new."""
        runs = [
            run_of(row.jid, row.minion_id, row.received, row.data)
            for row in rows
            if isinstance(row, ReturnRow) and row.fun == FUNCTION
        ]
        with self._connected("can't be written") as connection:
            new = [run for run in runs if _insert(connection, run)]
        self._remember([_summary(run) for run in new])
        return len(new)

    def put_events(self, rows: Sequence[EventRow], number: int) -> None:
        """Raise ``RecordError``: no events are stored here."""
        raise RecordError("suites: no events are stored")

    def newest(self) -> float | None:
        """Return when the last run came."""
        found = self._one(select(func.max(RUNS.c.received)))
        return None if found is None else float(found)

    def purge(self, before: float | None, max_bytes: int | None) -> int:
        """Delete some of the oldest runs when they are from before an instant, or all are over a bound of bytes."""
        with self._connected("can't be purged") as connection:
            oldest = select(RUNS.c.jid, RUNS.c.minion).order_by(RUNS.c.jid).limit(STEP_RUNS)
            if max_bytes and (connection.execute(select(func.sum(RUNS.c.bytes))).scalar() or 0) > max_bytes:
                size = func.sum(RUNS.c.bytes)
                of_each = select(RUNS.c.minion, size).group_by(RUNS.c.minion).order_by(size.desc()).limit(1)
                minion_id, most = connection.execute(of_each).one()
                large = most > max_bytes / LARGE_SHARE
                gone = connection.execute(oldest.where(RUNS.c.minion == minion_id) if large else oldest).all()
            elif before is not None:
                gone = connection.execute(oldest.where(RUNS.c.jid < jid_of(before))).all()
            else:
                return 0
            for jid, minion_id in gone:
                for table in (TESTS, RUNS):
                    connection.execute(delete(table).where((table.c.jid == jid) & (table.c.minion == minion_id)))
        return len(gone)

    def query(self, wanted: Wanted) -> Page:
        """Return nothing: returns are in the job store."""
        return Page([], False)

    # what reads it

    def summaries(self, suite: str | None, limit: int) -> list[Summary]:
        """Return the latest runs, of one *suite* or of all, newest first."""
        query = select(*_SUMMARY).order_by(RUNS.c.jid.desc(), RUNS.c.minion).limit(limit)
        return [Summary(*row) for row in self._all(query if suite is None else query.where(RUNS.c.suite == suite))]

    def runs(self, jid: str) -> list[Run]:
        """Return a job's runs, by minion."""
        return list(self._runs(RUNS.c.jid == jid))

    def size(self, jid: str) -> int:
        """Return how many tests there are of a job."""
        return int(self._one(select(func.count()).select_from(TESTS).where(TESTS.c.jid == jid)) or 0)

    def earlier(self, run: Run, count: int) -> list[Run]:
        """Return the last *count* runs of the same suite on the same minion before *run*, newest first."""
        same = (RUNS.c.suite == run.suite) & (RUNS.c.minion == run.minion_id) & (RUNS.c.jid < run.jid)
        jids = [row[0] for row in self._all(select(RUNS.c.jid).where(same).order_by(RUNS.c.jid.desc()).limit(count))]
        found = self._runs(RUNS.c.jid.in_(jids) & (RUNS.c.minion == run.minion_id))
        return sorted(found, key=lambda one: one.jid, reverse=True)

    @contextlib.contextmanager
    def _connected(self, what: str) -> Iterator[Connection]:
        with self._database.connected(what) as connection:
            try:
                yield connection
            except SQLAlchemyError as error:
                self._file.note(getattr(error, "orig", None) or error)
                raise

    def _runs(self, wanted: Any) -> Iterator[Run]:
        both = select(RUNS, TESTS.c.test, TESTS.c.outcome, TESTS.c.seconds.label("took"), TESTS.c.message)
        joined = both.join(TESTS, (TESTS.c.jid == RUNS.c.jid) & (TESTS.c.minion == RUNS.c.minion)).where(wanted)
        found: dict[tuple[str, str], tuple[Any, dict[str, Result]]] = {}
        for row in self._all(joined.order_by(RUNS.c.minion, TESTS.c.test)):
            _, results = found.setdefault((row.jid, row.minion), (row, {}))
            results[row.test] = Result(row.outcome, row.took, row.message)
        for (jid, minion_id), (row, results) in found.items():
            yield Run(jid, minion_id, row.suite, row.received, results)

    def _all(self, query: Any) -> Sequence[Any]:
        with self._connected("can't be read") as connection:
            return connection.execute(query).all()

    def _one(self, query: Any) -> Any:
        with self._connected("can't be read") as connection:
            return connection.execute(query).scalar()

    def _remember(self, summaries: Sequence[Summary]) -> None:
        latest = dict(self.latest)
        for one in summaries:
            known = latest.get((one.minion_id, one.suite))
            if known is None or known.jid <= one.jid:
                latest.pop((one.minion_id, one.suite), None)
                latest[one.minion_id, one.suite] = one
        for minion_id in {one.minion_id for one in summaries}:
            own = [key for key in latest if key[0] == minion_id]
            for key in own[: max(0, len(own) - MAX_LATEST_OF_ONE)]:
                del latest[key]
        while len(latest) > MAX_LATEST:
            del latest[next(iter(latest))]
        self.latest = latest


def _insert(connection: Connection, run: Run) -> bool:
    """Store a run unless it is there; return whether it wasn't."""
    same = (RUNS.c.jid == run.jid) & (RUNS.c.minion == run.minion_id)
    if connection.execute(select(RUNS.c.jid).where(same)).first() is not None:
        return False
    summary = _summary(run)
    tests: dict[str, dict[str, Any]] = {}
    for test, result in run.results.items():
        name = plain_text(test)
        row = {"test": name, "outcome": result.outcome, "seconds": result.seconds}
        tests[name] = {"jid": run.jid, "minion": run.minion_id, **row, "message": plain_text(result.message)}
    size = sum(len(row["test"]) + len(row["message"]) + 100 for row in tests.values())
    values = {"jid": run.jid, "minion": run.minion_id, "suite": plain_text(run.suite), "received": run.received}
    counts = {name: getattr(summary, name) for name in (PASSED, FAILED, ERROR, SKIPPED)}
    connection.execute(insert(RUNS), [{**values, **counts, "seconds": summary.seconds, "bytes": size}])
    connection.execute(insert(TESTS), list(tests.values()))
    return True


def _summary(run: Run) -> Summary:
    passed, failed, error, skipped = (run.count(outcome) for outcome in (PASSED, FAILED, ERROR, SKIPPED))
    return Summary(run.jid, run.minion_id, run.suite, run.received, passed, failed, error, skipped, run.seconds)
