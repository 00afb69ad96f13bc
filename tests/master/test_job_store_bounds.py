"""The job store's bytes: whoever stores much loses his own oldest, and nobody else any."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from saltern_master.jobs.store import JobLoad, JobReturn
from saltern_master.jobs.stores.sql import _cuts
from saltern_master.jobs.stores.sqlite import SqliteJobStore

MIB = 1024 * 1024
CHUNK = "x" * (64 * 1024)


def jid(number: int) -> str:
    return f"{20260101000000000000 + number}"


def put(store: SqliteJobStore, minion: str, number: int, value: str) -> None:
    data = {"return": value, "retcode": 0, "id": minion}
    store.put_returns([JobReturn(jid(number), minion, "test.echo", True, float(number), data)])


def having(store: SqliteJobStore, minion: str, numbers: range) -> list[int]:
    return [number for number in numbers if any(one.minion_id == minion for one in store.returns(jid(number)))]


def test_one_that_returns_much_pushes_out_its_own_returns_alone(tmp_path: Path) -> None:
    store = SqliteJobStore(str(tmp_path / "jobs.db"), 2 * MIB)
    store.open()
    for number in range(100):
        put(store, "evil", number, CHUNK)
        put(store, "web", number, "fine")
        put(store, "db", number, "fine too")
    kept = having(store, "evil", range(100))
    assert kept == list(range(100 - len(kept), 100))  # the oldest go first
    assert 20 <= len(kept) < 32
    assert store.dropped == 100 - len(kept)
    assert having(store, "web", range(100)) == having(store, "db", range(100)) == list(range(100))
    store.close()


def test_below_the_bound_nothing_goes(tmp_path: Path) -> None:
    store = SqliteJobStore(str(tmp_path / "jobs.db"), 2 * MIB)
    store.open()
    for number in range(20):
        put(store, "web", number, CHUNK)
    assert (store.dropped, having(store, "web", range(20))) == (0, list(range(20)))
    store.close()


def put_job(store: SqliteJobStore, owner: str, number: int, value: str) -> None:
    store.put_jobs([JobLoad(f"{owner}{number}", float(number), {"owner": f"local:{owner}", "arg": [value]})])


def test_one_who_asks_for_much_pushes_out_his_own_jobs_alone(tmp_path: Path) -> None:
    store = SqliteJobStore(str(tmp_path / "jobs.db"), 2 * MIB)
    store.open()
    for number in range(100):
        put_job(store, "eve", number, CHUNK)
        put_job(store, "ann", number, "fine")
        put(store, "web", number, "fine")
    kept = [number for number in range(100) if store.job(f"eve{number}")]
    assert kept == list(range(100 - len(kept), 100))
    assert 20 <= len(kept) < 32
    assert all(store.job(f"ann{number}") for number in range(100))
    assert having(store, "web", range(100)) == list(range(100))
    store.close()
    assert os.path.getsize(tmp_path / "jobs.db") < 4 * MIB, "pages that are free are used again"


def test_a_store_from_before_the_bound_is_kept_to_it(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "jobs.db") as connection:
        connection.execute("create table jids (jid varchar primary key, load text not null, created float not null)")
        connection.executemany(
            "insert into jids values (?, ?, ?)",
            [(jid(number), f'{{"arg": "{CHUNK}"}}', number) for number in range(60)],
        )
    connection.close()
    store = SqliteJobStore(str(tmp_path / "jobs.db"), 2 * MIB)
    store.open()
    put_job(store, "ann", 1, "fine")
    assert store.job("ann1") is not None
    assert store.job(jid(0)) is None
    assert store.job(jid(59)) is not None
    store.close()


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 10_000), max_size=8), st.floats(0, 20_000))
def test_the_largest_come_down_to_one_level(shares: dict[str, int], to_free: float) -> None:
    cuts = _cuts(shares, to_free)
    left = {name: size - cuts.get(name, 0) for name, size in shares.items()}
    assert abs(sum(cuts.values()) - min(to_free, sum(shares.values()))) < 1e-3
    assert all(0 < cut <= shares[name] + 1e-6 for name, cut in cuts.items())
    level = max(left.values(), default=0)
    assert all(abs(left[name] - level) < 1e-3 for name in cuts)
