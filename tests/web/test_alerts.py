"""Alerts: problems first, and what is done is done to exactly what was shown."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import QueryDict

from saltern_web.api.errors import Refused
from saltern_web.pages.alerts.book import OK, alert_url, read_book
from saltern_web.pages.alerts.silencing import MOST, Aim, aims_of, ends_of
from support.alerts_told import NOW, rule, series
from support.console import Call, ConsoleClient, Refusal, overview

LIST, ACKNOWLEDGE, SILENCE = "runner.alerts.list", "runner.alerts.acknowledge", "runner.alerts.silence"
MAY = {ACKNOWLEDGE: True, SILENCE: True}


KNOWN = {"by": "file:anna", "at": NOW, "comment": "on it"}
SILENCED = {"id": "0a", "until": NOW + 9e6, "by": "file:bob", "reason": "new disks"}


def given(query: str) -> QueryDict:
    return QueryDict(query)


@pytest.fixture
def page(console: ConsoleClient) -> ConsoleClient:
    console.login(may=MAY)
    console.api.answers |= {
        LIST: [
            rule("fine", series("saltern.web1.a", OK)),
            rule("disk", series("saltern.web1.b", "warn"), series("saltern.web2.b", acknowledged=KNOWN)),
            rule("load", series("saltern.web1.c"), series("saltern.web2.c", silenced=SILENCED)),
        ],
        "runner.manage.overview": overview(["web1", "web2"]),
    }
    return console


def test_what_nobody_has_seen_to_comes_first_and_the_worst_of_it() -> None:
    book = read_book(
        [
            rule("a", series("ok", OK), series("known", acknowledged=KNOWN), series("warn", "warn")),
            rule("b", series("old", since_s=NOW - 60), series("new"), series("none", "nodata")),
        ]
    )
    assert [one.name for one in book.series] == ["new", "old", "warn", "none", "known", "ok"]


def test_of_two_rules_with_one_name_the_first_counts() -> None:
    book = read_book([rule("a", place="first"), rule("a", place="second")])
    assert book.by_name["a"].place == "first"


def test_a_rule_that_is_called_as_a_page_has_an_address() -> None:
    assert alert_url("disk") == "/alerts/disk"
    assert alert_url("history") == "/alerts/rules/history"


def test_problems_are_shown_with_who_has_seen_to_them(page: ConsoleClient) -> None:
    text = page.get("/alerts").text
    rows = re.findall(r'data-series="([^"]*)"', text)
    assert rows == ["saltern.web1.c", "saltern.web1.b", "saltern.web2.b", "saltern.web2.c"]
    assert "file:anna" in text
    assert "new disks" in text
    assert 'href="/hosts/web1"' in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=WEB2", ["saltern.web2.b", "saltern.web2.c"]),
        ("seen=no", ["saltern.web1.c", "saltern.web1.b"]),
        ("seen=only&q=disk", ["saltern.web2.b"]),
        ("state=ok", ["saltern.web1.a"]),
        ("q=nothing", []),
    ],
)
def test_the_filter_is_in_the_url(page: ConsoleClient, query: str, found: list[str]) -> None:
    text = page.get(f"/alerts?{query}").text
    assert re.findall(r'data-series="([^"]*)"', text) == found
    assert bool(found) != ("Nothing matches" in text)


def test_all_is_well_only_where_something_is_watched(page: ConsoleClient) -> None:
    page.api.answers[LIST] = [rule("fine", series("a", OK))]
    assert "Every series of every rule" in page.get("/alerts").text
    page.api.answers[LIST] = [rule("load", series("a", "crit"))]
    page.login("eve", everything=True, token="e" * 64)
    assert 'name="next" value="/alerts?q=load&amp;state=crit"' in page.get("/alerts?q=load&state=crit").text
    page.login("bob", may=MAY, token="b" * 64)
    page.api.answers[LIST] = []
    text = page.get("/alerts").text
    assert "Every series of every rule" not in text
    assert "No rule watches anything that is shown to you" in text
    page.login("ann", everything=True, token="c" * 64)
    assert "No rule says what to watch" in page.get("/alerts").text


def test_a_rule_that_cannot_be_used_is_never_hidden(page: ConsoleClient) -> None:
    page.api.answers[LIST] = [rule("bad", error="alerts.d/a.yaml: line 3: bad: warn must be …", target=None)]
    text = page.get("/alerts").text
    assert "line 3: bad" in text
    assert "1 rule</strong> with a fault" in text


def test_texts_of_minions_are_text(page: ConsoleClient) -> None:
    page.api.answers[LIST] = [rule("x", series('<img src=x onerror="alert(1)">\u202e'))]
    for path in ("/alerts", "/alerts/x", "/alerts/acknowledge?on=x:" + "%3Cimg"):
        text = page.get(path).text
        assert "<img src=x" not in text
        assert "&gt;\u202e</" not in text


def test_an_unknown_alert_is_not_there(page: ConsoleClient) -> None:
    assert page.get("/alerts/none").status_code == 404


def test_a_page_without_history_still_shows_the_rest(page: ConsoleClient) -> None:
    page.api.answers["runner.alerts.history"] = Refusal("not granted", 403)
    answer = page.get("/alerts/disk")
    assert answer.status_code == 200
    assert "saltern.web1.b" in answer.text


def test_exactly_the_shown_series_are_acknowledged(page: ConsoleClient) -> None:
    keys = ["disk:saltern.web1.b", "fine:saltern.web1.a", "gone:x"]
    shown = page.post("/alerts/acknowledge", {"on": keys})
    assert re.findall(r'name="on" value="([^"]*)"', shown.text) == ["disk:saltern.web1.b"]
    assert "2 of the chosen are ok by now, or gone" in shown.text
    assert not page.api.called(ACKNOWLEDGE)
    page.api.answers[ACKNOWLEDGE] = {}
    done = page.post("/alerts/acknowledge", {"on": keys[:1], "sure": "1", "comment": "mine", "next": "/alerts?q=x"})
    assert done.headers["Location"] == "/alerts?q=x"
    assert [(call.arg, call.kwarg) for call in page.api.called(ACKNOWLEDGE)] == [
        (["disk", "saltern.web1.b"], {"comment": "mine"})
    ]


def test_one_that_is_refused_stops_no_other_and_is_said(page: ConsoleClient) -> None:
    def answer(call: Call) -> Any:
        return Refusal("there is no such series") if call.arg[1] == "saltern.web1.b" else {}

    page.api.answers[ACKNOWLEDGE] = answer
    told = page.post("/alerts/acknowledge", {"on": ["disk:saltern.web1.b", "load:saltern.web1.c"], "sure": "1"})
    assert told.status_code == 400
    assert "1 done, 1 refused" in told.text
    assert len(page.api.called(ACKNOWLEDGE)) == 2


def test_a_failure_that_the_api_answers_with_200_is_none_the_less_one(page: ConsoleClient) -> None:
    page.api.answers[ACKNOWLEDGE] = "Exception occurred in runner alerts.acknowledge: it is ok"
    told = page.post("/alerts/acknowledge", {"on": ["disk:saltern.web1.b"], "sure": "1"})
    assert told.status_code == 400
    assert "it is ok" in told.text
    assert "Exception" not in told.text


def test_no_page_sends_its_reader_elsewhere(page: ConsoleClient) -> None:
    page.api.answers[ACKNOWLEDGE] = {}
    sent = {"on": ["disk:saltern.web1.b"], "sure": "1", "next": "//evil.example/"}
    assert page.post("/alerts/acknowledge", sent).headers["Location"] == "/alerts"


def test_a_silence_is_for_a_series_as_it_is_called_and_for_hosts_by_name() -> None:
    found = aims_of(given("on=a:sum(x.*.[ab])&on=a:sum(x.*.[ab])&on=b:&minion=web1&minion=web2&alert=c"))
    assert found == [
        Aim("a", "sum(x.[*].[[]ab])", "*"),
        Aim("b", "*", "*"),
        Aim("*", "*", "web1"),
        Aim("*", "*", "web2"),
        Aim("c", "*", "*"),
    ]
    assert aims_of(given("globs=1&alert=disk*&series=&minion=")) == [Aim("disk*", "*", "*")]
    assert aims_of(given("globs=1&alert=&series=&minion=")) == []


def test_a_silence_ends() -> None:
    assert ends_of(given("lasts=4h"), NOW) == "4h"
    assert ends_of(given("lasts=until&until=2026-12-01T12:00%2B01:00"), NOW) == 1796122800.0
    assert ends_of(given("lasts=until&until=2026-12-01T12:00"), NOW) == 1796126400.0
    for bad in ("", "lasts=9y", "lasts=until", "lasts=until&until=soon", "lasts=until&until=2020-01-01T00:00"):
        with pytest.raises(Refused):
            ends_of(given(bad), NOW)


def test_a_silence_needs_a_reason_and_is_shown_before(page: ConsoleClient) -> None:
    hosts = {"minion": ["web1", "web2"]}
    shown = page.post("/alerts/silence", hosts)
    assert "These 2 are silenced" in shown.text
    told = page.post("/alerts/silence", {**hosts, "sure": "1", "reason": "  ", "lasts": "1h"})
    assert told.status_code == 400
    assert "say why" in told.text
    assert not page.api.called(SILENCE)
    page.api.answers[SILENCE] = "0a1b"
    done = page.post("/alerts/silence", {**hosts, "sure": "1", "reason": "new disks", "lasts": "1h"})
    assert done.headers["Location"] == "/alerts/silences"
    assert [(call.arg, call.kwarg) for call in page.api.called(SILENCE)] == [
        (["new disks", "1h"], {"alert": "*", "series": "*", "minion": minion}) for minion in ("web1", "web2")
    ]


def test_too_many_silences_at_once_are_none(page: ConsoleClient) -> None:
    many = {"minion": [f"web{number}" for number in range(MOST + 1)], "sure": "1", "reason": "x", "lasts": "1h"}
    told = page.post("/alerts/silence", many)
    assert told.status_code == 400
    assert not page.api.called(SILENCE)


def test_silences_are_listed_and_ended(page: ConsoleClient) -> None:
    told = {"id": "0a", "alert": "*", "series": "*", "minion": "web1", "reason": "disks", "by": "file:bob"}
    page.api.answers["runner.alerts.silences"] = [{**told, "at": NOW, "ends": NOW + 60, "confined": True}]
    text = page.get("/alerts/silences").text
    assert "host web1" in text
    assert "confined" in text
    page.api.answers["runner.alerts.unsilence"] = True
    assert page.post("/alerts/silences", {"id": "0a"}).status_code == 302
    assert page.api.called("runner.alerts.unsilence")[0].arg == ["0a"]


def test_history_is_asked_by_the_url_and_goes_on_below(page: ConsoleClient) -> None:
    one = {"alert": "disk", "series": "s", "minions": ["web1"], "state": "crit", "previous": "ok", "value": 1.0}
    more = {"threshold": "> 0", "silenced": True, "acknowledged_by": "file:anna"}
    page.api.answers["runner.alerts.history"] = lambda call: [
        {**one, **more, "at": NOW - number} for number in range(call.kwarg["limit"])
    ]
    text = page.get("/alerts/history?minion=web*&hours=24").text
    (call,) = page.api.called("runner.alerts.history")
    assert call.kwarg == {"limit": 200, "minion": "web*", "since": "24h"}
    assert f"until={NOW - 199:.6f}" in text
    page.get(f"/alerts/history?until={NOW}&hours=1")
    assert page.api.called("runner.alerts.history")[1].kwarg == {"limit": 200, "until": NOW, "since": "1h"}


def test_who_may_not_act_has_no_buttons_and_reads_all_the_same(page: ConsoleClient) -> None:
    page.login("eve", token="e" * 64)
    text = page.get("/alerts").text
    assert "saltern.web1.c" in text
    assert "Acknowledge …" not in text
    assert "Silence …" not in text


def test_who_may_do_nothing_about_them_chooses_none(page: ConsoleClient) -> None:
    assert page.get("/alerts").text.count('type="checkbox" name="on"') == 4
    page.login(may={LIST: True})
    text = page.get("/alerts").text
    assert "saltern.web1.b" in text
    assert 'name="on"' not in text
