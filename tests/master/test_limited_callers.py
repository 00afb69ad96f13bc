"""Who is limited to groups of minions learns of no other by any function of the master's own, and changes none.

Every function that there is has a line here: a new one fails until it is said what it does for such a caller.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import zmq

from saltern.config import MasterOptions
from saltern.errors import NotAuthorised, SalternError
from saltern.key_functions import KeyFunctions
from saltern.keystore import KeyStore
from saltern_master.alerts.history import Entry
from saltern_master.alerts.silence import Silence
from saltern_master.auth.built_in_roles import WATCHED
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.need import Need
from saltern_master.commands.registry import Reach
from saltern_master.commands.table import command_table
from saltern_master.jobs.store import JobLoad, JobReturn
from saltern_master.jobs.tracker import AtWork
from saltern_master.master import Master
from saltern_master.returners.rows import ReturnRow
from support.masters import FakeAgent, running

MINIONS = ("db1", "web1", "web2")
AWAY = ("db2", "web3")
DB = re.compile("db[12]")
JID, OF_DB, OF_BOTH, PILLAR, SUITE, OWN, AT_RANDOM = (f"2026112819440112345{n}" for n in range(7))
ROLES = {
    "watcher": {"members": ["ldap:wanda"], "on": ["web"]},
    "operator": {"members": ["ldap:otto"], "on": ["web"]},
    "everyone": {
        "grants": ["@runner", {"@runner": ["my.fun"]}, "@wheel", "@events"],
        "members": ["ldap:eve"],
        "on": ["web"],
    },
    "other": {"grants": ["@runner"], "on": ["db"]},
    "split": {"grants": ["role:everyone"], "members": ["ldap:sven"], "on": ["db"]},
    "whole": {"grants": [{"@runner": ["manage.up"]}], "members": ["ldap:will"]},
}
GROUPS = {"web": ["web*"], "db": ["db*"]}
WANDA, OTTO, EVE, SVEN, WILL, ROOT = (
    *(Caller(Kind.LOGIN, name, source="ldap") for name in ("wanda", "otto", "eve", "sven", "will")),
    Caller(Kind.LOCAL, "root", 0),
)

VISIBLE: dict[str, list[tuple[list[Any], dict[str, Any]]]] = {
    "jobs.list_jobs": [([], {}), ([], {"search_target": "*"}), ([], {"search_function": "*"})],
    "jobs.list_jobs_filter": [([100], {})],
    "jobs.lookup_jid": [([jid], {"missing": True}) for jid in (OF_BOTH, OF_DB, AT_RANDOM, PILLAR)],
    "jobs.list_job": [([jid], {}) for jid in (OF_BOTH, OF_DB, PILLAR)],
    "jobs.print_job": [([jid], {}) for jid in (OF_BOTH, OF_DB, PILLAR)],
    "jobs.last_run": [([], {}), ([], {"target": "db*"}), ([], {"function": "pillar.*"})],
    "jobs.exit_success": [([jid], {}) for jid in (OF_BOTH, OF_DB)],
    "jobs.active": [([], {})],
    **{f"manage.{name}": [([], {}), ([], {"tgt": "*1"})] for name in ("up", "down", "status")},
    **{
        f"manage.{name}": [([], {}), ([], {"subset": "web1,db1", "show_ip": True})]
        for state in ("present", "joined", "allowed", "alived", "reaped")
        for name in (state, f"not_{state}")
    },
    "manage.list_state": [([], {})],
    "manage.list_not_state": [([], {})],
    "manage.versions": [([], {})],
    "manage.clocks": [([], {})],
    "manage.devices": [([], {}), (["*"], {})],
    "manage.overview": [([], {})],
    "manage.health": [([], {})],
    "manage.groups": [([], {})],
    "manage.modules": [([], {})],
    "cache.grains": [(["*"], {}), (["G@os:Test"], {"tgt_type": "compound"}), ([["db1", "web1"]], {"tgt_type": "list"})],
    "metrics.account": [([], {})],
    "metrics.explain": [(["web1", "stats.collect"], {})],
    "alerts.list": [([], {})],
    "alerts.silences": [([], {})],
    "alerts.history": [([], {}), ([], {"limit": 1}), ([], {"minion": "*1"}), ([], {"series": "saltern.*"})],
    "suite.list": [([], {}), ([], {"limit": 1})],
    "suite.report": [([SUITE], {"form": form}) for form in ("table", "data", "junit", "html")],
    "returns.query": [([], {}), ([], {"limit": 1}), ([], {"limit": 2, "offset": 1}), ([], {"function": "test.echo"})],
    "mine.get": [(["*", "test.echo"], {}), (["*", ["test.echo"]], {})],
}
"""What tells of minions: those in sight alone."""
CHANGED = {"alerts.acknowledge", "alerts.unacknowledge", "alerts.silence", "alerts.unsilence"}
"""What changes something of minions in sight alone (``test_alerts_commands``)."""
NONE = {
    *("doc.runner", "doc.wheel", "test.arg", "test.raw_arg", "test.sleep"),
    *(f"fileserver.{name}" for name in ("envs", "file_list", "dir_list", "empty_dir_list", "symlink_list", "modules")),
    "fileserver.read",
}
"""What is the same for everyone."""
EVERY = {
    "alerts.try",  # a target may name any series as another's
    *("auth.logout", "cache.pillar", "config.get"),
    *("fileserver.update", "git_pillar.update", "journal.dead_letters", "manage.key_regen"),
    "state.orchestrate_show_sls",
    *(f"pillar.{name}" for name in ("show_pillar", "show_top", "show_pillar_cache", "clear_pillar_cache")),
    *(f"saltutil.sync_{kind}" for kind in ("all", "runners", "output", "utils", "modules")),
}
"""What is about all: refused, whoever may call it elsewhere."""
OTHERWISE = {
    "event.send": Need.EVENTS,  # below one's own tag
    **dict.fromkeys(
        ("auth.token_create", "auth.token_list", "auth.token_revoke", "auth.explain", "auth.about"), Need.USER
    ),  # one's own
    "alerts.rule_set": Need.OWN_RUNNER,
    "alerts.rule_delete": Need.OWN_RUNNER,
    "manage.resolve": Need.TARGET,  # among those on which something is granted
    **dict.fromkeys(("manage.group_add", "manage.group_remove", "auth.role_add", "auth.role_remove"), Need.OWNER),
    **dict.fromkeys(
        (("audit.query", "audit.verify", "auth.passwd", "auth.passwd_delete", "auth.passwd_list", "auth.roles")),
        Need.OWNER,
    ),
}
"""What no grant of runners is for."""


def registry(folder: Path) -> Any:
    return command_table(KeyFunctions(KeyStore(str(folder))))


def test_every_runner_has_its_line(tmp_path: Path) -> None:
    found = {one.function: one for one in registry(tmp_path).offered_by("runner")}
    by_grant = {name: one.reach for name, one in found.items() if one.need is Need.RUNNER}
    assert {name for name, reach in by_grant.items() if reach is Reach.VISIBLE} == VISIBLE.keys() | CHANGED
    assert {name for name, reach in by_grant.items() if reach is Reach.NONE} == NONE
    assert {name for name, reach in by_grant.items() if reach is Reach.EVERY} == EVERY - OTHERWISE.keys()
    assert {name: one.need for name, one in found.items() if one.need is not Need.RUNNER} == OTHERWISE
    assert set(WATCHED) <= VISIBLE.keys()
    assert all(one.reach is Reach.EVERY for one in registry(tmp_path).offered_by("wheel"))


def _job(jid: str, fun: str, minions: tuple[str, ...], **more: Any) -> tuple[JobLoad, list[JobReturn]]:
    named = ",".join(minions)
    load = {"fun": fun, "arg": [f"given to {named}"], "kwarg": {}, "tgt": named, "tgt_type": "list", "user": "fred"}
    load |= {"minions": list(minions), "owner": "local:fred", "metadata": {"of": named}, **more}
    returns = [
        JobReturn(jid, one, fun, True, 1.8e9, {"return": f"said by {one}", "retcode": 0, "success": True, "fun": fun})
        for one in minions
    ]
    return JobLoad(jid, 1.8e9, load), returns


@contextlib.asynccontextmanager
async def fleet(options: MasterOptions) -> AsyncIterator[Master]:
    """A master with two groups of minions, and something of each of them everywhere."""
    more: Any = {"roles": ROLES, "groups": GROUPS, "auto_accept": True}
    options.update(more)
    async with running(options) as master:
        agents = [FakeAgent(master, name) for name in MINIONS]
        try:
            for agent in agents:
                await agent.join()
            for name in AWAY:
                master.keystore.put("minions", name, zmq.curve_keypair()[0].decode())
            master.keyring.refresh(force=True)
            master.keyring.delegations.delegate(["web8-device"], ["db1"])
            _fill(master, {agent.id: agent.key.public for agent in agents})
            yield master
        finally:
            for agent in agents:
                agent.close()


def _fill(master: Master, keys: dict[str, str]) -> None:
    store = master.job_store
    for load, returns in (
        _job(OF_DB, "test.echo", ("db1",)),
        _job(OF_BOTH, "test.echo", MINIONS, user="minion:db1", owner="minion:db1"),
        _job(PILLAR, "pillar.items", ("web1",)),
        _job(SUITE, "suite.run", MINIONS),
        _job(JID, "runner.jobs.active", ("web9_master",), client="runner"),
    ):
        store.put_jobs([load])
        store.put_returns(returns)
    store.put_returns([JobReturn(AT_RANDOM, name, "stats.collect", True, 1.8e9, {"return": name}) for name in MINIONS])
    row = {"passes of db1": {"outcome": "passed", "seconds": 1.0, "message": ""}}
    for name in MINIONS:
        tests = row if name == "db1" else {"passes": {"outcome": "failed", "seconds": 1.0, "message": "why"}}
        data = {"return": tests, "fun_args": [f"salt://{name[:-1]}"]}
        master.suites.store.put([ReturnRow(SUITE, name, "suite.run", True, data, 1.8e9)], None)
        master.mine.store(name, keys[name], {"test.echo": {"value": f"mined of {name}"}})
        master.accounting.expect(name, {f"every of {name}": {"seconds": 15.0}}, time.time())
    one = {"state": "crit", "value": 1.0, "since": 1.8e9}
    series = [f"saltern.{name}.cpu.load" for name in MINIONS]
    strange = ["sumSeries(saltern.web1.cpu.load,saltern.db1.cpu.load)", "saltern.{web1,db1}.cpu", "web1 or db1", ""]
    rule = {"warn": "> 1", "crit": "> 2", "for": 0.0, "enabled": True, "last_evaluated": 1.8e9}
    rules = [
        {**rule, "name": "load", "target": "saltern.{web1,db1}.*.load", "error": "of db1"}
        | {"series": [{"series": name, **one} for name in [*series, *strange, "movingAverage(saltern.web2.x,10)"]]},
        {**rule, "name": "db1 is full", "target": "db1", "error": "", "series": [{"series": series[0], **one}]},
        {**rule, "name": "bad of db1", "target": None, "error": "db1", "series": []},
    ]
    silences = [
        Silence(f"on {name}", "load", "*", name, f"of {name}", "ldap:otto", 1.8e9, 1.9e9, within=frozenset((name,)))
        for name in ("web1", "db1")
    ]
    master.alerts.silences.active = lambda: [*silences, replace(silences[0], reason="db2", within=None)]  # type: ignore[method-assign]
    changes = [
        Entry(1.8e9, "load", name, minions, "crit", "ok", 1.0, "> 2", silenced=False, acknowledged_by="minion:db1")
        for name, minions in (*((f"saltern.{one}.x", (one,)) for one in MINIONS), ("db", None), ("db", ("db1", "web1")))
    ]
    master.alerts.history._write(changes)
    master.alerts.listing = lambda wrong=False: rules  # type: ignore[method-assign, misc]
    explained = {"explain": lambda minion, fun: {"metrics": {f"saltern.{minion}.x": 1.0}}, "state": lambda now: {}}
    master.engine = SimpleNamespace(**explained)  # type: ignore[assignment]
    master.clocks.skews_s = lambda: dict.fromkeys(MINIONS, 0.5).items()  # type: ignore[method-assign, assignment]
    master.tracker.at_work = _at_work  # type: ignore[method-assign, assignment]
    master.keeper.catch_up = lambda within_s: None  # type: ignore[method-assign, assignment]


async def _at_work(minions: list[str]) -> dict[str, AtWork]:
    return {OF_BOTH: AtWork("test.echo", "minion:db1", "minion:db1", dict.fromkeys(minions, 7), list(MINIONS))}


async def answer(master: Master, caller: Caller, name: str, *args: Any, **kwargs: Any) -> Any:
    try:
        return await master.dispatcher.call(caller, name, list(args), kwargs)
    except SalternError as error:
        return error


def test_nothing_of_another_group_is_in_any_answer(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as master:
            for name, calls in VISIBLE.items():
                told = ""
                for args, kwargs in calls:
                    for caller in (WANDA, OTTO, EVE):
                        found = await answer(master, caller, f"runner.{name}", *args, **kwargs)
                        if caller is WANDA and name not in WATCHED:
                            assert isinstance(found, NotAuthorised), name
                            continue
                        assert not isinstance(found, NotAuthorised), (name, found)
                        assert not DB.search(repr(found)), (name, args, kwargs, caller.name, found)
                        told += repr(found)
                assert "web" in told or (name.startswith("jobs.list_jobs") and OF_BOTH in told), name
                whole = [await answer(master, ROOT, f"runner.{name}", *args, **kwargs) for args, kwargs in calls]
                assert name == "metrics.explain" or DB.search(repr(whole)), (name, whole)
            for name in ("metrics.explain", "suite.report"):
                refused = await answer(master, EVE, f"runner.{name}", *(("db1", "x.y") if "x" in name else (OF_DB,)))
                nobody = await answer(
                    master, EVE, f"runner.{name}", *(("no1", "x.y") if "x" in name else (JID[:-1] + "9",))
                )
                assert type(refused) is type(nobody)
                assert "no1" in str(nobody) or OF_DB in str(refused)

    asyncio.run(scenario())


def test_what_a_watcher_sees_of_jobs(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as master:
            listed = await answer(master, WANDA, "runner.jobs.list_jobs")
            assert list(listed) == [SUITE, PILLAR, OF_BOTH]
            shown = await answer(master, WANDA, "runner.jobs.list_job", OF_BOTH)
            assert (shown["Minions"], list(shown["Result"])) == (["web1", "web2"], ["web1", "web2"])
            assert {shown[name] for name in ("Arguments", "Target", "User", "Metadata")} == {"***"}
            assert shown["Result"]["web1"]["return"] == "said by web1"
            assert (await answer(master, WANDA, "runner.jobs.lookup_jid", AT_RANDOM)) == {
                "web1": "web1",
                "web2": "web2",
            }
            missing = await answer(master, WANDA, "runner.jobs.list_job", OF_DB)
            gone = await answer(master, WANDA, "runner.jobs.list_job", OF_DB[:-1] + "9")
            assert {**missing, "jid": 0, "StartTime": 0} == {**gone, "jid": 0, "StartTime": 0}
            assert await answer(master, WANDA, "runner.jobs.list_jobs", search_target="*") == {}

    asyncio.run(scenario())


def test_what_shows_pillar_is_shown_to_who_may_run_it_there_himself(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as master:

            async def seen(caller: Caller) -> set[Any]:
                """Return what is shown of a pillar that another asked for."""
                shown = await answer(master, caller, "runner.jobs.list_job", PILLAR)
                found = {shown["Result"]["web1"]["return"]}
                found |= set((await answer(master, caller, "runner.jobs.lookup_jid", PILLAR)).values())
                printed = await answer(master, caller, "runner.jobs.print_job", PILLAR)
                if isinstance(printed, dict):
                    found.add(printed[PILLAR]["Result"]["web1"]["return"])
                queried = await answer(master, caller, "runner.returns.query", jid=PILLAR)
                return found | ({one["return"] for one in queried["returns"]} if isinstance(queried, dict) else set())

            assert await seen(WANDA) == {"***"}
            assert await seen(EVE) == {"***"}  # sees events of web alone
            assert await seen(OTTO) == {"said by web1"}
            assert await seen(ROOT) == {"said by web1"}

    asyncio.run(scenario())


def test_a_limited_caller_changes_nothing_of_the_masters(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as master:
            for command in (*master.registry.offered_by("runner"), *master.registry.offered_by("wheel")):
                if command.need in (Need.RUNNER, Need.WHEEL) and command.reach is Reach.EVERY:
                    for name in (command.name, f"{command.client}.async"):
                        args = [] if name == command.name else [command.function]
                        assert isinstance(await answer(master, EVE, name, *args), NotAuthorised), command.name
            for caller in (WANDA, OTTO, EVE):
                refused = await answer(master, caller, "runner.manage.down", removekeys=True)
                assert isinstance(refused, NotAuthorised)
                assert master.keyring.minions() == ["db1", "db2", "web1", "web2", "web3", "web8-device"]
            assert isinstance(await answer(master, EVE, "runner.my.fun"), NotAuthorised)
            for command in (
                c for client in ("job", "event", "upload", "target") for c in master.registry.offered_by(client)
            ):
                if command.name not in ("event.subscribe", "target.preview"):  # these show what he sees
                    assert not master.policy.may_call(WANDA, command), command.name

    asyncio.run(scenario())


def test_limits_within_limits_leave_what_is_in_both_and_one_without_limits_is_enough(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as master:
            assert await answer(master, EVE, "runner.manage.up") == ["web1", "web2"]
            assert await answer(master, SVEN, "runner.manage.up") == []
            assert await answer(master, WILL, "runner.manage.up") == list(MINIONS)
            limits = master.policy.limits
            command = master.registry.get("runner.manage.up")
            assert command is not None
            assert limits(WILL, command, (), {}, ()) is None
            assert limits(Caller(Kind.LOGIN, "nobody", source="ldap"), command, (), {}, MINIONS) == frozenset()
            elsewhere = Caller(Kind.LOGIN, "eve", source="ldap", scope=("role:other",))
            assert await answer(master, elsewhere, "runner.manage.up") == []
            assert await answer(master, elsewhere, "runner.jobs.list_jobs") == {}
            scoped = Caller(Kind.LOGIN, "will", source="ldap", scope=("role:watcher",))
            assert await answer(master, scoped, "runner.manage.up") == ["web1", "web2"]
            assert isinstance(await answer(master, scoped, "runner.jobs.list_jobs"), NotAuthorised)

    asyncio.run(scenario())
