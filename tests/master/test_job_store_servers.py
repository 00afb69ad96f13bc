"""The job store on real MariaDB and PostgreSQL servers keeps the promises that it keeps in a file."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.config import MasterOptions
from saltern.errors import JournalError, RecordError
from saltern_master.jobs import keeper as keeper_module
from saltern_master.jobs.configured import configured_store
from saltern_master.jobs.query import Wanted
from saltern_master.jobs.store import JobLoad, JobReturn
from saltern_master.jobs.stores import server as server_module
from saltern_master.jobs.stores import sql as sql_module
from saltern_master.jobs.stores.server import ServerJobStore
from saltern_master.sql.address import from_url
from support.database_servers import MariaDb, Server
from support.masters import running, until

JID, LATER = "20260101000000000000", "20260102000000000000"
# PyMySQL leaves the socket of a connection that was refused to the collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _collect() -> Iterator[None]:
    yield
    gc.collect()  # while that is passed over


@pytest.fixture
def store(server: Server) -> Iterator[ServerJobStore]:
    made = ServerJobStore(from_url(server.url(server.fresh()), "job_db"), 1 << 30)
    made.open()
    yield made
    made.close()


def answer(minion: str, value: Any, jid: str = JID, received: float = 100.25, success: bool = True) -> JobReturn:
    return JobReturn(jid, minion, "test.echo", success, received, {"return": value, "retcode": 0, "id": minion})


def test_jobs_and_returns_come_back_once(store: ServerJobStore) -> None:
    nasty = {"x": [1, None, "ü\0\ud800😀", 2**63], "f": 1.5}
    loads = [JobLoad(JID, 1795951000.123456, {"fun": "test.echo", "minions": ["a", "b"]}), JobLoad(LATER, 200.0, {})]
    for _ in range(2):
        store.put_jobs(loads)
        store.put_returns([answer("b", 2), answer("a", nasty), answer("A", "another minion"), answer("b", 3)])
    assert store.job(JID) == loads[0]
    assert store.job("30000101000000000000") is None
    assert [job.jid for job in store.jobs(10)] == [LATER, JID]
    found = {item.minion_id: (item.data["return"], item.success, item.received) for item in store.returns(JID)}
    assert found == {"A": ("another minion", True, 100.25), "a": (nasty, True, 100.25), "b": (2, True, 100.25)}
    assert [item.minion_id for item in store.some_returns(JID, ["a", "b"], 1)] == ["a"]
    assert store.newest(200.0) == 100.25


def test_what_is_old_and_what_is_over_the_bound_goes_in_steps(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_module, "STEP_ROWS", 3)
    store = ServerJobStore(from_url(server.url(server.fresh()), "job_db"), 30_000)
    store.open()
    store.put_jobs([JobLoad(f"2026{n:016d}", float(n), {}) for n in range(10)])
    store.put_returns([answer("a", n, f"2026{n:016d}", float(n)) for n in range(10)])
    assert store.purge(5.0) == 10
    assert len(store.jobs(99)) == 5
    for n in range(40):
        store.put_returns([answer("loud", "x" * 2000, f"2027{n:016d}", 100.0 + n)])
    loud = store.query(Wanted(minion="loud")).found
    assert len(loud) < 20
    assert loud[0].jid == f"2027{39:016d}"
    assert store.dropped == 40 - len(loud)
    assert len(store.query(Wanted(minion="a")).found) == 5  # nobody else's went
    store.close()


def test_returns_are_found_page_by_page(store: ServerJobStore) -> None:
    store.put_returns([answer(m, "x" * 100, f"2026{n:016d}", 100.0 + n, m == "a") for n in range(5) for m in "ab"])
    assert [one.jid[-1] + one.minion_id for one in store.query(Wanted(limit=3)).found] == ["4b", "4a", "3b"]
    page = store.query(Wanted(limit=3, after=(f"2026{3:016d}", "b"), success=True))
    assert ([one.jid[-1] for one in page.found], page.more) == (["3", "2", "1"], True)
    assert len(store.query(Wanted(since=102.0, until=104.0)).found) == 4
    page = store.query(Wanted(max_bytes=250))
    assert (len(page.found), page.more) == (1, True)
    assert store.query(Wanted(offset=9)).more is False


def test_what_no_server_takes_is_refused_and_what_may_heal_is_not(server: Server, store: ServerJobStore) -> None:
    with pytest.raises(RecordError):
        store.put_returns([answer("m" * 300, 1)])
    if isinstance(server, MariaDb):  # whose max_allowed_packet is 1 MiB here
        with pytest.raises(RecordError, match="max_allowed_packet"):
            store.put_returns([answer("a", "x" * 1_100_000)])
    server.kill()
    with pytest.raises(JournalError):
        store.put_returns([answer("a", 1)])
    server.start()
    store.put_returns([answer("a", 1)])
    assert len(store.returns(JID)) == 1


def test_a_master_starts_and_answers_without_its_database_and_heals(
    server: Server, options: MasterOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "RETRY_S", 0.05)
    monkeypatch.setattr(server_module, "OPEN_AGAIN_S", 0.05)
    options["job_db"] = server.url(server.fresh())
    assert isinstance(configured_store(options), ServerJobStore)
    server.kill()

    async def scenario() -> None:
        async with running(options) as master:
            assert master.tracker.blind
            load = {"jid": JID, "fun": "test.ping", "minions": ["a"], "user": "root", "owner": "local:root"}
            assert master.inbox.put_job(load)
            await until(lambda: master.keeper.metrics()["store_failures"] > 1)
            with pytest.raises(JournalError, match="job store"):
                await asyncio.to_thread(master.job_store.job, JID)
            await asyncio.to_thread(server.start)
            await until(lambda: master.keeper.metrics()["stored"] == 1)
            assert await asyncio.to_thread(master.job_store.job, JID)

    asyncio.run(scenario())


def test_what_a_job_store_says_never_holds_the_password(server: Server, tmp_path: Path) -> None:
    address = from_url(server.url("nowhere"), "job_db")
    store = ServerJobStore(address, 1 << 30)
    with pytest.raises(JournalError) as caught:
        store.open()
    for text in (str(caught.value), str(address), repr(address)):
        assert "s3cret" not in text
    store.close()
