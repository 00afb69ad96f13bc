"""The audit as a whole: in the file and in SQL, over kills, full disks and broken databases; found, purged, bounded."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.own_python import python_module
from saltern_master.audit import book as book_module
from saltern_master.audit.book import AuditBook
from saltern_master.audit.limit import A_MINUTE, A_MINUTE_OF_ALL, MAX_PRINCIPALS, OTHERS, Limit
from saltern_master.audit.record import LOST, OK, REFUSED, Record
from saltern_master.audit.store import ROW_BYTES, Asked, AuditStore
from saltern_master.audit.trail import Written
from support.mounts import tmpfs

WAIT_S = 40.0


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "RETRY_MIN_S", 0.01)
    monkeypatch.setattr(book_module, "RETRY_MAX_S", 0.05)
    monkeypatch.setattr(book_module, "GATHER_S", 0.001)


def made(number: int, who: str = "local:root", what: str = "job.publish", **more: Any) -> Record:
    return Record(1700000000.0 + number, who, what, **more)


@contextlib.contextmanager
def open_book(folder: Path, *, max_bytes: int = 1 << 30, keep_s: float = 1e9, **more: Any) -> Iterator[AuditBook]:
    book = AuditBook(str(folder / "audit.log"), str(folder / "audit.db"), keep_s=keep_s, max_bytes=max_bytes, **more)
    try:
        yield book
    finally:
        book.close()


def said(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "audit.log").read_bytes().splitlines()]


def numbers(book: AuditBook, **asked: Any) -> list[int]:
    return [one["seq"] for one in book.query(Asked(**asked))]


def test_a_record_is_a_line_and_a_row_with_a_digest_of_its_arguments(tmp_path: Path) -> None:
    with open_book(tmp_path) as book:
        book.put(
            made(1, functions="cmd.run", target="glob:*", jid="20260131120000123456", minions=2, ids="a,b"), {"x": 1}
        )
        book.put(made(2, via="local"))
        rows = book.query(Asked())
        assert [row["seq"] for row in rows] == [2, 1]
        in_file = said(tmp_path)
        assert [{**row, "prev": in_file[row["seq"] - 1]["prev"]} for row in rows] == in_file[::-1]
        assert len(in_file[0]["arguments"]) == 64
        assert "arguments" not in in_file[1]
        assert book.verify()["ok"]
        assert book.metrics() == {
            "written": 2,
            "lost": 0,
            "undigested": 0,
            "left_out": 0,
            "waiting": 0,
            "failures": 0,
        }


def test_what_is_asked_for_is_found_newest_first(tmp_path: Path) -> None:
    with open_book(tmp_path) as book:
        book.put(made(1, functions="test.ping,cmd.run"))
        book.put(made(2, who="ldap:fred", what="wheel.key.accept"))
        book.put(made(3, who="minion:web1", what="minion.publish", functions="cmd.shell", result="failed"))
        book.put(made(4, who="ldap:[x]", what="wheel.key.delete"))
        assert numbers(book) == [4, 3, 2, 1]
        assert numbers(book, limit=2) == [4, 3]
        assert numbers(book, user="ldap:*") == [4, 2]
        assert numbers(book, user="ldap:fre?") == [2]
        assert numbers(book, command="wheel.key.*") == [4, 2]
        assert numbers(book, command="cmd.*") == [3, 1]
        assert numbers(book, command="cmd.run") == [1]
        assert numbers(book, command="ping") == []
        assert numbers(book, result="failed") == [3]
        assert numbers(book, since=1700000002.0, until=1700000004.0) == [3, 2]
        assert numbers(book, user="x' OR 1=1 --") == []


def test_numbers_go_on_over_a_restart(tmp_path: Path) -> None:
    for start in (1, 3):
        with open_book(tmp_path) as book:
            book.put(made(start))
            book.put(made(start + 1))
    with open_book(tmp_path) as book:
        book.put(made(5))
        assert numbers(book) == [5, 4, 3, 2, 1]
        assert book.verify()["lines"] == 5


def test_a_store_that_is_gone_or_broken_is_made_again_from_the_file(tmp_path: Path) -> None:
    with open_book(tmp_path) as book:
        for number in range(700):
            book.put(made(number))
    os.unlink(tmp_path / "audit.db")
    with open_book(tmp_path) as book:
        book.put(made(700))
        assert len(numbers(book, limit=10_000)) == 701
    (tmp_path / "audit.db").write_bytes(b"no database" * 100)
    (tmp_path / "audit.log").rename(tmp_path / "audit.log.1")
    with open_book(tmp_path) as book:
        book.put(made(701))
        assert len(numbers(book, limit=10_000)) == 702
        assert book.verify()["ok"]
    assert (tmp_path / "audit.db.unreadable").exists()


def test_a_store_that_is_locked_catches_up_and_the_file_does_not_wait(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("saltern_master.sql.database.LOCKED_S", 0.05)
    monkeypatch.setattr(book_module, "LOOK_EVERY_S", 0.1)
    with open_book(tmp_path) as book:
        book.put(made(1))
        assert numbers(book) == [1]
        with contextlib.closing(sqlite3.connect(tmp_path / "audit.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            book.put(made(2))
            book.put(made(3))
            assert book.settle(WAIT_S)
            assert len(said(tmp_path)) == 3
            assert book.metrics()["failures"] >= 1
            other.execute("ROLLBACK")
        wait_for(lambda: numbers(book) == [3, 2, 1])


def wait_for(true: Any) -> None:
    for _ in range(int(WAIT_S / 0.02)):
        if true():
            return
        threading.Event().wait(0.02)
    raise AssertionError


def test_a_full_disk_makes_records_wait_and_none_is_lost_or_there_twice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with tmpfs(tmp_path / "disk", "size=512k") as disk:
        folder = Path(disk.path)
        with open_book(folder) as book:
            book.put(made(0))
            assert book.settle(WAIT_S)
            ballast = folder / "ballast"
            with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
                while file.write(b"x" * 4096):
                    pass
            for number in range(1, 301):
                book.put(made(number, target="x" * 200))
            wait_for(lambda: book.metrics()["failures"] >= 3)
            assert book.metrics()["waiting"]
            os.unlink(ballast)
            assert book.settle(WAIT_S)
            found = book.verify()
            assert (found["ok"], found["last"]) == (True, 301)
            stored = [one["target"] for one in book.query(Asked(limit=1000)) if "target" in one]
            assert len(stored) == 300
            whole = [json.loads(line) for line in (folder / "audit.log").read_bytes().split(b"\n") if line[-1:] == b"}"]
            assert [one["seq"] for one in whole] == list(range(1, 302))
            assert book.metrics()["lost"] == 0
    complaints = [record.getMessage() for record in caplog.records if "No space left" in record.getMessage()]
    assert 1 <= len(complaints) <= 3, complaints


def test_what_does_not_fit_is_counted_and_the_count_is_a_record(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(book_module, "MAX_WAITING_BYTES", 10_000)
    monkeypatch.setattr(book_module, "GATHER_S", 0.5)
    with open_book(tmp_path) as book:
        for number in range(25):
            book.put(made(number), {"large": "x" * 9_500} if number == 2 else None)
        assert book.settle(WAIT_S)
        found = said(tmp_path)
        assert [one["result"] for one in found] == [OK] * 10 + [LOST]
        assert (found[-1]["more"], found[-1]["who"]) == (15, "master")
        assert book.metrics()["lost"] == 15
        assert book.metrics()["undigested"] == 1
        assert "arguments" not in found[2]


def test_arguments_of_very_many_parts_are_not_digested(tmp_path: Path) -> None:
    with open_book(tmp_path) as book:
        book.put(made(1), {"large": [[]] * 100_000})
        book.put(made(2), {"large": [1] * 1000})
        assert book.settle(WAIT_S)
        assert ["arguments" in one for one in said(tmp_path)] == [False, True]


def test_refusals_of_one_are_bounded_and_the_rest_is_a_number(tmp_path: Path) -> None:
    clock = Clock()
    limit = Limit(clock)
    with open_book(tmp_path, limit=limit) as book:
        for number in range(A_MINUTE + 312):
            book.put(made(number, who="local:eve", result=REFUSED))
        book.put(made(1, who="local:fred", result=REFUSED))
        book.put(made(1, who="local:eve"))
        assert book.settle(WAIT_S)
        assert len(said(tmp_path)) == A_MINUTE + 2
        clock.now += 61
        book.put(made(2))
        assert book.settle(WAIT_S)
        more = [one for one in said(tmp_path) if "more" in one]
        assert [(one["who"], one["result"], one["more"]) for one in more] == [("local:eve", REFUSED, 312)]
        assert book.metrics()["left_out"] == 312
        book.put(made(1, who="local:eve", result=REFUSED))
        for number in range(A_MINUTE):
            book.put(made(number, who="local:eve", result=REFUSED))
    assert said(tmp_path)[-1]["more"] == 1  # what was counted is told at the end


def test_strangers_with_many_names_have_a_share_in_all() -> None:
    limit = Limit(Clock())
    kept = sum(limit.allows(made(n, who=f"file:{n}", result=REFUSED)) for n in range(MAX_PRINCIPALS * 2))
    assert kept == A_MINUTE_OF_ALL
    told = limit.over(at_once=True)
    assert len(told) <= MAX_PRINCIPALS + 1
    assert sum(one.more for one in told) == MAX_PRINCIPALS * 2 - kept
    assert told[-1].who == OTHERS


KILLED = """
import sys, time
from pathlib import Path
from saltern_master.audit.book import AuditBook
from saltern_master.audit.record import Record
folder = Path(sys.argv[1])
book = AuditBook(str(folder / "audit.log"), str(folder / "audit.db"), keep_s=1e9, max_bytes=1 << 30)
number = 0
while True:
    for _ in range(20):
        number += 1
        book.put(Record(time.time(), "local:root", "job.publish", target="x" * 200), {"number": number})
    if book.settle(5):
        print(number, flush=True)
