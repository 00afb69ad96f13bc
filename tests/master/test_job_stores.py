"""Both job stores keep the same promises."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_master.jobs.store import JobLoad, JobReturn, JobStore
from saltern_master.jobs.stores.memory import MemoryJobStore
from saltern_master.jobs.stores.sqlite import SqliteJobStore

JID, LATER = "20260101000000000000", "20260102000000000000"

BOUND = 1 << 30


@pytest.fixture(params=["memory", "sql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JobStore]:
    made: JobStore = MemoryJobStore() if request.param == "memory" else SqliteJobStore(str(tmp_path / "jobs.db"), BOUND)
    made.open()
    yield made
    made.close()


def answer(minion: str, value: Any, jid: str = JID, received: float = 100.0) -> JobReturn:
    return JobReturn(jid, minion, "test.echo", True, received, {"return": value, "retcode": 0, "id": minion})


def test_jobs_and_returns_come_back(store: JobStore) -> None:
    store.put_jobs([JobLoad(JID, 100.0, {"fun": "test.echo", "minions": ["a", "b"]}), JobLoad(LATER, 200.0, {})])
    store.put_returns([answer("b", 2), answer("a", {"x": [1, None, "ü"]})])
    assert store.job(JID) == JobLoad(JID, 100.0, {"fun": "test.echo", "minions": ["a", "b"]})
    assert store.job("30000101000000000000") is None
    assert [job.jid for job in store.jobs(10)] == [LATER, JID]
    assert [job.jid for job in store.jobs(1)] == [LATER]
    assert [(item.minion_id, item.data["return"]) for item in store.returns(JID)] == [
        ("a", {"x": [1, None, "ü"]}),
        ("b", 2),
    ]


def test_storing_twice_is_storing_once(store: JobStore) -> None:
    for _ in range(2):
        store.put_returns([answer("a", 1), answer("a", 1)])
    assert len(store.returns(JID)) == 1


def test_purging_takes_jobs_with_their_returns(store: JobStore) -> None:
    store.put_jobs([JobLoad(JID, 100.0, {}), JobLoad(LATER, 200.0, {})])
    store.put_returns([answer("a", 1), answer("a", 1, LATER, 200.0)])
    assert store.purge(150.0) == 2
    assert [job.jid for job in store.jobs(10)] == [LATER]
    assert (store.returns(JID), len(store.returns(LATER))) == ([], 1)


def test_the_tables_are_salts_and_private(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    store = SqliteJobStore(str(path), BOUND)
    store.open()
    store.put_returns([answer("a", {"n": 1})])
    store.close()
    with sqlite3.connect(path) as connection:
        row = connection.execute("select jid, id, fun, return, success from salt_returns").fetchone()
    connection.close()
    assert row == (JID, "a", "test.echo", '{"n": 1}', 1)
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_keys_of_bytes_are_kept_as_text(tmp_path: Path) -> None:
    store = SqliteJobStore(str(tmp_path / "jobs.db"), BOUND)
    store.open()
    store.put_returns([answer("a", {b"k\xff": [{b"n": 1}]})])
    assert store.returns(JID)[0].data["return"] == {"k\\xff": [{"n": 1}]}
    store.close()


def test_a_function_name_that_is_no_text_is_kept(tmp_path: Path) -> None:
    store = SqliteJobStore(str(tmp_path / "jobs.db"), BOUND)
    store.open()
    store.put_returns([answer("a", 1)._replace(fun="x.\udc80")])
    assert store.returns(JID)[0].fun == "x.\\udc80"
    store.close()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.binary(), inner),
    max_leaves=8,
)


@given(VALUES)
@settings(max_examples=50, deadline=None)
def test_any_value_that_a_minion_sends_can_be_stored(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    store = SqliteJobStore(str(tmp_path_factory.mktemp("sql") / "jobs.db"), BOUND)
    store.open()
    store.put_returns([answer("a", value)])
    ((found),) = store.returns(JID)
    assert set(found.data) == {"return", "retcode", "id"}
    store.close()


def test_the_newest_of_what_came_before(store: JobStore) -> None:
    assert store.newest(1e12) is None
    store.put_jobs([JobLoad("20260101000000000001", 100.0, {}), JobLoad("20260101000000000002", 300.0, {})])
    store.put_returns([JobReturn("20260101000000000001", "m1", "test.ping", True, 200.0, {"return": True})])
    assert store.newest(1e12) == 300.0
    assert store.newest(300.0) == 200.0
    assert store.newest(150.0) == 100.0
    assert store.newest(100.0) is None
