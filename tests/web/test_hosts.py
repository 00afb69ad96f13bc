"""The table of hosts: what a URL asks for, the numbers, and what is done with those that are chosen."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from saltern_web.fleet import Fleet, read_fleet
from saltern_web.key_numbers import NAMES
from saltern_web.pages.hosts.filter import Filter, filter_of, ordered
from support.console import Call, ConsoleClient, Refusal, overview

pytestmark = pytest.mark.usefixtures("console_site")
IDS = ["cache1", "db1.lan", "web1", "web2", "web10"]
HOSTILE = "<img src=x onerror=alert(1)>\u202e"
NOW = time.time() // 15 * 15
RIGHTS = {"cmd.run": True, "runner.alerts.silence": True, "runner.manage.group_add": True}


def told(**changed: Any) -> dict[str, Any]:
    return overview(
        IDS,
        up=[True, False, True, True, True],
        alert=["ok", "ok", "crit", "ok", "warn"],
        completeness=[99.0, 10.0, None, 100.0, 50.0],
        groups={"web": [2, 3, 4], "db": [1]},
        **changed,
    )


def fleet() -> Fleet:
    return read_fleet(told())


def render(call: Call) -> list[dict[str, Any]]:
    """Answer as the store does: two points of each number, the newer one unknown for web2."""
    found = []
    for target in call.kwarg["target"]:
        (segments,) = re.findall(r"saltern\.(\{[^}]*\}|\*)\.", target)
        names = ["web1", "web2", "db1_lan", "gone"] if segments == "*" else segments.strip("{}").split(",")
        kind = re.search(r"stats\.(\w+)", target)
        assert kind is not None
        for at, name in enumerate(names):
            called = name if target.startswith("groupByNode") else f"{name}.{kind[1]}"
            newer = None if name == "web2" else 42.25 + at
            found.append({"target": called, "datapoints": [[7.0, NOW - 15], [newer, NOW]]})
    return found


@pytest.fixture
def hosts(console: ConsoleClient) -> ConsoleClient:
    console.login(may=RIGHTS)
    console.api.answers |= {
        "runner.manage.overview": told(),
        "POST /render": render,
        "runner.manage.resolve": {"minions": ["web1", "db1.lan"], "unknown": ["ghost"], "problem": ""},
    }
    return console


def shown(text: str) -> list[str]:
    return re.findall(r'<tr data-id="([^"]*)"', text)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["web1", "db1.lan", "web10", "cache1", "web2"]),
        ("q=WEB", ["web1", "web10", "web2"]),
        ("q=web 2", ["web2"]),
        ("q=web*", ["web1", "web10", "web2"]),
        ("q=*1", ["web1", "cache1"]),
        ("q=[w]eb1", []),
        ("state=crit,away", ["web1", "db1.lan"]),
        ("state=crit&state=away", ["web1", "db1.lan"]),
        ("state=problems", ["web1", "db1.lan", "web10"]),
        ("state=nonsense", ["web1", "db1.lan", "web10", "cache1", "web2"]),
        ("group=web&sort=id", ["web1", "web10", "web2"]),
        ("group=web&sort=-id", ["web2", "web10", "web1"]),
        ("group=none", []),
        ("sort=completeness", ["db1.lan", "web10", "cache1", "web2", "web1"]),
        ("sort=-completeness", ["web2", "cache1", "web10", "db1.lan", "web1"]),
        ("sort=nonsense", ["web1", "db1.lan", "web10", "cache1", "web2"]),
    ],
)
def test_a_url_says_which_hosts_and_in_which_order(query: str, ids: list[str]) -> None:
    asked = filter_of(QueryDict(query), NAMES)
    assert [host.id for host in ordered(asked.admits(fleet()), asked)] == ids


@given(
    st.dictionaries(st.sampled_from(["q", "state", "group", "target", "type", "sort", "page"]), st.text(max_size=30))
)
def test_any_query_is_a_filter_and_a_filter_says_itself(fields: dict[str, str]) -> None:
    query = QueryDict(mutable=True)
    query.update(fields)
    asked = filter_of(query, NAMES)
    asked.admits(FLEET)
    again = filter_of(QueryDict(asked.query()), NAMES)
    assert again == (asked if asked.target else asked._replace(kind="glob"))


FLEET = fleet()


def test_a_filter_that_says_nothing_has_no_query() -> None:
    assert Filter().query() == ""
    assert parse_qs(Filter(q="web", sort="-cpu").query(group="a b")) == {
        "q": ["web"],
        "sort": ["-cpu"],
        "group": ["a b"],
    }


def test_the_page_has_numbers_and_links(hosts: ConsoleClient) -> None:
    text = hosts.get("/hosts?sort=id").text
    assert shown(text) == sorted(IDS)
    assert re.search(r'<tr data-id="cache1".*?data-n="cpu".*?<span class="value">42\.2</span>', text)
    assert re.search(r'<tr data-id="web2".*?data-n="cpu".*?<span class="value">7\.0</span>', text)
    assert 'href="/hosts?group=web"' in text
    assert 'aria-sort="ascending"' in text
    assert len(hosts.api.called("POST /render")) == 1


def test_without_the_store_the_table_is_there_and_says_so(hosts: ConsoleClient) -> None:
    hosts.api.answers["POST /render"] = Refusal("the store can't be reached", 503)
    text = hosts.get("/hosts").text
    assert len(shown(text)) == len(IDS)
    assert "The numbers can't be had: the store can&#x27;t be reached" in text
    assert '<span class="value">–</span>' in text


def test_hosts_are_sorted_by_a_number_and_those_without_come_last(hosts: ConsoleClient) -> None:
    assert shown(hosts.get("/hosts?sort=-cpu").text) == ["db1.lan", "web1", "web2", "cache1", "web10"]
    (target,) = hosts.api.called("POST /render")[0].kwarg["target"]
    assert target == "aliasByNode(consolidateBy(saltern.*.stats.cpu.total.percent,'last'),1,3)"


def test_an_order_that_takes_long_is_promised(hosts: ConsoleClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("saltern_web.pages.hosts.listing.COLUMN_WITHIN_S", 0.0)
        text = hosts.get("/hosts?sort=-cpu").text
    assert "not sorted by cpu yet" in text
    assert "data-unsorted" in text
    assert len(shown(text)) == len(IDS)
    text = hosts.get("/hosts?sort=-cpu").text
    assert "data-unsorted" not in text
    assert len([call for call in hosts.api.called("POST /render") if "*" in call.kwarg["target"][0]]) == 1


def test_any_target_is_a_filter(hosts: ConsoleClient) -> None:
    text = hosts.get("/hosts", params={"target": "G@os:Debian", "type": "compound", "q": "web"}).text
    assert shown(text) == ["web1"]
    assert hosts.api.called("runner.manage.resolve")[0].kwarg == {"tgt": "G@os:Debian", "tgt_type": "compound"}
    assert "ghost" in text


def test_what_is_wrong_with_a_target_is_a_line(hosts: ConsoleClient) -> None:
    hosts.api.answers["runner.manage.resolve"] = {"minions": [], "unknown": [], "problem": f"no such {HOSTILE}"}
    text = hosts.get("/hosts?target=(&type=compound").text
    assert "no such &lt;img" in text
    assert shown(text) == []


def test_to_htmx_the_table_alone_but_for_history(hosts: ConsoleClient) -> None:
    part = hosts.get("/hosts?q=web1", htmx=True).text
    assert part.lstrip().startswith('<div id="table"')
    whole = hosts.get("/hosts", htmx=True, headers={"HX-History-Restore-Request": "true"}).text
    assert "<!doctype html>" in whole


def test_who_may_nothing_sees_the_same_without_buttons(hosts: ConsoleClient) -> None:
    hosts.login(may={"runner.manage.overview": True})
    text = hosts.get("/hosts").text
    assert len(shown(text)) == len(IDS)
    assert 'name="do"' not in text
    assert 'name="minion"' not in text


def test_long_tables_are_paged(hosts: ConsoleClient) -> None:
    hosts.api.answers["runner.manage.overview"] = overview([f"h{number:03}" for number in range(450)])
    text = hosts.get("/hosts?page=3&sort=id").text
    assert (len(shown(text)), shown(text)[0]) == (50, "h400")
    assert "page 3 of 3, 450 in all" in text
    assert len(shown(hosts.get("/hosts?page=99").text)) == 50


def test_nothing_of_others_is_html(hosts: ConsoleClient) -> None:
    hosts.api.answers["runner.manage.overview"] = overview(["web1"], groups={HOSTILE: [0]}, version=[HOSTILE])
    text = hosts.get("/hosts", params={"q": HOSTILE, "group": HOSTILE, "target": HOSTILE}).text
    assert "<img" not in text
    assert "\u202e" not in re.sub(r'value="[^"]*"', "", hosts.get("/hosts").text)


def test_numbers_for_a_script(hosts: ConsoleClient) -> None:
    answer = hosts.post("/hosts/-/numbers", {"minion": ["web1", "web2", "none"], "sparks": "1"}).json()
    assert sorted(answer["hosts"]) == ["web1", "web2"]
    web1 = answer["hosts"]["web1"]
    assert (web1["state"], web1["values"]) == ("crit", [42.25] * 4)
    assert web1["sampled"] >= NOW
    assert web1["sparks"] == [[7.0, 42.25]] * 4
    assert answer["hosts"]["web2"]["values"] == [7.0] * 4
    newest, hour = hosts.api.called("POST /render")
    assert "{web1,web2}" in newest.kwarg["target"][0]
    assert hour.kwarg["maxDataPoints"] == ["30"]


@pytest.mark.parametrize(("do", "where"), [("run", "/run"), ("silence", "/alerts/silence")])
def test_those_that_were_ticked_go_on_by_the_same_form(hosts: ConsoleClient, do: str, where: str) -> None:
    answer = hosts.post("/hosts/-/chosen", {"do": do, "minion": ["web1", "web2"]})
    assert (answer.status_code, answer.headers["Location"]) == (307, where)


def test_all_that_match_are_shown_before_and_sent_as_shown(hosts: ConsoleClient) -> None:
    text = hosts.post("/hosts/-/chosen", {"do": "run", "all": "1", "q": "web", "state": "", "minion": ["db1.lan"]}).text
    assert re.findall(r'name="minion" value="([^"]*)"', text) == ["web1", "web10", "web2"]
    assert 'action="/run"' in text
    assert "Run something on 3 hosts" in text


@pytest.mark.parametrize("form", [{"do": "run"}, {"do": "run", "minion": ["none"]}, {"do": "rm", "minion": ["web1"]}])
def test_nobody_chosen_is_one_clear_line(hosts: ConsoleClient, form: dict[str, Any]) -> None:
    answer = hosts.post("/hosts/-/chosen", form)
    assert answer.status_code == 400
    assert "no host was chosen" in answer.text or "can&#x27;t be done with hosts" in answer.text


def test_hosts_are_moved_between_groups(hosts: ConsoleClient) -> None:
    hosts.api.answers |= {"runner.manage.group_add": {}, "runner.manage.group_remove": {}}
    page = hosts.post("/hosts/-/chosen", {"do": "group", "minion": ["web1", "web2"]}).text
    assert "Groups of 2 hosts" in page
    form = {"minion": ["web1", "web2"], "into": "shop", "out_of": "web", "sure": "1"}
    answer = hosts.post("/hosts/-/group", form)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/hosts?group=shop")
    assert hosts.api.called("runner.manage.group_add")[0].arg == ["shop", ["web1", "web2"]]
    assert hosts.api.called("runner.manage.group_remove")[0].arg == ["web", ["web1", "web2"]]


def test_what_the_master_refuses_is_shown_with_what_was_done(hosts: ConsoleClient) -> None:
    hosts.api.answers |= {
        "runner.manage.group_add": {},
        "runner.manage.group_remove": Refusal("web1 is in web by the option groups: change it there"),
    }
    form = {"minion": "web1", "into": "shop", "out_of": "web", "sure": "1"}
    answer = hosts.post("/hosts/-/group", form)
    assert answer.status_code == 400
    assert "They are in shop now. web1 is in web by the option groups" in answer.text
    assert hosts.post("/hosts/-/group", {**form, "into": "web"}).status_code == 400
    assert len(hosts.api.called("runner.manage.group_add")) == 1


def test_views_are_kept_for_their_owner_and_shared_with_all(hosts: ConsoleClient) -> None:
    saved = hosts.post("/hosts/-/views", {"name": "my <web>", "query": "q=web&evil=1&state=crit"})
    assert saved.headers["Location"] == "/hosts?q=web&state=crit"
    hosts.post("/hosts/-/views", {"name": "all", "query": "group=db", "shared": "1"})
    text = hosts.get("/hosts").text
    assert 'href="/hosts?q=web&amp;state=crit">my &lt;web&gt;' in text
    hosts.login("bob", may=RIGHTS, token="b" * 64)
    text = hosts.get("/hosts").text
    assert "my &lt;web&gt;" not in text
    assert 'href="/hosts?group=db">all' in text
    assert 'name="delete"' not in text
    number = re.search(r'name="delete" value="(\d+)"', login_as_anna(hosts))
    assert number is not None
    hosts.login("bob", may=RIGHTS, token="b" * 64)
    hosts.post("/hosts/-/views", {"delete": number[1]})
    assert f'value="{number[1]}"' in login_as_anna(hosts)
    hosts.post("/hosts/-/views", {"delete": number[1]})
    assert f'value="{number[1]}"' not in hosts.get("/hosts").text


def login_as_anna(hosts: ConsoleClient) -> str:
    hosts.login(may=RIGHTS)
    return hosts.get("/hosts").text


def test_a_view_needs_a_name(hosts: ConsoleClient) -> None:
    assert hosts.post("/hosts/-/views", {"name": " ", "query": "q=web"}).status_code == 400