"""


def test_kills_at_any_moment_leave_a_whole_chain_and_every_row(tmp_path: Path) -> None:
    (tmp_path / "killed.py").write_text(KILLED)
    said_written = 0
    for round_ in range(4):
        argv = [*python_module("x")[:-2], str(tmp_path / "killed.py"), str(tmp_path)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            for _ in range(3 + round_):
                last = int(program.stdout.readline())
            program.send_signal(signal.SIGKILL)
            rest = [int(line) for line in program.stdout.read().split("\n")[:-1]]
            said_written += max([last, *rest])
    with open_book(tmp_path) as book:
        book.put(made(1))
        assert book.settle(WAIT_S)
        found = book.verify()
        assert found["ok"], found
        assert found["last"] >= said_written + 1
        with contextlib.closing(sqlite3.connect(tmp_path / "audit.db")) as database:
            assert database.execute("SELECT count(*), max(seq) FROM audit").fetchone() == (found["last"], found["last"])


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 5), st.integers(0, 3)),
        st.tuples(st.just("purge"), st.integers(0, 40), st.integers(0, 30)),
    ),
    max_size=12,
)


@given(STEPS)
def test_a_purge_keeps_what_a_naive_model_keeps(steps: list[tuple[str, int, int]]) -> None:
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        store = AuditStore(os.path.join(folder, "audit.db"))
        store.open()
        stack.callback(store.close)
        rows: list[tuple[int, float, int]] = []
        seq, now = 0, 0.0
        for kind, one, other in steps:
            if kind == "put":
                written = []
                for _ in range(one):
                    seq, now = seq + 1, now + other
                    written.append(Written(seq, "", Record(now, "a", "b"), 100 * other))
                    rows.append((seq, now, 100 * other + ROW_BYTES))
                store.put(written)
                store.put(written[:2])  # what comes twice is there once
            else:
                max_bytes = other * 400
                while store.purge(float(one), max_bytes):
                    pass
                while len(rows) > 1 and (rows[0][1] < one or sum(size for _, _, size in rows) > max_bytes):
                    rows.pop(0)
            assert [row["seq"] for row in store.query(Asked(limit=1000))] == [row[0] for row in rows][::-1]


def test_the_store_is_purged_by_age_and_the_newest_row_stays(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("saltern_master.audit.writer.PURGE_EVERY_S", 0.0)
    with open_book(tmp_path, keep_s=100.0, clock=lambda: 1700000000.0 + 1000.0) as book:
        for number in (1, 2, 950, 3):
            book.put(made(number))
        while numbers(book)[-1] < 3:
            book.put(made(999))
        assert book.verify()["first"] == 1
