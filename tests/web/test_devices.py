"""The page of devices: trouble first, filters, what devices say of themselves, and the way there."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from saltern_web.pages.host.sections import sections
from support.console import ConsoleClient, Refusal, overview

HOSTILE = "<img src=x onerror=alert(1)>\u202e\x1b[31m"
NOW = time.time()
TOLD: dict[str, Any] = {
    "sw1": {"host": "web1", "up": True, "since": NOW - 3600, "error": "", "proxytype": "snmp", "latency_ms": 4.25},
    "sw2": {"host": "web1", "up": False, "since": NOW - 60, "error": HOSTILE, "proxytype": "snmp", "latency_ms": None},
    "app1": {"host": "db1", "up": True, "since": NOW - 60, "error": "timed out", "proxytype": "rest_sample"},
    "new1": {"host": "db1", "up": None, "since": None, "error": None, "proxytype": None},
    "lone1": {"host": None, "up": False, "since": None, "error": None, "proxytype": "snmp"},
}
VIA = {"sw1": "web1", "sw2": "web1", "app1": "db1", "new1": "db1", "lone1": "db1"}
IDS = ["db1", "web1", *sorted(TOLD)]


@pytest.fixture
def page(console: ConsoleClient) -> ConsoleClient:
    console.login(may={})
    console.api.answers |= {
        "runner.manage.devices": lambda call: {one: TOLD[one] for one in call.arg or TOLD},
        "runner.manage.overview": overview(IDS, via=[VIA.get(one) for one in IDS]),
        "runner.alerts.list": [],
    }
    return console


def rows(text: str) -> list[str]:
    return re.findall(r'<tr data-id="([^"]*)"', text)


def test_trouble_comes_first_and_what_nobody_knows_is_no_green(page: ConsoleClient) -> None:
    text = page.get("/devices").text
    assert rows(text) == ["sw2", "lone1", "new1", "app1", "sw1"]
    assert "5 devices" in text
    assert "no host</span>" in text
    assert "4.25 ms" in text
    assert '<a href="/hosts/web1">web1</a>' in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=SW", ["sw2", "sw1"]),
        ("q=db1 timed", ["app1"]),
        ("state=down", ["sw2"]),
        ("state=nonsense", ["sw2", "lone1", "new1", "app1", "sw1"]),
        ("host=web1&kind=snmp", ["sw2", "sw1"]),
        ("host=gone", []),
        ("q=onerror", ["sw2"]),
    ],
)
def test_a_url_chooses_among_them(page: ConsoleClient, query: str, found: list[str]) -> None:
    assert rows(page.get(f"/devices?{query}").text) == found


def test_what_a_device_says_is_text(page: ConsoleClient) -> None:
    text = page.get("/devices").text
    assert "<img" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert not {"\u202e", "\x1b"} & set(text)
    assert "<script>" not in page.get("/devices?q=%3Cscript%3E&host=%3Cscript%3E").text


def test_many_come_a_page_at_a_time(page: ConsoleClient) -> None:
    page.api.answers["runner.manage.devices"] = {f"d{number:04d}": TOLD["sw1"] for number in range(450)}
    assert rows(page.get("/devices?page=3").text) == [f"d{number:04d}" for number in range(400, 450)]
    assert rows(page.get("/devices?page=99&q=d").text) == [f"d{number:04d}" for number in range(400, 450)]


def test_an_answer_that_is_none_is_one_line(page: ConsoleClient) -> None:
    page.api.answers["runner.manage.devices"] = ["what"]
    answer = page.get("/devices")
    assert (answer.status_code, "understood" in answer.text) == (400, True)
    page.api.answers["runner.manage.devices"] = {
        "odd1": None,
        "odd2": {"host": 3, "up": "yes", "since": "x", "error": 5},
    }
    assert rows(page.get("/devices?q=odd").text) == ["odd1", "odd2"]


def test_the_menu_has_devices_only_where_some_are_seen(page: ConsoleClient) -> None:
    assert 'href="/devices"' in page.get("/hosts").text
    assert 'href="/devices"' in page.get("/preferences").text
    page.login("eve", token="e" * 64)
    page.api.answers["runner.manage.overview"] = overview(["web1"])
    assert 'href="/devices"' not in page.get("/hosts").text
    assert '"/devices"' not in page.get("/search?q=devi", headers={"Accept": "application/json"}).text


def test_who_sees_none_is_told_so(page: ConsoleClient) -> None:
    page.api.answers["runner.manage.devices"] = {}
    assert "No device is here that you see" in page.get("/devices").text
    page.login(everything=True)
    assert "No host speaks for a device yet" in page.get("/devices").text


def test_the_page_of_a_device_tells_how_it_is_and_who_speaks_for_it(page: ConsoleClient) -> None:
    head = page.get("/hosts/sw2?part=head").text
    assert re.search(r's-crit">down</span> since', head)
    assert "&lt;img src=x onerror=alert(1)&gt;" in head
    assert "snmp device that" in head
    assert '<a href="/hosts/web1">web1</a> speaks for' in head
    assert "answers in 4.25 ms" in page.get("/hosts/sw1/jobs").text
    assert [call.arg for call in page.api.called("runner.manage.devices")] == [["sw2"], ["sw1"]]


def test_its_page_is_there_without_its_state_too(page: ConsoleClient) -> None:
    page.api.answers["runner.manage.devices"] = Refusal("not allowed", 401)
    answer = page.get("/hosts/sw2?part=head")
    assert answer.status_code == 200
    assert "nothing grants it" in answer.text
    assert "speaks for" in answer.text


def test_a_device_that_is_not_reached_is_not_ok_among_the_hosts(page: ConsoleClient) -> None:
    page.api.answers["runner.manage.overview"] = overview(
        IDS, via=[VIA.get(one) for one in IDS], device_up=[TOLD.get(one, {}).get("up") for one in IDS]
    )
    page.console.fleet.forget(page.console.api("a" * 64))
    text = page.get("/hosts?state=away").text
    assert rows(text) == ["lone1", "sw2"]
    assert "is not reached by web1" in page.get("/front/parts").text
    page.login(may={"ps.top": True})
    assert "/hosts/web1/processes" in page.get("/hosts/web1/events").text
    assert "/hosts/sw1/processes" not in page.get("/hosts/sw1/events").text


def test_the_charts_of_a_device_begin_with_how_it_is(page: ConsoleClient) -> None:
    names = ("stats.device.up", "stats.device.calls", "stats.device.type.snmp", "stats.net.p1.rx_bytes_per_s")
    first, second = sections(names)
    assert (first.title, [panel.title for panel in first.panels]) == ("The device", ["Reached", "Calls"])
    assert [panel.title for panel in second.panels] == ["Traffic"]


def test_the_page_of_a_host_leads_to_its_devices(page: ConsoleClient) -> None:
    head = page.get("/hosts/web1?part=head").text
    assert 'Speaks for <a href="/devices?host=web1">2 devices</a>' in head
    assert not page.api.called("runner.manage.devices")
