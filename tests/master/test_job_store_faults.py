"""The job store's file when it is broken, taken away, another's, full or can't be written."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from saltern.errors import JournalError
from saltern_master.jobs.store import JobLoad, JobReturn
from saltern_master.jobs.stores import sqlite as sqlite_module
from saltern_master.jobs.stores.sqlite import PAGE_BYTES, SqliteJobStore
from support.mounts import Mount, tmpfs

BOUND = 1 << 30
OLD, NEW = "20260101000000000000", "20260102000000000000"
NO_DATABASE = b"a text that somebody put here, long enough to be taken for the header of a database " * 20


def answer(value: object, jid: str = NEW) -> JobReturn:
    return JobReturn(jid, "web1", "test.echo", True, 100.0, {"return": value, "retcode": 0, "id": "web1"})


def opened(path: Path) -> SqliteJobStore:
    store = SqliteJobStore(str(path), BOUND)
    store.open()
    return store


def foreign(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a store that holds something, closed."""
    store = opened(tmp_path / "jobs.db")
    store.put_jobs([JobLoad(OLD, 1.0, {"fun": "test.echo"})])
    store.put_returns([answer("x" * 100_000, OLD)])
    store.close()
    return tmp_path / "jobs.db"


def text(path: Path) -> None:
    path.write_bytes(NO_DATABASE)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").touch()


def no_tables_of_ours(path: Path) -> None:
    path.unlink()
    foreign(path, "CREATE TABLE moz_places (id INTEGER)", "INSERT INTO moz_places VALUES (1)")


def other_columns(path: Path) -> None:
    path.unlink()
    foreign(path, "CREATE TABLE jids (id INTEGER, title TEXT)", "INSERT INTO jids VALUES (1, 'x')")


