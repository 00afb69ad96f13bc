"""The pages of one host: what they show, of a host that is away, of what isn't granted, and of hostile words."""

from __future__ import annotations

import time
from typing import Any

import pytest

from saltern.look import LOOK
from support.console import ConsoleClient, Refusal, overview

NAMES = ["saltern.web1.stats.load.1m", "saltern.web1.stats.memory.used", "saltern.web1.schedule.stats.completeness"]
EVIL = "<script>alert(1)</script>\u202egnp.exe"


@pytest.fixture
def host(console: ConsoleClient) -> ConsoleClient:
    console.login(everything=True)
    console.api.answers["runner.manage.overview"] = overview(["web1"], groups={"front end": [0]})
    console.api.answers["POST /metrics/expand"] = {"results": NAMES}
    return console


def test_charts_are_framed_by_the_server_and_told_to_the_script(host: ConsoleClient) -> None:
    page = host.get("/hosts/web1?from=-15min")
    assert page.status_code == 200
    assert '<h3 class="panel-title">Load</h3>' in page.text
    assert "saltern.$minion.stats.memory.{used,cached,buffers,free}" in page.text
    assert '"variables": {"minion": "web1"}' in page.text
    assert '"range": {"span": 900}' in page.text
    assert 'href="/hosts?group=front%20end"' in page.text
    assert 'aria-current="true">15 min' in page.text
    (asked,) = host.api.called("POST /metrics/expand")
    assert asked.kwarg["query"][0] == "saltern.web1.*"


def test_a_host_that_is_not_there_for_this_login_is_not_found(host: ConsoleClient) -> None:
    assert host.get("/hosts/web2").status_code == 404
    assert host.get("/hosts/web1/nothing").status_code == 404
    assert not host.api.called("POST /metrics/expand")


def test_what_cannot_be_compared_with_is_said(host: ConsoleClient) -> None:
    assert "Nothing is compared" not in host.get("/hosts/web1?compare=3d").text
    page = host.get("/hosts/web1?compare=<web7>").text
    assert "you see no host <code>&lt;web7&gt;</code>" in page
    assert '"compare": ""' in page


def test_no_series_are_said_to_be_none_and_a_store_that_is_away_is_told(host: ConsoleClient) -> None:
    host.api.answers["POST /metrics/expand"] = {"results": []}
    assert "No series of this host are there yet" in host.get("/hosts/web1").text
    host.api.answers["POST /metrics/expand"] = Refusal("the store does not answer", 503)
    page = host.get("/hosts/web1")
    assert page.status_code == 200
    assert "can't be listed: the store does not answer" in page.text
    assert "No series" not in page.text


def test_values_are_a_table_with_ages_and_no_zero_for_what_is_not_there(host: ConsoleClient) -> None:
    points = [[None, 100], [2.5, 115], [None, 130]]
    host.api.answers["POST /render"] = [{"target": NAMES[0], "datapoints": points}]
    page = host.get("/hosts/web1/values?q=stats")
    assert '>stats.load.1m</th><td class="num">2.50</td>' in page.text
    assert '>stats.memory.used</th><td class="num">–</td><td class="num">never</td>' in page.text
    (asked,) = host.api.called("POST /render")
    assert asked.kwarg["target"] == sorted(NAMES)


def test_a_host_that_is_away_is_not_asked_and_its_grains_are_those_heard_last(host: ConsoleClient) -> None:
    host.api.answers["runner.manage.overview"] = overview(["web1"], up=[False])
    host.api.answers["runner.cache.grains"] = {"web1": {"os": EVIL}}
    page = host.get("/hosts/web1/grains")
    assert "The host is away: these are what the master heard last" in page.text
    assert "&lt;script&gt;" in page.text
    assert "<script>alert" not in page.text
    assert "\u202e" not in page.text
    assert "The host is away" in host.get("/hosts/web1/processes").text
    assert not [call for call in host.api.calls if call.name.startswith("local.")]


def test_what_is_not_granted_or_fails_is_said_in_its_place(host: ConsoleClient) -> None:
    host.api.answers["local.pillar.ls"] = Refusal("pillar.ls is not granted", 401)
    assert "You may not call pillar.ls on this host" in host.get("/hosts/web1/pillar").text
    host.api.answers["local.pkg.list_pkgs"] = {"web1": {"ret": f"no dpkg {EVIL}", "retcode": 1}}
    page = host.get("/hosts/web1/packages").text
    assert "pkg.list_pkgs: no dpkg &lt;script&gt;" in page
    assert "The host names none" not in page
    host.api.answers["local.ps.top"] = {}
    assert "The host did not answer within" in host.get("/hosts/web1/processes").text


def test_of_pillar_only_names_are_asked_for(host: ConsoleClient) -> None:
    host.api.answers["local.pillar.ls"] = {"web1": ["db", "secret"]}
    page = host.get("/hosts/web1/pillar").text
    assert ">secret</td>" in page
    assert [call.name for call in host.api.calls if call.name.startswith("local.")] == ["local.pillar.ls"]


