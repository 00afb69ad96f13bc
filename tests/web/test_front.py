"""The front page: what is wrong, what changed, and whether the monitoring is well; each part by itself."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from saltern.ids import jid_of
from saltern.look import LOOK
from saltern_web.api.client import Api
from saltern_web.changes import comings
from saltern_web.fleet import Fleet, read_fleet
from saltern_web.health import lines_of, verdict
from saltern_web.problems import Alerts, problems_of, read_alerts
from saltern_web.session.who import Remembered
from support.console import Call, ConsoleClient, Refusal, overview

NOW = time.time()
HOSTILE = "<img src=x onerror=alert(1)>\u202e"


def health(**changed: Any) -> dict[str, Any]:
    return {
        "at": NOW,
        "minions": {"accepted": 2, "up": 2, "down": 0, "pending": 0},
        "points": {"expected": 10, "received": 9, "missing": 0, "lost": 1, "dropped": 0},
        "hour": {"completeness": 100.0},
        "store": {"connected": True, "lag_s": 0.2, "waiting_records": 0},
        "clocks": {"worst_s": 0.1, "minion": "web1"},
        "alerts": {"source_up": True, "rules": 2, "bad_rules": 0},
        "version": "0.1.0",
        "started": NOW - 60,
    } | changed


def rule(*series: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {"name": "disk_full", "warn": "> 80", "crit": "> 90", "error": "", "series": list(series)} | changed


def one(series: str, state: str, since: float = NOW - 60, **changed: Any) -> dict[str, Any]:
    return {"series": series, "state": state, "value": 97.0, "since": "a text", "since_s": since} | changed


@pytest.fixture
def front(console: ConsoleClient) -> ConsoleClient:
    """All is well, and the API tells everything."""
    console.login(everything=True)
    console.api.answers |= {
        "runner.manage.overview": overview(["web1", "web2"], groups={"web": [0, 1]}),
        "runner.manage.health": health(),
        "runner.alerts.list": [],
        "runner.alerts.history": [],
        "runner.jobs.list_jobs": {},
        "runner.audit.query": [],
        "GET /events/get_data": [],
    }
    return console


def test_when_all_is_well_it_says_so(front: ConsoleClient) -> None:
    page = front.get("/")
    assert "All 2 hosts are well" in page.text
    assert "nothing is wrong" in page.text
    assert "The monitoring itself is well." in page.text
    assert 'href="/hosts?group=web"' in page.text


def test_problems_come_worst_first_and_those_seen_to_last() -> None:
    fleet = read_fleet(
        overview(
            ["a", "b", "c", "d"], up=[True, False, True, True], alert=["crit", "ok", "warn", "ok"], since=[1, 2, 3, 4]
        )
    )
    alerts = read_alerts(
        [
            rule(
                one("saltern.a.stats.disk.root.percent", "crit"),
                one("saltern.c.stats.disk.root.percent", "warn", silenced={"by": "file:bob", "reason": "new disks"}),
                one("saltern.d.stats.disk.root.percent", "ok"),
                one("saltern.a.stats.disk.home.percent", "crit", NOW - 5),
                one("saltern.d.stats.disk.home.percent", "crit", acknowledged={"by": "file:ann", "comment": ""}),
            )
        ]
    )
    found = problems_of(fleet, alerts).worst
    assert [(problem.state, problem.host, problem.detail) for problem in found] == [
        ("crit", "a", "disk.home.percent > 90"),
        ("crit", "a", "disk.root.percent > 90"),
        ("away", "b", ""),
        ("crit", "d", "disk.home.percent > 90"),
        ("warn", "c", "disk.root.percent > 80"),
    ]
    assert [problem.note for problem in found[-2:]] == ["known to file:ann", "silenced by file:bob: new disks"]
    hosts_alone = problems_of(fleet, None).worst
    assert [(problem.state, problem.host) for problem in hosts_alone] == [("crit", "a"), ("away", "b"), ("warn", "c")]


def test_of_many_problems_the_worst_are_told_of_and_the_latest_is_known() -> None:
    names = [f"web{number}" for number in range(9)]
    fleet = read_fleet(overview(names, alert=["warn"] * 9))
    known = {"by": "file:ann", "comment": ""}
    series = [one(f"saltern.{name}.load", "warn", NOW - number) for number, name in enumerate(names)]
    alerts = read_alerts(
        [rule(*series, one("saltern.web3.disk", "crit", NOW - 99), one("new", "warn", NOW, acknowledged=known))]
    )
    found = problems_of(fleet, alerts, 3)
    assert [problem.host for problem in found.worst] == ["web3", "web0", "web1"]
    assert found.total == 11
    assert found.latest is not None
    assert found.latest.host == "web0"


def test_a_part_that_fails_says_so_in_its_place(front: ConsoleClient) -> None:
    front.api.answers |= {
        "runner.alerts.list": Refusal("the state of alerts can't be read"),
        "runner.manage.health": Refusal("no", 403),
        "runner.alerts.history": Refusal("no such function"),
    }
    text = front.get("/").text
    assert "the state of alerts can&#x27;t be read" in text
    assert "nothing is wrong" not in text
    assert "This isn&#x27;t shown to you" in text
    assert "Alerts: no such function" in text
    assert "isn't known" in text


def test_what_is_late_is_said_and_the_page_is_there(front: ConsoleClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saltern_web.pages.front.FIRST_WITHIN_S", 0.0)
    there = asyncio.Event()

    async def ask(_: Api) -> Alerts:
        await there.wait()
        return read_alerts([])

    front.console.alerts = Remembered(ask, 2.0)
    text = front.get("/").text
    assert "data-late" in text
    assert '<noscript><meta http-equiv="refresh"' in text
    assert "nothing is wrong" not in text
    there.set()
    text = front.get("/front/parts").text
    assert "data-late" not in text
    assert "nothing is wrong" in text


def test_parts_are_asked_for_together_and_those_are_shown_that_came_before_the_fleet(
    front: ConsoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saltern_web.pages.front.FIRST_WITHIN_S", 0.0)
    told = asyncio.Event()

    async def ask(_: Api) -> Fleet:
        await told.wait()
        await asyncio.sleep(0)
        return read_fleet(overview(["web1"]))

    async def ask_alerts(_: Api) -> Alerts:
        told.set()
        return read_alerts([])

    front.console.fleet, front.console.alerts = Remembered(ask, 2.0), Remembered(ask_alerts, 2.0)
    assert "nothing is wrong" in front.get("/").text


def test_without_hosts_it_says_how_to_add_one(front: ConsoleClient) -> None:
    front.api.answers["runner.manage.overview"] = overview([])
    text = front.get("/").text
    assert "No host is here yet" in text
    assert 'href="/machines/add"' in text


def test_nothing_of_others_is_html(front: ConsoleClient) -> None:
    front.api.answers |= {
        "runner.manage.overview": overview(["web1"], groups={HOSTILE: [0]}),
        "runner.alerts.list": [rule(one(f"saltern.web1.{HOSTILE}", "crit"), name=HOSTILE, error=HOSTILE)],
        "runner.jobs.list_jobs": {jid_of(NOW - 9): {"Function": HOSTILE, "Target": HOSTILE, "User": HOSTILE}},
        "GET /events/get_data": [{"when": NOW - 9, "what": HOSTILE, "tags": ["deploy"]}],
    }
    for path in ("/", "/front/parts"):
        text = front.get(path).text
        assert "onerror" in text
        assert "<img" not in text
        assert "\u202e" not in text


def test_changes_are_told_newest_first(front: ConsoleClient) -> None:
    front.api.answers |= {
        "runner.alerts.history": [
            {"at": NOW - 20, "alert": "load", "series": "s", "minions": ["web1"], "state": "crit"},
            {"at": NOW - 7200, "alert": "long_ago", "series": "s", "minions": [], "state": "ok"},
        ],
        "runner.jobs.list_jobs": {
            jid_of(NOW - 10): {"Function": "cmd.run", "Target": ["web1", "web2"], "User": "file:bob"},
            jid_of(NOW - 11): {"Function": "ps.top", "Target": ["web1"], "User": "file:bob", "Metadata": LOOK},
        },
        "runner.audit.query": [
            {"time": "2000-01-01T00:00:00Z", "what": "wheel.key.accept", "who": "x"},
            {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - 30)), "what": "login.begin", "who": "x"},
            {
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - 30)),
                "what": "wheel.key.accept",
                "who": "file:ann",
                "target": "web9",
            },
        ],
        "GET /events/get_data": [
            {"when": NOW - 40, "what": "deployed", "tags": ["deploy"]},
            {"when": NOW - 5, "what": "told elsewhere", "tags": "alert load"},
        ],
    }
    text = front.get("/").text
    told = ["cmd.run on 2 hosts", "load on web1", "key.accept of web9", "deployed"]
    assert "ps.top" not in text
    assert sorted(told, key=text.index) == told
    assert "long_ago" not in text
    assert "told elsewhere" not in text


def test_many_hosts_that_go_at_once_are_one_change() -> None:
    ids = [f"web{number}" for number in range(9)]
    since = [NOW // 60 * 60 + 1] * 8 + [NOW - 9000]
    (change,) = comings(read_fleet(overview(ids, up=[False] * 9, since=since, at=NOW // 60 * 60 + 30)))
    assert change.what == "8 hosts went away: web0, web1, web2 and 5 more"
    assert change.url == "/hosts?state=away"


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, "ok"),
        ({"hour": {"completeness": 99.0}}, "warn"),
        ({"hour": {"completeness": 90.0}}, "crit"),
        ({"store": {"connected": False, "lag_s": 0.0}}, "crit"),
        ({"store": {"connected": True, "lag_s": 70.0}}, "warn"),
        ({"clocks": {"worst_s": -3.0, "minion": "web1"}}, "warn"),
        ({"alerts": {"source_up": False, "rules": 1, "bad_rules": 0}}, "crit"),
        ({"alerts": {"source_up": True, "rules": 1, "bad_rules": 1}}, "warn"),
    ],
)
def test_the_monitoring_is_judged(changed: dict[str, Any], state: str) -> None:
    assert verdict(lines_of(health(**changed))) == state


def test_what_is_not_known_of_the_monitoring_is_not_well() -> None:
    nothing = health(
        hour={"completeness": None},
        store={"connected": None, "lag_s": None},
        clocks={"worst_s": None, "minion": None},
        alerts={"source_up": None, "rules": None, "bad_rules": None},
    )
    assert verdict(lines_of(nothing)) == "unknown"


def test_who_is_not_shown_all_of_the_monitoring_is_not_told_that_it_is_well(front: ConsoleClient) -> None:
    front.api.answers["runner.manage.health"] = health(store={"connected": None, "lag_s": None})
    page = front.get("/").text
    assert "The monitoring itself is well." not in page
    assert "What is known of the" in page


def test_the_grid_tells_ids_once(front: ConsoleClient) -> None:
    front.api.answers["runner.manage.overview"] = overview(["a", "b", "c"], up=[True, False, True], since=[None, 5, 7])
    told = front.get("/front/grid").json()
    assert (told["ids"], told["states"], told["since"]) == (["a", "b", "c"], "oao", [0, 5, 7])
    again = front.get(f"/front/grid?known={told['known']}").json()
    assert "ids" not in again
    assert again["states"] == "oao"


def test_an_ended_login_ends_the_page_whatever_part_notices(front: ConsoleClient) -> None:
    def end(call: Call) -> Refusal:
        front.api.tokens.clear()
        return Refusal("Could not authenticate", 401)

    front.api.answers["runner.manage.health"] = end
    answer = front.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login?ended=1")


def test_who_may_not_see_alerts_is_told_that_hosts_alone_are_shown(front: ConsoleClient) -> None:
    front.api.answers["runner.alerts.list"] = Refusal("no", 401)
    text = front.get("/").text
    assert "What is below tells of hosts alone." in text
    assert "No host has a problem by itself." in text


def test_where_no_rule_looks_at_values_that_is_said_in_place_of_all_is_well(front: ConsoleClient) -> None:
    front.api.answers["runner.manage.health"] = health(alerts={"source_up": True, "rules": 0, "bad_rules": 0})
    text = front.get("/").text
    assert "nothing is wrong" not in text
    assert "no rule looks at what they measure" in text
    assert 'href="/alerts/rules/new"' in text
    front.login(may={})
    text = front.get("/").text
    assert 'href="/alerts/rules/new"' not in text
    assert "choose hosts" not in text


def test_what_is_not_granted_is_not_asked_for_again_and_again(front: ConsoleClient) -> None:
    front.login("wanda", may={"runner.jobs.list_jobs": True})
    text = front.get("/front/parts").text
    assert text.count("This isn&#x27;t shown to you: nothing grants it.") == 4
    asked = {call.name for call in front.api.calls}
    assert "runner.jobs.list_jobs" in asked
    assert not asked & {f"runner.{name}" for name in ("alerts.list", "alerts.history", "manage.health", "audit.query")}


def test_of_many_series_that_became_alike_within_a_minute_one_change_tells(front: ConsoleClient) -> None:
    minute = (NOW - 300) // 60 * 60
    became = {"alert": "load", "series": "s", "state": "warn"}
    front.api.answers["runner.alerts.history"] = [
        *({**became, "at": minute + 30 - number, "minions": [f"web{number}"]} for number in range(9)),
        {**became, "at": minute + 1, "minions": ["db1"], "state": "crit"},
        {**became, "at": minute - 1, "minions": ["db2"]},
    ]
    text = front.get("/").text
    assert "load on web0, web1, web2 and 6 more" in text
    assert "load on db1" in text
    assert "load on db2" in text
    assert "load on web3" not in text