def schema_overwritten(path: Path) -> None:
    with open(path, "r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3000)


def half_of_it(path: Path) -> None:
    os.truncate(path, PAGE_BYTES + 100)


BROKEN = [text, folder, no_tables_of_ours, other_columns, schema_overwritten, half_of_it]


@pytest.mark.parametrize("harm", BROKEN, ids=lambda harm: harm.__name__)
def test_what_is_no_store_of_ours_at_the_start_is_set_aside_and_begun_anew(
    path: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    harm(path)
    kept = path.read_bytes() if path.is_file() else b""
    with caplog.at_level(logging.INFO):
        store = opened(path)
        store.put_returns([answer(5)])
    assert [one.data["return"] for one in store.returns(NEW)] == [5]
    assert (store.set_aside, store.begun_anew) == (1, True)
    aside = path.with_name("jobs.db.unreadable")
    assert (aside / "something").exists() if harm is folder else aside.read_bytes() == kept
    (line,) = [record.message for record in caplog.records]
    assert line.startswith(f"{path}: the job store can't be used: ")
    assert line.endswith("set aside as jobs.db.unreadable")
    store.close()
    again = opened(path)
    assert (again.set_aside, again.begun_anew, len(again.returns(NEW))) == (0, False, 1)
    again.close()


def pages_overwritten(path: Path) -> None:
    with open(path, "r+b") as file:
        file.seek(PAGE_BYTES)  # the first page, which says what there is, is sound
        file.write(b"\xa5" * (path.stat().st_size - PAGE_BYTES))


def deleted(path: Path) -> None:
    for one in path.parent.glob("jobs.db*"):
        one.unlink()


def only_the_file_deleted(path: Path) -> None:
    path.unlink()


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def replaced_by_a_text(path: Path) -> None:
    path.unlink()
    path.write_bytes(NO_DATABASE)


def moved_with_its_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


def tables_dropped(path: Path) -> None:
    foreign(path, "DROP TABLE salt_returns")


AT_WORK = [
    pages_overwritten,
    deleted,
    only_the_file_deleted,
    emptied,
    replaced_by_a_text,
    folder,
    moved_with_its_folder,
    tables_dropped,
]


@pytest.mark.parametrize("harm", AT_WORK, ids=lambda harm: harm.__name__)
def test_what_breaks_at_work_is_begun_anew_and_nothing_that_is_put_then_is_lost(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    path = tmp_path / "cache" / "jobs.db"
    path.parent.mkdir()
    store = opened(path)
    store.put_returns([answer("x" * 100_000, f"{number}") for number in range(20)])
    store.close()  # so that nothing is left in the log alone
    store.open()
    harm(path)
    for number in range(100, 110):
        store.put_returns([answer(number, f"{number}")])
        assert [one.data["return"] for one in store.returns(f"{number}")] == [number]
    store.purge(0.0)
    store.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT jid FROM salt_returns WHERE length(jid) = 3 ORDER BY jid").fetchall()
    assert found == [(f"{number}",) for number in range(100, 110)]


def test_a_read_that_meets_damage_is_answered_from_a_new_store(path: Path) -> None:
    store = opened(path)
    pages_overwritten(path)
    assert store.returns(OLD) == []
    assert store.set_aside == 1
    store.close()


def test_a_damaged_row_costs_itself(path: Path) -> None:
    store = opened(path)
    store.put_jobs([JobLoad(NEW, 2.0, {"fun": "test.ping"})])
    store.put_returns([JobReturn(OLD, "web2", "test.echo", True, 1.0, {"return": 1})])
    store.close()
    foreign(
        path,
        f"UPDATE jids SET load = CAST(x'7b22ff' AS TEXT) WHERE jid = '{OLD}'",
        "UPDATE salt_returns SET full_ret = '[' WHERE id = 'web1'",
    )
    store.open()
    assert [job.jid for job in store.jobs(10)] == [NEW]
    assert store.job(OLD) is None
    assert [one.minion_id for one in store.returns(OLD)] == ["web2"]
    assert store.set_aside == 0
    store.close()


def test_several_at_once_who_meet_the_damage_begin_anew_once(path: Path) -> None:
    store = opened(path)
    pages_overwritten(path)
    begin, failures = threading.Barrier(6), list[Exception]()

    def use(number: int) -> None:
        begin.wait()
        try:
            for _ in range(5):
                store.put_returns([answer(number, f"{number}")])
                store.returns(OLD)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failures, store.set_aside) == ([], 1)
    assert [len(store.returns(f"{number}")) for number in range(6)] == [1] * 6
    store.close()
    store.open()  # what one met in the old file says nothing of the new one
    assert (store.set_aside, len(store.returns("5"))) == (1, 1)
    store.close()


def test_a_store_that_nobody_opened_is_a_line_and_no_fault_of_ours(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="the job store isn't open"):
        SqliteJobStore(str(tmp_path / "jobs.db"), BOUND).jobs(1)


def test_a_folder_that_is_a_file_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("mine")
    store = SqliteJobStore(str(tmp_path / "cache" / "jobs.db"), BOUND)
    for _ in range(2):
        with pytest.raises(JournalError, match=r"the job store can't be opened: (File exists|Not a dir)"):
            store.open()
    (tmp_path / "cache").unlink()
    store.open()
    store.put_returns([answer(1)])
    store.close()


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    with tmpfs(tmp_path / "mount", "size=2m") as mount:
        yield mount


def test_a_read_only_disk_is_read_and_taken_up_when_it_can_be_written(path: Path, mount: Mount) -> None:
    shutil.copy(path, mount.path / "jobs.db")
    mount.remount("ro")
    store = SqliteJobStore(str(mount.path / "jobs.db"), BOUND)
    for _ in range(2):
        with pytest.raises(JournalError, match="can't be opened: Read-only file system"):
            store.open()
        assert [job.jid for job in store.jobs(5)] == [OLD]
        with pytest.raises(JournalError, match="can't be opened: Read-only file system"):
            store.put_returns([answer(1)])
    mount.remount("rw")
    store.open()
    store.put_returns([answer(1)])
    assert ([job.jid for job in store.jobs(5)], len(store.returns(NEW)), store.set_aside) == ([OLD], 1, 0)
    store.close()


def test_a_disk_that_becomes_read_only_or_full_is_waited_for(mount: Mount) -> None:
    store = opened(mount.path / "jobs.db")
    store.put_returns([answer(1, OLD)])
    mount.fill()
    with pytest.raises(JournalError, match="full"):
        store.put_returns([answer("x" * 500_000)])
    assert len(store.returns(OLD)) == 1
    mount.make_room()
    store.put_returns([answer(2)])
    assert (len(store.returns(NEW)), store.set_aside) == (1, 0)
    store.close()


def test_a_full_disk_at_the_start_is_read_and_taken_up(path: Path, mount: Mount) -> None:
    shutil.copy(path, mount.path / "jobs.db")
    mount.fill()
    store = SqliteJobStore(str(mount.path / "jobs.db"), BOUND)
    with contextlib.suppress(JournalError):  # SQLite may get by with what it finds
        store.open()
    assert [job.jid for job in store.jobs(5)] == [OLD]
    with pytest.raises(JournalError):
        store.put_returns([answer("x" * 500_000)])
    mount.make_room()
    store.open()
    store.put_returns([answer(2)])
    assert (len(store.jobs(5)), len(store.returns(NEW)), store.set_aside) == (1, 1, 0)
    store.close()


def test_one_that_others_hold_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_module, "BUSY_TIMEOUT_S", 0.01)
    store = opened(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="database is locked"):
            store.put_returns([answer(1)])
        other.execute("COMMIT")
    store.put_returns([answer(1)])
    assert (len(store.returns(NEW)), store.set_aside) == (1, 0)
    store.close()
