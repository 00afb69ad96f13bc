"""The explorer: its page, its table for who has no scripts, and panels saved from it."""

from __future__ import annotations

from saltern_web.charts.panel import Panel
from saltern_web.pages.dashboards.grafana import read_grafana
from support.console import ConsoleClient, Refusal

EVIL = "<script>alert(1)</script>"


def test_the_url_holds_the_whole_of_it(console: ConsoleClient) -> None:
    console.login()
    page = console.get(f"/explorer?target=a.*&target={EVIL}&from=100&until=400&unit=B&stacked=1").text
    assert 'name="target" class="mono" value="a.*"' in page
    assert EVIL not in page
    assert '"range": {"from": 100.0, "until": 400.0}' in page
    assert not [call for call in console.api.calls if "/render" in call.name]


def test_a_table_is_there_without_a_script(console: ConsoleClient) -> None:
    console.login()
    console.api.answers["POST /render"] = [{"target": EVIL, "datapoints": [[1.5, 100], [None, 115]]}]
    page = console.get("/explorer?target=a.b&view=table").text
    assert '&lt;script&gt;alert(1)&lt;/script&gt;</th><td class="num">1.50</td>' in page
    (call,) = console.api.called("POST /render")
    assert call.kwarg["target"] == ["limit(a.b,500)"]
    console.api.answers["POST /render"] = Refusal("there is no function 'nofun'")
    assert "there is no function &#x27;nofun&#x27;" in console.get("/explorer?target=nofun(a)&view=table").text


def test_targets_become_a_panel_of_a_new_dashboard_or_of_one_that_is_there(console: ConsoleClient) -> None:
    console.login()
    fields = {"title": "Load", "target": ["a.b", "c.d"], "unit": "B", "stacked": "1"}
    made = console.post("/explorer/save", {**fields, "dashboard": "", "name": "Mine"}).headers["location"]
    number = made.rpartition("/")[2]
    again = console.post("/explorer/save", {**fields, "title": "More", "dashboard": number})
    assert again.headers["location"] == made
    _, board = read_grafana(console.get(f"{made}/export").json())
    assert board.panels == tuple(
        Panel(title, ("a.b", "c.d"), "B", stacked=True, width=12) for title in ("Load", "More")
    )


def test_what_can_not_be_saved_is_said_above_the_targets_that_stay(console: ConsoleClient) -> None:
    console.login()
    for fields in ({"target": "", "name": "x"}, {"target": "a.b", "name": ""}, {"target": "a.b", "dashboard": "x"}):
        page = console.post("/explorer/save", {"title": "Load", "dashboard": "", **fields})
        assert page.status_code == 400
        assert "It can&#x27;t be saved: " in page.text
    assert 'value="a.b"' in page.text
    assert console.post("/explorer/save", {"title": "x", "target": "a", "dashboard": "999"}).status_code == 404
