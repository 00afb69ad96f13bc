"""The SQLite files of tags and events: what can be wrong with them."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from saltern.errors import StoreError
from saltern_graphite.database.database import MAX_IDLE_READERS, Database

SCHEMA = "CREATE TABLE IF NOT EXISTS t (x INTEGER NOT NULL)"


def numbers(database: Database) -> list[int]:
    with database.reading() as connection:
        return [row[0] for row in connection.execute("SELECT x FROM t ORDER BY x")]


def put(database: Database, *values: int) -> None:
    with database.writing() as connection:
        connection.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])


def put_and_fail(database: Database) -> None:
    with database.writing() as connection:
        connection.execute("INSERT INTO t VALUES (3)")
        connection.execute("INSERT INTO nowhere VALUES (3)")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "db" / "x.sqlite"


def test_a_transaction_is_kept_or_undone(path: Path) -> None:
    database = Database.open(str(path), SCHEMA, "the test")
    put(database, 1, 2)
    with pytest.raises(StoreError, match="no such table: nowhere"):
        put_and_fail(database)
    with pytest.raises(StoreError, match=r"the test .*x\.sqlite: NOT NULL constraint failed"):
        put(database, 4, None)  # type: ignore[arg-type]
    assert numbers(database) == [1, 2]
    database.close()
    with pytest.raises(StoreError, match="is closed"):
        numbers(database)


def test_readers_see_what_was_committed(path: Path) -> None:
    database = Database.open(str(path), SCHEMA, "the test")
    with database.writing() as connection:
        connection.execute("INSERT INTO t VALUES (1)")
        assert numbers(database) == []  # and nobody waits
    assert numbers(database) == [1]
    database.close()


def test_few_readers_are_kept(path: Path) -> None:
    database = Database.open(str(path), SCHEMA, "the test")

    def nested(depth: int) -> None:
        with database.reading():
            if depth:
                nested(depth - 1)

    nested(2 * MAX_IDLE_READERS)
    assert len(database._idle) == MAX_IDLE_READERS
    database.close()


def test_a_path_that_can_not_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"the test .* can't be opened: (File exists|Not a directory)"):
        Database.open(str(tmp_path / "file" / "x.sqlite"), SCHEMA, "the test")


@pytest.mark.parametrize("checkpointed", [True, False])
def test_a_copy_has_what_the_log_has_and_touches_nothing(path: Path, checkpointed: bool) -> None:
    database = Database.open(str(path), SCHEMA, "the test")
    put(database, 1, 2)
    if checkpointed:
        database.close()
    else:
        assert Path(f"{path}-wal").stat().st_size > 0
    before = {one: (one.stat().st_mtime_ns, one.stat().st_size) for one in path.parent.iterdir()}
    copy = Database.copy_of(str(path), SCHEMA, "the test")
    put(copy, 3)
    assert numbers(copy) == [1, 2, 3]
    copy.close()
    assert {one: (one.stat().st_mtime_ns, one.stat().st_size) for one in path.parent.iterdir()} == before
    if not checkpointed:
        assert numbers(database) == [1, 2]
        database.close()


def test_a_file_that_changes_while_it_is_copied_is_copied_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database.open(str(path), SCHEMA, "the test")
    put(database, 1)
    copied: list[str] = []
    copyfile = shutil.copyfile

    def copying(source: str, target: str) -> None:
        copyfile(source, target)
        copied.append(source)
        if copied == [f"{path}-wal"]:
            os.utime(path, (1, 1))  # as a checkpoint would

    monkeypatch.setattr(shutil, "copyfile", copying)
    copy = Database.copy_of(str(path), SCHEMA, "the test")
    assert copied == [f"{path}-wal", str(path)] * 2
    assert numbers(copy) == [1]
    copy.close()
    database.close()


def test_a_copy_of_nothing_is_empty(path: Path) -> None:
    copy = Database.copy_of(str(path), SCHEMA, "the test")
    assert numbers(copy) == []
    copy.close()
    assert not path.parent.exists()


def test_a_copy_of_something_else_is_an_error(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"x" * 4096)
    with pytest.raises(StoreError, match=r"the test .* can't be read: file is not a database"):
        Database.copy_of(str(path), SCHEMA, "the test")


def test_it_is_a_plain_sqlite_file(path: Path) -> None:
    database = Database.open(str(path), SCHEMA, "the test")
    put(database, 5)
    database.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT x FROM t").fetchall() == [(5,)]
    connection.close()
