"""The job store's bytes: whoever returns much loses its own oldest returns, and nobody else any."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from saltern_master.jobs.store import JobLoad, JobReturn
from saltern_master.jobs.stores.sqlite import SqliteJobStore, _cuts

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


def test_jobs_that_are_large_push_out_jobs(tmp_path: Path) -> None:
    store = SqliteJobStore(str(tmp_path / "jobs.db"), 2 * MIB)
    store.open()
    for number in range(20):
        store.put_jobs([JobLoad(jid(number), float(number), {"fun": "f", "arg": []})])
        put(store, "web", number, "fine")
    for number in range(100, 200):
        store.put_jobs([JobLoad(jid(number), float(number), {"fun": "f", "arg": [CHUNK]})])
    assert having(store, "web", range(20)) == list(range(20)), "nobody's returns go for large jobs"
    kept = [job.jid for job in store.jobs(1000)]
    assert kept[0] == jid(199)
    assert jid(100) not in kept
    store.close()
    assert os.path.getsize(tmp_path / "jobs.db") < 4 * MIB, "pages that are free are used again"


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 10_000), max_size=8), st.floats(0, 20_000))
def test_the_largest_come_down_to_one_level(shares: dict[str, int], to_free: float) -> None:
    cuts = _cuts(shares, to_free)
    left = {name: size - cuts.get(name, 0) for name, size in shares.items()}
    assert abs(sum(cuts.values()) - min(to_free, sum(shares.values()))) < 1e-3
    assert all(0 < cut <= shares[name] + 1e-6 for name, cut in cuts.items())
    level = max(left.values(), default=0)
    assert all(abs(left[name] - level) < 1e-3 for name in cuts)
