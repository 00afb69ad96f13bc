"""The job store's bound of bytes: whoever fills it pushes out his own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern_master.jobs.store import JobLoad, JobReturn
from saltern_master.jobs.stores.sqlite import SqliteJobStore, _cuts

MAX_BYTES = 2 * 1024 * 1024


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteJobStore]:
    store = SqliteJobStore(str(tmp_path / "jobs.db"), MAX_BYTES)
    store.open()
    yield store
    store.close()


def returned(number: int, minion_id: str, value: str) -> JobReturn:
    return JobReturn(f"{number:020}", minion_id, "f", True, float(number), {"fun": "f", "return": value})


def asked(number: int, argument: str = "") -> JobLoad:
    return JobLoad(f"{number:020}", float(number), {"fun": "f", "arg": [argument], "minions": ["quiet"]})


def within_bound(store: SqliteJobStore) -> bool:
    store.close()
    store.open()
    return os.path.getsize(store._path) < 2 * MAX_BYTES  # pages that are free are used again


@pytest.fixture
def quiet(store: SqliteJobStore) -> set[str]:
    """Twenty small jobs with a return each; the jids."""
    store.put_jobs([asked(number) for number in range(20)])
    store.put_returns([returned(number, "quiet", "small") for number in range(20)])
    return {f"{number:020}" for number in range(20)}


def kept(store: SqliteJobStore, jids: set[str]) -> set[str]:
    return {jid for jid in jids if [item.minion_id for item in store.returns(jid)] == ["quiet"]}


def test_a_minion_that_returns_a_lot_pushes_out_its_own(store: SqliteJobStore, quiet: set[str]) -> None:
    for number in range(100, 200):
        store.put_returns([returned(number, "loud", "x" * 100_000)])
    assert kept(store, quiet) == quiet
    assert {job.jid for job in store.jobs(100)} == quiet
    assert store.returns(f"{199:020}")
    assert not store.returns(f"{100:020}")
    assert store.dropped > 70
    assert within_bound(store)


def test_jobs_that_are_large_push_out_jobs(store: SqliteJobStore, quiet: set[str]) -> None:
    for number in range(100, 200):
        store.put_jobs([asked(number, "x" * 100_000)])
    assert kept(store, quiet) == quiet
    jids = [job.jid for job in store.jobs(1000)]
    assert jids[0] == f"{199:020}"
    assert f"{100:020}" not in jids
    assert within_bound(store)


def test_what_is_taken_comes_from_the_largest() -> None:
    assert _cuts({"": 100, "a": 50, "b": 10}, 50) == {"": 50.0}
    assert _cuts({"": 100, "a": 50, "b": 10}, 70) == {"": 60.0, "a": 10.0}
    assert _cuts({"": 0}, 10) == {}
