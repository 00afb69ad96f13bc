"""``alerts.*`` at the door: who may acknowledge, silence and see what; the two limited callers are on one fleet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import zmq

from saltern.config import MasterOptions
from saltern.errors import ArgumentError, CommandError, NotAuthorised, SalternError
from saltern_master.alerts.rehearsal import Rehearsal
from saltern_master.alerts.sources.memory import MemorySource
from saltern_master.auth.caller import Caller, Kind
from saltern_master.master import Master
from support.masters import running, until

MINIONS = ("db1", "web1", "web2")
OPERATED = [".*", {"@runner": [r"alerts\..*"]}]
ROLES = {
    "operator": {"members": ["ldap:otto"], "on": ["web"]},
    "of-db": {"grants": OPERATED, "members": ["ldap:dora"], "on": ["db"]},
    "of-one": {"grants": OPERATED, "members": ["ldap:olga"], "on": ["one"]},
    "watcher": {"members": ["ldap:wanda"], "on": ["web"]},
    "whole": {"grants": OPERATED, "members": ["ldap:oscar"]},
    "rules": {
        "grants": ["@runner", {"@runner": ["alerts.rule_set", "alerts.rule_delete"]}],
        "members": ["ldap:rita"],
    },
    "every": {"grants": ["@runner", {"@runner": ["alerts.*"]}], "members": ["ldap:eve"]},
    "few": {"grants": [{"@runner": ["alerts.rule_set"]}], "members": ["ldap:fay"], "on": ["web"]},
}
GROUPS = {"web": ["web*"], "db": ["db*"], "one": ["web1"]}
OTTO, DORA, OLGA, WANDA, OSCAR, RITA, EVE, FAY = (
    Caller(Kind.LOGIN, name, source="ldap") for name in ("otto", "dora", "olga", "wanda", "oscar", "rita", "eve", "fay")
)
ROOT = Caller(Kind.LOCAL, "root", 0)
WEB1, WEB2, DB1 = (f"saltern.{name}.load" for name in ("web1", "web2", "db1"))
BOTH = f"sumSeries({WEB1},{DB1})"


class Door:
    """A master of some minions, and its alerts on a source in memory."""

    def __init__(self, master: Master) -> None:
        self.master = master
        self.source = MemorySource()
        master.alerts._source = self.source
        master.alerts._rehearsal = Rehearsal(self.source, 15.0)

    async def call(self, caller: Caller, name: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return await self.master.dispatcher.call(caller, f"runner.alerts.{name}", list(args), kwargs)
        except SalternError as error:
            return error

    async def tick(self, **values: float) -> None:
        now = self.master.alerts._wall() - 1
        for series, value in {"load": 99.0, **values}.items():
            for minion in MINIONS:
                self.source.put(f"saltern.{minion}.{series}", now, value)
        self.source.put(BOTH, now, 99.0)
        await self.master.alerts.evaluate_once()

    async def series(self, caller: Caller) -> dict[str, dict[str, Any]]:
        return {one["series"]: one for rule in await self.call(caller, "list") for one in rule["series"]}


@contextlib.asynccontextmanager
async def door(options: MasterOptions) -> AsyncIterator[Door]:
    more: Any = {"roles": ROLES, "groups": GROUPS, "alerts_interval": 3600.0}
    options.update(more)
    options["alerts"] = {"load": {"metric": "*load*", "crit": "> 90", "script": ["tell", "secret"], "message": "m"}}
    async with running(options) as master:
        for name in MINIONS:
            master.keystore.put("minions", name, zmq.curve_keypair()[0].decode())
        master.keyring.refresh(force=True)
        # The master's own evaluation, its only one, would take what is told by ours to the history a moment later.
        await until(lambda: master.alerts.metrics()["evaluations"])
        found = Door(master)
        await found.tick()
        yield found


def test_who_may_acknowledge_what(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with door(options) as at:
            known = await at.call(OTTO, "acknowledge", "load", WEB1, "I\nlook")
            assert (known["by"], known["comment"]) == ("ldap:otto", "I look")
            refused = [await at.call(OTTO, "acknowledge", "load", name) for name in (DB1, BOTH, "saltern.no.load", "")]
            refused += [
                await at.call(OTTO, "acknowledge", "no", WEB1),
                await at.call(DORA, "unacknowledge", "load", WEB1),
            ]
            for one in refused:
                assert str(one).startswith("there is no series"), one
            assert isinstance(await at.call(WANDA, "acknowledge", "load", WEB1), NotAuthorised)
            assert (await at.series(WANDA))[WEB1]["acknowledged"] == known
            assert set(await at.series(DORA)) == {DB1}
            assert isinstance(await at.call(OTTO, "acknowledge", "load", WEB1, "x" * 1001), ArgumentError)
            assert "is not acknowledged" in str(await at.call(OTTO, "unacknowledge", "load", WEB2))
            assert await at.call(OLGA, "unacknowledge", "load", WEB1) is True
            assert (await at.series(ROOT))[WEB1]["acknowledged"] is None
            await at.tick(load=1.0)
            assert "is ok" in str(await at.call(OTTO, "acknowledge", "load", WEB1))

    asyncio.run(scenario())


def test_what_is_wrong_alone_is_listed_where_that_is_asked_for(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with door(options) as at:
            await at.tick(load=1.0)
            (rule,) = await at.call(ROOT, "list", wrong=True)
            assert [one["series"] for one in rule["series"]] == [BOTH]
            assert set(await at.series(ROOT)) == {WEB1, WEB2, DB1, BOTH}

    asyncio.run(scenario())


def test_a_limited_callers_silence_is_for_series_about_his_minions_alone(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with door(options) as at:
            made = await at.call(OTTO, "silence", "all of it", "2h")
            seen = await at.series(ROOT)
            assert {name for name, one in seen.items() if one["silenced"]} == {WEB1, WEB2}
            assert seen[WEB1]["silenced"]["by"] == "ldap:otto"
            for glob in ({"minion": "[dw]*"}, {"series": "*db1*"}, {"series": BOTH}):
                await at.call(OTTO, "silence", "theirs", "2h", **glob)
            for name in ("db1", "none"):
                refused = str(await at.call(OTTO, "silence", "theirs", "2h", minion=name))
                assert refused == f"there is no minion '{name}' whose alerts user ldap:otto may silence"
            await at.call(OLGA, "silence", "mine", "3h")
            assert {name for name, one in (await at.series(ROOT)).items() if one["silenced"]} == {WEB1, WEB2}
            assert await at.series(DORA) == {DB1: {**seen[DB1]}}

            assert await at.call(DORA, "silences") == []
            assert [one["reason"] for one in await at.call(OLGA, "silences")] == ["mine"]
            assert len(await at.call(OTTO, "silences")) == 5
            for caller in (DORA, OLGA):
                assert "there is no silence" in str(await at.call(caller, "unsilence", made))
            assert isinstance(await at.call(WANDA, "unsilence", made), NotAuthorised)
            assert isinstance(await at.call(WANDA, "silence", "why", "2h"), NotAuthorised)
            assert await at.call(OTTO, "unsilence", made) is True
            assert "there is no silence" in str(await at.call(OTTO, "unsilence", made))

    asyncio.run(scenario())


def test_who_sees_all_silences_all_and_others_do_not_see_why(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with door(options) as at:
            made = await at.call(OSCAR, "silence", "db1 is rebuilt", "2h", minion="*")
            assert all(one["silenced"] for one in (await at.series(ROOT)).values())
            assert (await at.series(ROOT))[WEB1]["silenced"]["reason"] == "db1 is rebuilt"
            shown = (await at.series(OTTO))[WEB1]["silenced"]
            assert (shown["id"], shown["by"], shown["reason"]) == ("***", "***", "***")
            assert shown["until"] > 0
            assert await at.call(OTTO, "silences") == []
            for name in (made, "***", "", "x" * 10_000):
                assert isinstance(await at.call(OTTO, "unsilence", name), CommandError)
            assert await at.call(ROOT, "unsilence", made) is True

    asyncio.run(scenario())


def test_a_silence_says_why_until_when_and_for_what(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with door(options) as at:
            for args, why in (
                (("", "2h"), "say why"),
                ((" \n", "2h"), "say why"),
                (("x" * 1001, "2h"), "at most"),
                (("why", "2 weeks"), "ends must be"),
                (("why", 300), "ends must be"),
                (("why", "2h", ""), "a glob has"),
                (("why", "2h", "*", "x" * 513), "a glob has"),
                (("why", "2h", "*", "*", ["web1"]), "must be text"),
            ):
                found = await at.call(ROOT, "silence", *args)
                assert isinstance(found, ArgumentError), args
                assert why in str(found)
            assert await at.call(ROOT, "silences") == []

    asyncio.run(scenario())


def test_a_rules_script_and_place_are_shown_to_whom_they_concern(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with door(options) as at:
            (whole,), (every,), (some,) = [await at.call(one, "list") for one in (ROOT, OSCAR, OTTO)]
            assert whole["rule"] == options["alerts"]["load"]
            assert every["rule"] == {**whole["rule"], "script": "***"}
            assert (some["rule"], some["target"], some["place"], some["message"]) == (None, "***", "***", "m")
            assert "secret" not in repr((every, some))

    asyncio.run(scenario())


def test_the_history_shows_each_his_own(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with door(options) as at:
            assert {one["series"] for one in await at.call(WANDA, "history")} == {WEB1, WEB2}
            assert {one["series"] for one in await at.call(DORA, "history")} == {DB1}
            assert {one["series"] for one in await at.call(ROOT, "history")} == {WEB1, WEB2, DB1, BOTH}
            assert {one["series"] for one in await at.call(ROOT, "history", minion="web1")} == {WEB1, BOTH}
            assert await at.call(OTTO, "history", minion="db1") == []
            assert len(await at.call(ROOT, "history", alert="lo*", since="1h", limit=2)) == 2
            assert await at.call(ROOT, "history", until="1h") == []
            assert await at.call(ROOT, "history", since=9e9) == []
            for wrong in ({"limit": 0}, {"limit": 5001}, {"since": "x"}, {"alert": "x" * 513}, {"series": "a\n"}):
                assert isinstance(await at.call(ROOT, "history", **wrong), ArgumentError), wrong

    asyncio.run(scenario())


def test_who_may_set_and_delete_rules(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with door(options) as at:
            rule = {"metric": "saltern.*.swap", "warn": "> 1", "message": "é \U0001f600 '\": #"}
            for caller in (OTTO, OSCAR, WANDA, DORA, FAY, EVE):
                for call in (("rule_set", "swap", rule), ("rule_delete", "swap")):
                    assert isinstance(await at.call(caller, *call), NotAuthorised), (caller, call)
            assert await at.call(RITA, "rule_set", "swap", rule) is True
            await at.tick(swap=5.0)
            load, swap = await at.call(RITA, "list")
            assert (swap["name"], swap["rule"], swap["editable"], load["editable"]) == ("swap", rule, True, False)
            assert swap["place"].endswith("/alerts.d/swap.yaml: line 1")
            assert {one["state"] for one in swap["series"]} == {"warn"}

            for script in ("tell", ["sh", "-c", "id"], "***", ""):
                refused = await at.call(RITA, "rule_set", "swap", {**rule, "script": script})
                assert isinstance(refused, NotAuthorised), script
                assert "script" in str(refused)
            assert await at.call(ROOT, "rule_set", "other", {**rule, "script": "tell"}) is True
            assert await at.call(RITA, "rule_delete", "other") is True
            for call in (("rule_set", "load", rule), ("rule_delete", "load")):
                refused = await at.call(RITA, *call)
                assert str(refused).startswith("load is a rule of the options: "), refused

            assert await at.call(RITA, "rule_set", "swap", {**rule, "warn": "> 9"}) is True
            await at.tick(swap=5.0)
            assert {one["state"] for one in (await at.call(ROOT, "list"))[1]["series"]} == {"ok"}
            assert await at.call(RITA, "rule_delete", "swap") is True
            assert [one["name"] for one in await at.call(ROOT, "list")] == ["load"]
            assert "there is no rule swap" in str(await at.call(RITA, "rule_delete", "swap"))

    asyncio.run(scenario())


def test_a_rule_that_is_none_is_refused_in_one_line_and_nothing_is_kept(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with door(options) as at:
            good = {"metric": "a.b", "warn": 1}
            for name, rule, why in (
                ("x", {}, "x: has neither 'metric' nor 'target'"),
                ("x", {**good, "wran": 1}, "x: wran is not a key"),
                ("x", {**good, "warn": "high"}, "x: warn must be a number"),
                ("x", {**good, "message": "x" * 8193}, "x: message is over"),
                ("x", {**good, "script": ["x" * 70_000]}, "x: is over 65,536 bytes"),
                ("../x", good, "../x: is no name"),
                ("a/b", good, "is no name"),
                ("", good, "is no name"),
                ("x" * 101, good, "is no name"),
                ("x\n", good, "is no name"),
            ):
                found = await at.call(ROOT, "rule_set", name, rule)
                assert isinstance(found, CommandError), (name, rule)
                assert why in str(found), found
                if "is no name" in why:
                    assert "is no name" in str(await at.call(ROOT, "rule_delete", name))
            assert [one["name"] for one in await at.call(ROOT, "list")] == ["load"]

    asyncio.run(scenario())


def test_a_rule_is_tried_on_what_there_is_and_by_who_sees_all(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with door(options) as at:
            found = await at.call(OSCAR, "try", {"metric": "saltern.*.load", "crit": "> 90", "script": "rm"}, hours=1)
            assert [one["series"] for one in found["series"]] == [DB1, WEB1, WEB2]
            assert {one["state"] for one in found["series"]} == {"crit"}
            assert found["fault"] == ""
            for rule, why in (({}, "has neither"), ({"metric": "a b", "warn": 1}, "metric must be")):
                assert why in (await at.call(OSCAR, "try", rule))["fault"]
            for hours in (0, -1, 745):
                assert isinstance(await at.call(OSCAR, "try", {"metric": "a", "warn": 1}, hours=hours), ArgumentError)
            for caller in (OTTO, WANDA):
                assert isinstance(await at.call(caller, "try", {"metric": WEB1, "warn": 1}), NotAuthorised)
            assert [one["name"] for one in await at.call(ROOT, "list")] == ["load"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "asked", [{"alert": "\ud800"}, {"series": "a\0"}, {"since": float("nan")}, {"until": float("inf")}, {"since": "x"}]
)
def test_what_no_history_can_be_asked_for_is_one_line(options: MasterOptions, asked: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with running(options) as master:
            with pytest.raises(ArgumentError):
                await master.dispatcher.call(Caller(Kind.LOCAL, "root", 0), "runner.alerts.history", [], asked)
            huge = {"since": 2**64, "until": -(2**63)}
            assert await master.dispatcher.call(Caller(Kind.LOCAL, "root", 0), "runner.alerts.history", [], huge) == []

    asyncio.run(scenario())
