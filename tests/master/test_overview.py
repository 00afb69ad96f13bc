"""``manage.overview``, ``manage.health`` and ``manage.resolve``: a fleet at a glance, and no row that isn't seen."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import zmq

from saltern.config import MasterOptions
from saltern.errors import ArgumentError, NotAuthorised, SalternError, TargetError
from saltern_master.account.tally import Tally
from saltern_master.alert_marks import AlertMarks, Mark
from saltern_master.annotations.places import Places
from saltern_master.auth.caller import Caller, Kind
from saltern_master.master import Master
from saltern_master.overview import MARKS_GOOD_FOR_S
from support.masters import FakeAgent, running

ROLES = {
    "watcher": {"members": ["ldap:wanda"], "on": ["web"]},
    "admin": {"members": ["ldap:ada"]},
    "webber": {"grants": ["test.ping", {"@runner": [r"manage\..*"]}], "members": ["ldap:otto"], "on": ["web"]},
}
GROUPS = {"web": ["web*"], "db": ["db1"], "empty": ["zz"]}
ROOT = Caller(Kind.LOCAL, "root", 0)
WANDA, OTTO, ADA, NOBODY = (Caller(Kind.LOGIN, name, source="ldap") for name in ("wanda", "otto", "ada", "nobody"))
SCHEDULE = {"stats": {"function": "stats.collect", "seconds": 15, "metrics": True}}


@asynccontextmanager
async def fleet(options: MasterOptions) -> AsyncIterator[tuple[Master, FakeAgent]]:
    """A master with web1, which is there, and db1, web2, which are away."""
    more: Any = {"roles": ROLES, "groups": GROUPS, "auto_accept": True, "schedule": SCHEDULE}
    options.update(more)
    async with running(options) as master:
        agent = FakeAgent(master, "web1")
        try:
            await agent.join()
            for name in ("db1", "web2"):
                master.keystore.put("minions", name, zmq.curve_keypair()[0].decode())
            master.keystore.put("minions_pre", "new", zmq.curve_keypair()[0].decode())
            master.keyring.refresh(force=True)
            yield master, agent
        finally:
            agent.close()


async def ask(master: Master, caller: Caller, name: str, *args: Any, **kwargs: Any) -> Any:
    try:
        return await master.dispatcher.call(caller, f"runner.{name}", list(args), kwargs)
    except SalternError as error:
        return error


def alerts(master: Master, *series: tuple[str, str, bool]) -> None:
    listed = [
        {"series": name, "state": state, "value": 1.0, "since": 1.8e9, "silenced": {"id": 1} if silenced else None}
        for name, state, silenced in series
    ]
    master.alerts.listing = lambda: [{"name": "load", "series": listed, "error": ""}]  # type: ignore[method-assign]


def test_every_minion_has_a_row_and_each_sees_his_own(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as (master, _):
            began = time.time()
            alerts(
                master,
                ("saltern.web1.a", "ok", False),
                ("saltern.web1.b", "warn", False),
                ("saltern.web1.c", "crit", True),
                ("saltern.web2.a", "nodata", False),
                ("sumSeries(saltern.db1.a,saltern.web2.a)", "crit", False),
                ("alias", "crit", False),
            )
            tally = master.accounting.of("web1")["stats"]
            slot = tally.first * 15
            tally.ran(slot, slot + 1, failed=False)
            tally.ran(slot + 15, slot + 16, failed=True)
            told = await ask(master, ROOT, "manage.overview")
            assert told["id"] == ["db1", "web1", "web2"]
            assert told["up"] == [False, True, False]
            assert told["since"][0] is told["since"][2] is None
            assert began - 10 < told["since"][1] <= time.time()
            assert told["sampled"] == [None, slot, None]
            assert told["interval"][1] == 15
            assert told["alert"] == ["crit", "warn", "crit"]  # a sum over two marks both
            assert told["silenced"] == [False, True, False]
            assert told["groups"] == {"db": [0], "empty": [], "web": [1, 2]}
            assert len({len(told[name]) for name in told if name not in ("at", "groups")}) == 1
            for caller in (WANDA, OTTO):
                seen = await ask(master, caller, "manage.overview")
                assert seen["id"] == ["web1", "web2"]
                assert seen["up"] == [True, False]
                assert seen["sampled"] == [slot, None]
                assert seen["alert"] == ["warn", "nodata"]  # the sum is about one that they don't see, too
                assert seen["groups"] == {"web": [0, 1]}
            assert isinstance(await ask(master, NOBODY, "manage.overview"), NotAuthorised)

    asyncio.run(scenario())


def test_since_is_when_it_went(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as (master, agent):
            came = (await ask(master, ROOT, "manage.overview"))["since"][1]
            agent.close()
            async with asyncio.timeout(30):
                while master.fleet.is_present("web1"):
                    await asyncio.sleep(0.01)
            async with asyncio.timeout(30):
                while (told := await ask(master, ROOT, "manage.overview"))["up"][1]:
                    await asyncio.sleep(0.01)
            assert told["since"][1] > came

    asyncio.run(scenario())


def test_whoever_asks_at_once_gets_the_same_and_a_new_minion_is_there_at_once(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as (master, _):
            first, second = await asyncio.gather(master.overview.columns(), master.overview.columns())
            assert first is second
            master.keystore.put("minions", "web9", zmq.curve_keypair()[0].decode())
            master.keyring.refresh(force=True)
            told = await ask(master, ROOT, "manage.overview")
            assert told["id"][-1] == "web9"
            assert told["groups"]["web"] == [1, 2, 3]

    asyncio.run(scenario())


def test_health_is_of_the_minions_seen_and_the_masters_own_is_for_who_sees_all(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as (master, _):
            master.clocks.told("web1", -3.5)
            tally = Tally(15.0, int(time.time() // 15) - 10)
            for back in range(8, 3, -1):
                slot = (int(time.time() // 15) - back) * 15
                tally.ran(slot, slot + 1, failed=False)
            master.accounting._tallies["db1"] = {"stats": tally}
            state = {"connected": True, "lag_s": 1.5, "waiting_bytes": 9, "waiting_records": None}
            master.engine = SimpleNamespace(state=lambda now: state)  # type: ignore[assignment]
            told = await ask(master, ROOT, "manage.health")
            assert told["minions"] == {"accepted": 3, "up": 1, "down": 2, "pending": 1}
            assert told["points"]["received"] == 5
            points = told["points"]
            assert points["expected"] == sum(points[name] for name in points if name not in ("expected", "late"))
            assert 0 < told["hour"]["completeness"] < 100
            assert told["clocks"] == {"worst_s": -3.5, "minion": "web1"}
            assert told["alerts"] == {"source_up": True, "rules": 0, "bad_rules": 0}
            assert told["store"] == state
            assert told["started"] <= time.time()
            seen = await ask(master, WANDA, "manage.health")
            assert seen["minions"] == {"accepted": 2, "up": 1, "down": 1, "pending": None}
            assert seen["points"]["received"] == 0
            assert seen["started"] is None
            assert set(seen["store"].values()) == set(seen["alerts"].values()) == {None}

    asyncio.run(scenario())


def test_a_target_means_who_is_seen_and_others_are_not_there(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as (master, _):
            every = await ask(master, ROOT, "manage.resolve", "*")
            assert every == {"minions": ["db1", "web1", "web2"], "unknown": [], "problem": ""}
            for caller in (WANDA, OTTO):
                assert (await ask(master, caller, "manage.resolve", "*"))["minions"] == ["web1", "web2"]
                named = await ask(master, caller, "manage.resolve", ["db1", "no", "web1"], tgt_type="list")
                assert named == {"minions": ["web1"], "unknown": ["db1", "no"], "problem": ""}
                assert (await ask(master, caller, "manage.resolve", "id:db*", tgt_type="grain"))["minions"] == []
            wrong = await ask(master, WANDA, "manage.resolve", "( web1", tgt_type="compound")
            assert isinstance(wrong, TargetError) or wrong["problem"]
            assert isinstance(await ask(master, NOBODY, "manage.resolve", "*"), NotAuthorised)
            ended: asyncio.Queue[Any] = asyncio.Queue()
            master.runs.end = lambda run, answer, success: ended.put_nowait(answer)  # type: ignore[method-assign]
            await master.dispatcher.call(ROOT, "runner.async", ["manage.resolve", ["web*"]], {})
            assert (await ended.get())["minions"] == ["web1", "web2"]

    asyncio.run(scenario())


def test_about_oneself(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as (master, _):
            names = [
                *("test.ping", "cmd.run", "runner.manage.overview", "runner.manage.resolve", "runner.jobs.list_jobs"),
                *("wheel.key.accept", "runner.auth.roles", "runner.my.own", "runner.fileserver.update", "no such", ""),
            ]

            async def may(caller: Caller) -> list[str]:
                told = await ask(master, caller, "auth.about", names)
                return [name for name in told["may"] if told["may"][name]]

            assert await may(ROOT) == names[:-1]
            watched = ["runner.manage.overview", "runner.manage.resolve", "runner.jobs.list_jobs"]
            assert await may(WANDA) == watched
            assert await may(OTTO) == ["test.ping", "runner.manage.overview", "runner.manage.resolve"]
            scoped = Caller(Kind.LOGIN, "ada", source="ldap", groups=frozenset({"g"}), scope=("role:watcher",))
            assert await may(scoped) == watched
            told = await ask(master, scoped, "auth.about")
            assert (told["everything"], told["roles"], told["groups"], told["may"]) == (False, [], [], {})
            assert told["scoped"]
            ada = await ask(master, Caller(Kind.LOGIN, "ada", source="ldap", groups=frozenset({"g"})), "auth.about")
            assert ada == {
                "principal": "ldap:ada",
                "user": "ada",
                "eauth": "ldap",
                "groups": ["g"],
                "roles": ["admin"],
                "everything": True,
                "scoped": False,
                "may": {},
            }
            assert isinstance(await ask(master, NOBODY, "auth.about"), NotAuthorised)
            for wrong in (["x"] * 501, ["x" * 201], [1]):
                assert isinstance(await ask(master, ROOT, "auth.about", wrong), ArgumentError)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        (["ok", "nodata"], "nodata"),
        (["nodata", "warn", "ok"], "warn"),
        (["crit", "warn"], "crit"),
        (["strange"], "strange"),
    ],
)
def test_the_worst_state_counts(states: list[str], worst: str) -> None:
    listed = [{"series": [{"series": f"saltern.web1.{number}", "state": one}]} for number, one in enumerate(states)]
    marks = AlertMarks(lambda: listed, Places("saltern.[minion_id].[module]", lambda: ["web1"]))
    assert marks.look(["web1"]).own == {"web1": Mark(worst)}


def test_whom_a_series_is_about_is_asked_again_when_minions_come() -> None:
    minions = ["web1"]
    marks = AlertMarks(
        lambda: [{"series": [{"series": "saltern.web2.a", "state": "crit"}]}],
        Places("saltern.[minion_id].[module]", lambda: minions),
    )
    assert marks.look(["web1"]).own == {}
    minions.append("web2")
    assert marks.look(["web1", "web2"]).own == {"web2": Mark("crit")}


def test_alerts_that_take_long_to_look_at_keep_nobody_waiting_and_old_ones_are_not_shown(
    options: MasterOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with fleet(options) as (master, _):
            alerts(master, ("saltern.web1.a", "warn", False))
            view = master.overview
            assert (await ask(master, ROOT, "manage.overview"))["alert"][1] == "warn"
            slow = threading.Event()
            look = view._alert_marks.look
            monkeypatch.setattr(view._alert_marks, "look", lambda ids: slow.wait(10) and look(ids))
            alerts(master, ("saltern.web1.a", "crit", False))
            assert view._looked is not None
            view._looked = view._looked._replace(until=0.0)
            columns = await view._made(master.keyring.minions())
            assert columns.marks.own["web1"].state == "warn"  # of a moment ago
            view._looked = view._looked._replace(at=view._looked.at - MARKS_GOOD_FOR_S)
            asked = asyncio.create_task(view._made(master.keyring.minions()))
            await asyncio.sleep(0)
            slow.set()
            assert (await asked).marks.own["web1"].state == "crit"

    asyncio.run(scenario())
