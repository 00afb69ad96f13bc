"""``jobs.*`` about jobs that are kept: what Salt answers, what is kept from whom, and what a question may cost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from saltern.errors import ArgumentError, Busy, IdError, SalternError
from saltern.secret import Secret
from saltern_master.commands import jobs, past_jobs, returns
from saltern_master.commands.registry import Command
from saltern_master.jobs import search
from saltern_master.jobs.moment import jid_at
from saltern_master.jobs.search import search_of
from saltern_master.jobs.store import JobLoad, JobReturn, JobStore
from saltern_master.jobs.stores.memory import MemoryJobStore
from saltern_master.jobs.stores.sqlite import SqliteJobStore
from saltern_master.jobs.tracker import AtWork
from support.doors import ROOT, Door, Users

RECORDED = json.loads((Path(__file__).parents[1] / "support/salt_answers/jobs.json").read_text(encoding="utf-8"))
ACL = {"ann": ["@runner"], "fred": ["@runner", "test.*"], "eve": ["test.*"]}
COMMANDS = [one for one in vars(past_jobs).values() if isinstance(one, Command)] + [jobs.active, returns.query]
JID = "20261128194401123456"


class Kept(Door):
    """The door with ``jobs.*`` alone, over a store."""

    def __init__(self, store: JobStore) -> None:
        self.waits: list[float] = []
        keeper = SimpleNamespace(catch_up=self.waits.append)
        super().__init__(ACL, COMMANDS, Users(ann=(), fred=(), eve=()), job_store=store, keeper=keeper)

    def ask(self, name: str, *args: Any, who: Any = ROOT, **kwargs: Any) -> Any:
        name = name if "." in name else f"jobs.{name}"
        return asyncio.run(self.call(who, f"runner.{name}", *args, **kwargs))


@pytest.fixture(params=["memory", "sql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JobStore]:
    made: JobStore = (
        MemoryJobStore() if request.param == "memory" else SqliteJobStore(str(tmp_path / "jobs.db"), 1 << 30)
    )
    made.open()
    yield made
    made.close()


@pytest.fixture
def kept(store: JobStore) -> Iterator[Kept]:
    for job in RECORDED["jobs"]:
        given = {key: value for key, value in job.items() if key != "returns"}
        store.put_jobs([JobLoad(job["jid"], 1.0, {**given, "owner": "local:fred"})])
        store.put_returns(
            [
                JobReturn(job["jid"], minion, job["fun"], ret["success"], 1.0, {**ret, "fun_args": [], "id": minion})
                for minion, ret in job["returns"].items()
            ]
        )
    made = Kept(store)
    yield made
    made.dispatcher.close()


def job(number: int, owner: str = "local:fred", **more: Any) -> JobLoad:
    load = {"fun": "test.ping", "tgt": "*", "tgt_type": "glob", "arg": [], "kwarg": {}, "user": "fred", "owner": owner}
    return JobLoad(f"{int(JID) + number}", 1.0, {**load, "minions": ["a", "b"], **more})


def test_every_answer_is_salts(kept: Kept) -> None:
    for name, args, kwargs, answer in RECORDED["answers"]:
        assert kept.ask(name, *args, **kwargs) == answer, (name, args, kwargs)
    assert all(wait == 2.0 for wait in kept.waits)
    assert len(kept.waits) >= len(RECORDED["answers"])


def test_jobs_are_found_by_whom_they_went_to_whatever_their_target_was(kept: Kept) -> None:
    found = kept.ask("list_jobs", search_minion="m2", limit=3)
    assert list(found) == ["20261128194410123456", "20261128194409123456", "20261128194408123456"]
    assert [job["Target"] for job in found.values()] == ["m[12]", "m2", "web* and G@os:Debian"]
    assert kept.ask("list_jobs", search_minion="nope") == {}


def test_what_minions_work_on_is_shown_whole_and_to_others_without_what_it_was_given(store: JobStore) -> None:
    store.put_jobs([job(0, arg=[60], kwarg={"a": 1}), job(1)])
    store.put_returns([JobReturn(job(1).jid, name, "test.ping", True, 1.0, {"return": True}) for name in ("b", "z")])
    found = {
        JID: AtWork("test.ping", "fred", "local:fred", {"b": None, "a": 7}, ["c"]),
        job(1).jid: AtWork("test.ping", "fred", "local:fred", {"a": 8}, None),  # from before the start
        job(2).jid: AtWork("test.sleep", "fred", "local:fred", {"a": 9}, []),  # not stored yet
    }

    async def at_work(minions: list[str]) -> dict[str, AtWork]:
        assert minions == ["a", "b"]
        return found

    here = Kept(store)
    here.services.tracker = SimpleNamespace(at_work=at_work)
    here.services.fleet = SimpleNamespace(present=lambda: ["a", "b"])
    shown = here.ask("active", who="fred")
    assert shown[JID] == {
        "Function": "test.ping",
        "Arguments": [60, {"a": 1, "__kwarg__": True}],
        "Target": "*",
        "Target-type": "glob",
        "User": "fred",
        "StartTime": "2026, Nov 28 19:44:01.123456",
        "Running": [{"a": 7}, {"b": None}],
        "Returned": ["c"],
    }
    assert (shown[job(1).jid]["Running"], shown[job(1).jid]["Returned"]) == ([{"a": 8}], ["b"])
    assert (shown[job(2).jid]["Function"], shown[job(2).jid]["Arguments"]) == ("test.sleep", [])
    assert {one["Arguments"] for one in here.ask("active", who="ann").values()} == {"***"}
    found.clear()
    assert here.ask("active") == {}
    here.dispatcher.close()


def test_a_job_of_several_functions_is_found_by_each_and_breaks_nothing(store: JobStore) -> None:
    store.put_jobs(
        [job(1), job(2, fun=["test.ping", "cmd.run"], arg=[[], ["ls"]]), job(3, fun=["pkg.x"], tgt=["a", "b"])]
    )
    here = Kept(store)
    assert list(here.ask("list_jobs", search_function="cmd.*")) == [job(2).jid]
    assert list(here.ask("list_jobs", search_function="test.*")) == [job(2).jid, job(1).jid]
    assert list(here.ask("last_run", function="pkg.x", target="b")) == [job(3).jid]
    shown = here.ask("list_job", job(2).jid)
    assert (shown["Function"], shown["Arguments"]) == (["test.ping", "cmd.run"], [[], ["ls"]])
    here.dispatcher.close()


def test_that_a_job_only_looked_is_shown_to_everybody(store: JobStore) -> None:
    look = {"saltern-web": "look"}
    store.put_jobs([job(1, metadata=look), job(2, metadata={**look, "ticket": 7}), job(3, kwarg={"metadata": look})])
    here = Kept(store)
    found = here.ask("list_jobs", who="ann")
    assert [found[job(number).jid]["Metadata"] for number in (1, 2, 3)] == [look, "***", look]
    here.dispatcher.close()


def test_what_others_were_given_is_neither_shown_nor_found(kept: Kept) -> None:
    for who, hidden in (("fred", False), (ROOT, False), ("ann", True)):
        listed = kept.ask("list_jobs", who=who)
        assert {job["Arguments"] == "***" for job in listed.values()} == {hidden}
        assert {job["Metadata"] == "***" for job in listed.values() if "Metadata" in job} == {hidden}
        assert (kept.ask("list_job", JID, who=who)["Arguments"] == "***") is hidden
        assert (kept.ask("print_job", JID, who=who)[JID]["Arguments"] == "***") is hidden
        assert all((job["Arguments"] == "***") is hidden for job in kept.ask("list_jobs_filter", 3, who=who))
        # Each answer to a guess at another's metadata would tell of it.
        assert bool(kept.ask("list_jobs", search_metadata={"ticket": 7}, who=who)) is not hidden
        assert bool(kept.ask("last_run", metadata={"ticket": 7}, who=who)) is not hidden
    for name in ("list_jobs", "list_job", "lookup_jid", "last_run"):
        with pytest.raises(SalternError, match="may not run functions on the master"):
            kept.ask(name, *([JID] if name in ("list_job", "lookup_jid") else []), who="eve")


def test_returns_of_minions_that_the_job_was_not_for_are_not_shown(store: JobStore) -> None:
    store.put_jobs([job(0)])
    store.put_returns([JobReturn(JID, name, "test.ping", True, 1.0, {"return": True}) for name in ("a", "z")])
    here = Kept(store)
    assert here.ask("lookup_jid", JID) == {"a": True}
    assert here.ask("lookup_jid", JID, missing=True) == {"a": True, "b": "Minion did not return"}
    assert here.ask("exit_success", JID) == {"a": True, "b": False}
    assert here.ask("list_job", JID)["Result"] == {"a": {"return": True}}
    here.dispatcher.close()


def test_what_another_ran_on_the_master_came_back_for_him_alone(store: JobStore) -> None:
    store.put_jobs([job(0, owner="local:fred", fun="runner.test.arg", client="runner", minions=["h_master"])])
    store.put_returns([JobReturn(JID, "h_master", "runner.test.arg", True, 1.0, {"return": {"return": "his"}})])
    here = Kept(store)
    for who, whole in (("fred", {"h_master": {"return": "his"}}), (ROOT, {"h_master": {"return": "his"}}), ("ann", {})):
        assert here.ask("lookup_jid", JID, who=who) == whole
        shown = here.ask("list_job", JID, who=who)
        assert {name: one["return"] for name, one in shown["Result"].items()} == whole
        assert "Minions" not in shown
        assert here.ask("last_run", who=who)[JID]["Result"] == shown["Result"]
        found = here.ask("returns.query", jid=JID, who=who)["returns"]
        assert {one["id"]: one["return"] for one in found} == whole
    here.dispatcher.close()


def test_a_page_of_jobs_is_bounded_in_bytes(tmp_path: Path) -> None:
    store = SqliteJobStore(str(tmp_path / "jobs.db"), 1 << 30)
    store.open()
    store.put_jobs([job(number, arg=["x" * 1000]) for number in range(10)])
    size = store.jobs_between("", "~", 1, 1 << 20)[0].size
    assert 1000 < size < 1500
    assert [one.jid for one in store.jobs_between("", "~", 10, 3 * size)] == [job(number).jid for number in (9, 8, 7)]
    assert len(store.jobs_between("", "~", 10, 1)) == 1
    assert store.jobs_between(job(10).jid, "~", 10, 1 << 20) == []
    store.close()


def test_pages_of_any_size_list_every_job_once(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put_jobs([job(number, arg=["x" * 1000]) for number in range(25)])
    here = Kept(store)
    every = [job(number).jid for number in reversed(range(25))]
    for page_jobs, page_bytes in ((500, 1 << 20), (7, 1 << 20), (25, 1 << 20), (500, 1), (500, 3000)):
        monkeypatch.setattr(search, "PAGE_JOBS", page_jobs)
        monkeypatch.setattr(search, "PAGE_BYTES", page_bytes)
        assert list(here.ask("list_jobs")) == every
        assert list(here.ask("list_jobs", limit=3)) == every[:3]
        assert [one["JID"] for one in here.ask("list_jobs_filter", 4)] == every[3::-1]
        assert list(here.ask("list_jobs", start_time=every[-4], end_time=every[-10])) == every[-10:-3]
    here.dispatcher.close()


def test_more_jobs_than_are_listed_at_once_are_told_of_and_not_left_out(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_jobs([job(number) for number in range(6)])
    here = Kept(store)
    monkeypatch.setattr(past_jobs, "MAX_LISTED", 6)
    assert len(here.ask("list_jobs")) == 6
    monkeypatch.setattr(past_jobs, "MAX_LISTED", 5)
    with pytest.raises(ArgumentError, match=r"more jobs than are listed at once \(5, .* give limit=100, start_time="):
        here.ask("list_jobs")
    assert len(here.ask("list_jobs", limit=5)) == 5
    monkeypatch.setattr(past_jobs, "MAX_LISTED_BYTES", 300)
    with pytest.raises(ArgumentError, match="more jobs than are listed at once"):
        here.ask("list_jobs", limit=5)
    here.dispatcher.close()


@pytest.mark.parametrize(
    ("name", "kwargs", "why"),
    [
        (
            "list_jobs",
            {"search_function": "a" * 1_000_000},
            "search_function must be globs, 1,000 characters of them at",
        ),
        ("list_jobs", {"search_target": "a," * 40_000}, "search_target has more than 100 globs: that many are"),
        ("list_jobs", {"search_target": ["a" * 2000]}, "search_target must be globs, 1,000 characters"),
        ("list_jobs", {"search_target": [1]}, "search_target must be globs"),
        ("list_jobs", {"search_metadata": dict.fromkeys(map(str, range(101)))}, "metadata has 101 keys"),
        ("list_jobs", {"search_metadata": "a"}, "search_metadata must be a map"),
        ("list_jobs", {"start_time": "9" * 1_000_000}, "is no time: write it as in"),
        ("list_jobs", {"end_time": "tomorrow"}, "'tomorrow' is no time"),
        ("list_jobs", {"limit": 0}, "the number of jobs must be between 1 and 20,000, not 0"),
        ("list_jobs", {"ext_source": "mysql"}, "ext_source='mysql': jobs are read from the master's own store"),
        ("list_jobs", {"nosuch": 1}, "unexpected keyword argument 'nosuch'"),
        ("list_jobs_filter", {"count": -1}, "the number of jobs must be"),
        ("lookup_jid", {"jid": "x"}, "jid 'x' is not valid"),
    ],
)
def test_what_cannot_be_looked_for_is_one_line(store: JobStore, name: str, kwargs: dict[str, Any], why: str) -> None:
    here = Kept(store)
    with pytest.raises((ArgumentError, IdError), match=why) as caught:
        here.ask(name, **kwargs)
    assert len(str(caught.value)) < 1000
    assert here.waits == []
    here.dispatcher.close()


def test_a_search_ends_in_time_also_within_one_job(store: JobStore) -> None:
    times = iter([0.0, *[1.0] * 500, *[search.MAX_SEARCH_S + 1] * 500])
    store.put_jobs([job(1, tgt=["a" * 1000] * 1000)])
    with pytest.raises(Busy, match="give a start_time and an end_time"):
        list(search_of(search_target="*" + "a" * 990 + "b").found(store, lambda: next(times)))
    assert next(times) > search.MAX_SEARCH_S  # not all of it was looked at


def test_a_text_that_is_too_long_to_match_is_found_by_none(store: JobStore) -> None:
    store.put_jobs([job(1, tgt="a" * 1001), job(2, tgt="a" * 1000)])
    assert [one.jid for one in search_of(search_target="a*").found(store)] == [job(2).jid]


def test_a_search_ends_in_time(store: JobStore) -> None:
    store.put_jobs([job(1)])
    times = iter([0.0, search.MAX_SEARCH_S + 1])
    with pytest.raises(Busy, match="give a start_time and an end_time"):
        list(search_of("nothing").found(store, lambda: next(times)))


def test_secrets_stay_hidden_in_what_is_shown(store: JobStore) -> None:
    store.put_jobs([job(0, arg=[Secret("hunter2")], kwarg={"password": Secret("hunter2")})])
    here = Kept(store)
    if isinstance(store, SqliteJobStore):
        assert "hunter2" not in json.dumps(here.ask("list_job", JID))
        assert here.ask("list_job", JID)["Arguments"] == ["***", {"password": "***", "__kwarg__": True}]
    here.dispatcher.close()


@pytest.mark.parametrize(
    ("moment", "jid"),
    [
        ("2026-11-28T20:44:01+01:00", "20261128194401000000"),
        ("2026-11-28T19:44:01Z", "20261128194401000000"),
        ("  2026,  Nov 28   19:44 ", "20261128194400000000"),
        (JID, JID),
        ("0001-01-01", "00010101000000000000"),
    ],
)
def test_moments(moment: str, jid: str) -> None:
    assert jid_at(moment) == jid


@pytest.mark.parametrize(
    "moment", ["", " ", "x", "2026-13-01", "2026-11-28 25:00", "99999999999999999999", "\0", "1" * 65]
)
def test_what_is_no_moment(moment: str) -> None:
    with pytest.raises(ArgumentError, match="is no time"):
        jid_at(moment)