def test_services_say_what_is_known_of_each_and_no_more(host: ConsoleClient) -> None:
    answers = {"service.get_all": ["a", "b"], "service.get_enabled": ["a"], "service.status": "not available"}
    host.api.answers["local.service.get_all,service.get_enabled,service.status"] = {"web1": answers}
    page = host.get("/hosts/web1/services?q=a").text
    assert '<th scope="row">a</th>' in page
    assert '<th scope="row">b</th>' not in page
    assert "running" not in page.split("<tbody>")[1]


def test_processes_have_their_units(host: ConsoleClient) -> None:
    one = {"cmd": ["nginx", EVIL], "pid": 7, "user": "www", "status": "sleeping", "create_time": time.time() - 500}
    one |= {"cpu": {"user": 30.0, "system": 30.0, "iowait": 99.0}, "mem": {"rss": 3 * 1024 * 1024}}
    host.api.answers["local.ps.top"] = {"web1": [one, "nonsense", {"cmd": None}]}
    page = host.get("/hosts/web1/processes").text
    assert ">60 s</td>" in page
    assert ">3.0 MiB</td>" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize("cpu", ["abc", [1], 5, {"user": "30"}])
def test_processes_that_are_nonsense_are_shown_as_far_as_they_go(host: ConsoleClient, cpu: object) -> None:
    nonsense = {"cmd": ["nginx"], "cpu": cpu, "mem": "much", "create_time": 1e300, "pid": {}, "user": []}
    host.api.answers["local.ps.top"] = {"web1": [nonsense, {"mem": [1]}]}
    page = host.get("/hosts/web1/processes")
    assert (page.status_code, "nginx" in page.text) == (200, True)


def test_jobs_are_those_that_went_to_the_host(host: ConsoleClient) -> None:
    jid = "20261128194401123456"
    host.api.answers["runner.jobs.list_jobs"] = {
        jid: {"Function": ["a.b", "c.d"], "Arguments": [[], [1]], "User": "anna", "StartTime": ""},
        "nonsense": {"Function": "x.y", "Arguments": "***", "User": "anna"},
        "20261128194401123457": {"Function": "ps.top", "User": "anna", "Metadata": LOOK},
    }
    page = host.get("/hosts/web1/jobs").text
    assert "2026-11-28 19:44:01 UTC" in page
    assert "a.b, c.d" in page
    assert "ps.top" not in page
    assert f'href="/jobs/{jid}"' in page
    assert host.api.called("runner.jobs.list_jobs")[0].kwarg == {"search_minion": "web1", "limit": 200}


def test_alerts_are_those_of_the_hosts_series_alone_the_worst_first(host: ConsoleClient) -> None:
    def series(name: str, state: str) -> dict[str, Any]:
        return {"series": name, "state": state, "value": 1.0, "since_s": 1.0, "silenced": None, "acknowledged": None}

    listed = [
        series("saltern.web1.stats.load.1m", "ok"),
        series("saltern.web10.stats.load.1m", "crit"),
        series("divideSeries(saltern.web1.x,saltern.web1.y)", "crit"),
    ]
    host.api.answers["runner.alerts.list"] = [{"alert": "load", "series": listed}]
    page = host.get("/hosts/web1/alerts").text
    assert "web10" not in page
    assert page.index("divideSeries") < page.index(">saltern.web1.stats.load.1m<")
    assert "the test has no answer to runner.alerts.history" in page


def test_events_begin_with_what_was_recorded_of_the_host(host: ConsoleClient) -> None:
    host.api.answers["GET /events/get_data"] = [
        {"when": 1795891440.0, "what": "web1 is <gone>", "tags": ["presence", "down", "minion:web1"]}
    ]
    page = host.get("/hosts/web1/events").text
    assert "web1 is &lt;gone&gt;" in page
    assert host.api.called("GET /events/get_data")[-1].kwarg == {"from": ["-168h"], "tags": ["minion:web1"]}
    del host.api.answers["GET /events/get_data"]
    assert "the test has no answer to GET /events/get_data" in host.get("/hosts/web1/events").text


def test_the_account_adds_up_before_the_reader(host: ConsoleClient) -> None:
    counts = {
        "expected": 10,
        "received": 7,
        "missing": 1,
        "late": 0,
        "dropped": 2,
        "skipped": 0,
        "failed": 0,
        "lost": 0,
    }
    host.api.answers["runner.metrics.account"] = {"web1": {"stats": {**counts, "completeness": 70.0}}}
    page = host.get("/hosts/web1/completeness").text
    assert '<th scope="row">stats</th><td class="num">10</td><td class="num">7</td><td class="num">1</td>' in page
    assert "70 %" in page
    assert host.api.called("runner.metrics.account")[0].kwarg == {"minion": "web1"}


def test_tabs_that_ask_what_is_granted_nowhere_are_not_offered(host: ConsoleClient) -> None:
    host.login(may={"grains.items": True})
    page = host.get("/hosts/web1/values").text
    assert 'href="/hosts/web1/grains"' in page
    assert 'href="/hosts/web1/jobs"' in page
    assert 'href="/hosts/web1/pillar"' not in page
    assert 'href="/hosts/web1/processes"' not in page
