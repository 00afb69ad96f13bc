"""What of each event who is shown: by whose it is, about which minion, and what may be told of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern_master.annotations.places import Places
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.policy import Policy
from saltern_master.auth.powers import Powers
from saltern_master.bus import LOST, Event
from saltern_master.commands.event_view import KNOWN_FOR_S, EventView
from support.doors import MINIONS, ROOT, Users, minion

JID = "20260131120000123456"
JOB, RUN = f"salt/job/{JID}", f"salt/run/{JID}"
ROLES = {
    "watcher": {"members": ["ldap:wanda"], "on": ["web"]},
    "operator": {"members": ["ldap:otto"], "on": ["web"]},
    "admin": {"members": ["ldap:ada"]},
    "listener": {"grants": ["@events"], "members": ["ldap:lena"]},
    "keeper": {"grants": ["@wheel"], "members": ["ldap:karl"]},
    "web_keeper": {"grants": ["@wheel", "@events"], "members": ["ldap:kim"], "on": ["web"]},
    "pillar": {"grants": ["pillar.items"], "on": ["web"], "members": ["ldap:paul"]},
}
USERS = Users(eve=())
WANDA, OTTO, ADA, LENA, KARL, KIM, PAUL, NOBODY = (
    Caller(Kind.LOGIN, name, source="ldap")
    for name in ("wanda", "otto", "ada", "lena", "karl", "kim", "paul", "nobody")
)
EVE = USERS.caller("eve")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Here:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.policy = Policy({}, Powers(), USERS.of)
        self.owners: dict[str, str] = {}
        self.clock = Clock()
        self.put(ROLES)

    def put(self, roles: Any, acl: Any = None) -> None:
        options: Any = {
            "publisher_acl": acl or {"eve": ["@events"]},
            "publisher_acl_blacklist": {},
            "external_auth": {},
            "roles": roles,
            "groups": {"web": ["web*"], "db": ["db*"]},
            "config_dir": str(self.folder),
        }
        self.policy.checked(options)()

    def view(self, caller: Caller) -> Callable[[str, dict[str, Any]], dict[str, Any] | None]:
        places = Places("saltern.[minion_id].[module]", lambda: MINIONS)
        view = EventView(caller, self.policy, self.owners.get, places, self.clock)

        def shown(tag: str, data: dict[str, Any]) -> dict[str, Any] | None:
            seen = view.shown(Event(tag, {"from": "master", **data}, number=7))
            assert seen is None or (seen.tag, seen.number) == (tag, 7)
            return None if seen is None else seen.data

        return shown


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("salt/minion/db1/start", {"id": "db1"}),
    ("salt/presence/change", {"new": ["db1"], "lost": []}),
    ("salt/presence/present", {"present": ["db1"], "note": "db1"}),
    (f"{JOB}/new", {"minions": ["db1", "web1"], "arg": ["db1"], "tgt": "db1,web1"}),
    (f"{JOB}/ret/db1", {"id": "db1", "fun": "test.ping", "return": "db1"}),
    (f"{JOB}/lost/db1", {"id": "db1", "failed": "db1"}),
    (f"{JOB}/progress", {"done": 1}),
    (f"{JOB}/ret/web1/db1", {"id": "db1", "fun": "test.ping", "return": "db1"}),
    (f"{RUN}/new", {"fun": "runner.manage.up", "fun_args": ["db1"]}),
    (f"{RUN}/ret", {"fun": "runner.manage.up", "return": ["db1"]}),
    ("salt/key", {"id": "db1", "act": "accept"}),
    ("salt/auth", {"id": "db1", "act": "pend"}),
    ("salt/minion/db1/duplicate", {"id": "db1"}),
    ("salt/alert/full/crit", {"series": "saltern.db1.disk.used", "target": "saltern.*.disk.used"}),
    ("salt/alert/full/crit", {"series": "sumSeries(saltern.web1.x,saltern.db1.x)", "target": "db1"}),
    ("salt/alert/full/crit", {"series": "saltern.{web1,db1}.x", "target": "db1"}),
    ("salt/alert/full/crit", {"series": "", "target": "db1"}),
    ("salt/alert/full/crit", {"target": "db1"}),
    ("salt/netapi/hook/x", {"body": "db1"}),
    ("salt/user/ldap:fred/x", {"a": "db1"}),
    ("anything", {"a": "db1"}),
]


@pytest.mark.parametrize("caller", [WANDA, OTTO, PAUL, KIM, NOBODY])
def test_nothing_of_another_group_is_in_any_event(here: Here, caller: Caller) -> None:
    shown = here.view(caller)
    for tag, data in EVENTS:
        assert shown(tag, data) is None, tag


def test_of_ones_own_group_it_is_told(here: Here) -> None:
    shown = here.view(WANDA)
    assert shown("salt/minion/web1/start", {"id": "web1"})
    seen = shown("salt/presence/change", {"new": ["db1", "web1"], "lost": ["db2"], "note": "db1"})
    assert seen == {"from": "master", "new": ["web1"], "lost": []}
    ret = {"id": "web1", "fun": "test.ping", "fun_args": ["x"], "return": True}
    assert shown(f"{JOB}/ret/web1", ret) == {"from": "master", **ret, "fun_args": "***"}
    alert = {"name": "full", "series": "movingAverage(saltern.web1.disk.used,10)", "target": "saltern.db1", "value": 1}
    assert shown("salt/alert/full/crit", alert) == {"from": "master", **alert, "target": "***"}


@pytest.mark.parametrize(
    "fun",
    [
        *("pillar.items", "config.get", "environ.items", "mine.get", "publish.publish", "data.get", "schedule.list"),
        *("test.get_opts", "saltutil.running", "slsutil.renderer", "test.try", "test.cross_test", "saltutil.runner"),
    ],
)
def test_what_reveals_is_not_told_to_who_may_not_run_it_there(here: Here, fun: str) -> None:
    for given in (fun, ["test.ping", fun]):
        ret = {"id": "web1", "fun": given, "fun_args": ["x"], "return": {"password": "x"}}
        seen = here.view(WANDA)(f"{JOB}/ret/web1", ret)
        assert seen is not None
        assert (seen["return"], seen["fun_args"]) == ("***", "***")
        operators = here.view(OTTO)(f"{JOB}/ret/web1", ret)
        assert operators is not None
        assert (operators["return"], operators["fun_args"]) == ({"password": "x"}, "***")
    ret = {"id": "web1", "fun": "pillar.items", "return": 1}
    for caller, value in ((PAUL, 1), (KIM, "***"), (LENA, 1)):
        seen = here.view(caller)(f"{JOB}/ret/web1", ret)
        assert seen is not None
        assert seen["return"] == value, caller


def test_what_is_ones_own_is_shown_whole(here: Here) -> None:
    here.owners[JID] = "ldap:wanda"
    data = {"fun": "pillar.items", "arg": ["x"], "return": "db1"}
    for tag in (f"{JOB}/new", f"{JOB}/ret/db1", f"{RUN}/ret"):
        assert here.view(WANDA)(tag, data) == {"from": "master", **data}
    assert here.view(WANDA)("salt/user/ldap:wanda/x", {"from": "ldap:wanda", "a": 1}) is not None
    here.owners[JID] = "local:wanda"
    assert here.view(WANDA)(f"{JOB}/new", data) is None
    assert here.view(WANDA)(f"{JOB}/new", {"from": "ldap:wanda"}) is None  # whose a job is, the master knows


def test_who_is_granted_events_sees_all_but_what_others_gave(here: Here) -> None:
    for caller in (LENA, EVE):
        shown = here.view(caller)
        for tag, data in EVENTS:
            seen = shown(tag, data)
            assert seen is not None
            assert "arg" not in seen or seen["arg"] == "***"
        assert shown(f"{RUN}/ret", {"return": 1, "fun_args": [1]}) == {
            "from": "master",
            "return": "***",
            "fun_args": "***",
        }
    for caller in (ROOT, ADA):
        assert [here.view(caller)(tag, data) for tag, data in EVENTS] == [{"from": "master", **d} for _, d in EVENTS]


def test_keys_are_for_who_manages_those_of_all(here: Here) -> None:
    data = {"id": "web1", "act": "accept"}
    for caller, sees in ((KARL, True), (KIM, False), (WANDA, False), (OTTO, False)):
        assert (here.view(caller)("salt/key", data) is not None) is sees, caller
        assert (here.view(caller)("salt/auth", data) is not None) is sees, caller


def test_a_minion_sees_nothing(here: Here) -> None:
    for tag, data in EVENTS:
        assert here.view(minion("db1"))(tag, data) is None


def test_rights_are_looked_up_at_each_event(here: Here) -> None:
    shown, lenas = here.view(WANDA), here.view(LENA)
    tag, data = "salt/minion/web1/start", {"id": "web1"}
    assert shown(tag, data)
    assert lenas("x", {})
    here.put({**ROLES, "watcher": {"members": ["ldap:wanda"], "on": ["db"]}, "listener": {"grants": ["@events"]}})
    assert shown(tag, data) is None  # though it was known a moment ago
    assert lenas("x", {}) is None
    here.put({})
    assert shown("salt/minion/db1/start", {"id": "db1"}) is None


def test_which_minions_concern_someone_is_remembered_for_a_while(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    known_to = here.policy.known_to
    monkeypatch.setattr(here.policy, "known_to", lambda caller, ids: asked.extend(ids) or known_to(caller, ids))
    shown = here.view(WANDA)
    for _ in range(3):
        shown("salt/minion/web1/start", {"id": "web1"})
    assert asked == ["web1"]
    here.clock.now = KNOWN_FOR_S
    shown("salt/minion/web1/start", {"id": "web1"})
    assert asked == ["web1", "web1"]


@pytest.mark.parametrize(
    ("series", "minions"),
    [
        ("saltern.web1.cpu.load", {"web1"}),
        ("saltern.web1", {"web1"}),
        ("sumSeries(saltern.web1.cpu.load,saltern.db1.cpu.load)", {"web1", "db1"}),
        ("movingAverage(scale(saltern.web1.cpu.load, 0.5), '10min')", {"web1"}),
        ("saltern.*.cpu.load", None),
        ("saltern.web?.cpu.load", None),
        ("saltern.{web1,db1}.cpu.load", None),
        ("divideSeries(saltern.web1.a,*.db1.b)", None),
        ("divideSeries(saltern.web1.a,other.db1.b)", None),
        ("saltern.web1.a;host=db1", None),
        ("web1", None),
        ("web1 db1", None),
        ("saltern.web1.x db1", None),
        ("saltern.nobody.cpu", None),
        ("saltern.master.bus.dropped", None),
        ("xsaltern.web1.cpu", None),
        ("a.saltern.web1.cpu", None),
        ("alias(saltern.web1.cpu,'db1')", None),
        ("", None),
        ("()", None),
        ("saltern.web1." + "x" * 70_000, None),
    ],
)
def test_whose_a_series_is(series: str, minions: set[str] | None) -> None:
    places = Places("saltern.[minion_id].[module]", lambda: MINIONS)
    assert places.whose([series]) == [minions]
    assert Places("hosts.[module]", lambda: MINIONS).whose([series]) == [None]


def test_everybody_is_told_that_events_of_his_were_lost(here: Here) -> None:
    for caller in (WANDA, OTTO, PAUL, KIM):
        assert here.view(caller)(LOST, {"events": None}) is not None
    for caller in (WANDA, OTTO, PAUL, KIM):
        assert here.view(caller)(LOST, {"events": None, "from": "user:eve"}) is None
    assert here.view(NOBODY)(LOST, {"events": None}) is None
