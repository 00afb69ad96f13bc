"""Dashboards: what of Grafana's is taken and what is said of the rest, whose they are, and their form."""

from __future__ import annotations

import html
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_web.charts.panel import Panel, read_panel
from saltern_web.pages.dashboards.board import Board, Variable, read_board
from saltern_web.pages.dashboards.grafana import as_grafana, read_grafana
from support.console import ConsoleClient

SHIPPED = sorted((Path(__file__).parents[2] / "grafana/dashboards").glob("*.json"))
LOAD = Panel("Load", ("saltern.$minion.stats.load.*",), "", width=12)
MINION = Variable("minion", query="saltern.*", regex="/^(?!master$).+$/", all="*", multi=True)
BOARD = Board((Panel("Now", kind="row", width=24), LOAD), (MINION,), "-6h")
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["panels", "type", "title", "targets", "target", "gridPos", "x", "fieldConfig", "defaults", "unit", "mappings",
         "options", "templating", "list", "name", "query", "current", "value", "thresholds", "steps", "time", "from"]
    ), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip


def grafana(*panels: dict[str, Any], **more: Any) -> Any:
    return {"title": "T", "panels": list(panels), **more}


def graph(title: str = "Load", target: str = "a.b", **more: Any) -> dict[str, Any]:
    return {"type": "timeseries", "title": title, "targets": [{"refId": "A", "target": target}], **more}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_ones_are_taken_whole_but_for_annotations_and_links(path: Path) -> None:
    given_ = json.loads(path.read_text(encoding="utf-8"))
    name, board = read_grafana(given_)
    assert name == given_["title"]
    assert len(board.panels) == len(given_["panels"])
    assert set(board.notes) <= {"its annotations are not drawn", "its links are left out"}
    assert [one.name for one in board.variables] == [
        one["name"] for one in given_["templating"]["list"] if one["type"] == "query"
    ]


def test_what_can_not_be_taken_is_said_panel_by_panel() -> None:
    _, board = read_grafana(
        grafana(
            graph("a", repeat="minion", fieldConfig={"overrides": [{"matcher": {}}]}),
            {"type": "text", "title": "b"},
            {"type": "timeseries", "title": "c", "targets": [{"expr": "up"}]},
            graph("d", transformations=[{"id": "merge"}]),
            templating={"list": [{"type": "adhoc", "name": "filters"}, {"type": "query", "name": "a-b"}]},
        )
    )
    assert [panel.title for panel in board.panels] == ["a", "d"]
    assert board.notes == (
        "“a”: it is shown once, not repeated for each value of a variable",
        "“a”: what is set for single series (overrides) is left out",
        "“b”: a panel of the kind 'text' is not known here; it is left out",
        "“c”: a query that isn't Graphite's is left out",
        "“c”: it is left out: it has no target: name a series, or a function of some",
        "“d”: its transformations are left out",
        "$filters: a variable of the kind 'adhoc' is not known here; it is left out",
        "$a-b: a variable's name has letters, digits and _ alone, not 'a-b'",
    )


def test_a_query_that_names_another_is_written_out_and_a_hidden_one_is_not_shown() -> None:
    targets = [{"refId": "A", "target": "a.b", "hide": True}, {"refId": "B", "target": "sum(#A, #Z)"}]
    _, board = read_grafana(grafana({"type": "graph", "title": "x", "targets": targets}))
    assert board.panels[0].targets == ("sum(a.b, #Z)",)


def test_panels_stand_by_their_places_those_of_a_closed_row_too() -> None:
    inside = graph("inside", gridPos={"x": 0, "y": 2, "w": 24})
    row = {"type": "row", "title": "row", "gridPos": {"x": 0, "y": 1}, "panels": [inside]}
    _, board = read_grafana(grafana(row, graph("first", gridPos={"x": 0, "y": 0, "w": 1})))
    assert [(panel.title, panel.width) for panel in board.panels] == [("first", 3), ("row", 24), ("inside", 24)]


@given(_JSON)
def test_any_json_is_refused_or_becomes_what_can_be_kept(told: Any) -> None:
    for one in (told, grafana(told if isinstance(told, dict) else graph(), templating=told)):
        try:
            _, board = read_grafana(one)
        except ValueError:
            continue
        assert read_board(json.loads(json.dumps(board.kept()))) == board


_WORD = st.text("abcdef.*$ 0", min_size=1, max_size=12).map(str.strip).filter(bool)
_PANEL = st.builds(
    lambda title, targets, unit, kind, stacked, most, width, steps, words: read_panel(
        {"title": title, "targets": targets, "unit": unit, "kind": kind, "stacked": stacked, "max": most,
         "width": width, "steps": [{"value": value, "color": "red"} for value in steps], "words": words}
    ),
    _WORD, st.lists(_WORD, min_size=1, max_size=3), _WORD, st.sampled_from(["chart", "number", "bars", "table"]),
    st.booleans(), st.none() | st.floats(-1e6, 1e6), st.integers(3, 24), st.lists(st.floats(0, 9), max_size=2),
    st.dictionaries(_WORD, _WORD, max_size=2),
)  # fmt: skip


@given(st.lists(_PANEL, max_size=5))
def test_what_is_exported_comes_back_by_an_import(panels: list[Panel]) -> None:
    board = Board((*panels, BOARD.panels[0]), (MINION,), "-15min")
    assert read_grafana(json.loads(json.dumps(as_grafana("x", board)))) == ("x", board)


def post(console: ConsoleClient, path: str, **fields: Any) -> str:
    """Return where a form leads."""
    answer = console.post(path, fields)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])


def made(console: ConsoleClient, board: Board = BOARD, name: str = "Mine") -> str:
    """Return the address of a dashboard of who is logged in."""
    return post(console, "/dashboards/import", text=json.dumps(as_grafana(name, board))).partition("?")[0]


def edited(console: ConsoleClient, address: str, **changed: Any) -> dict[str, Any]:
    """Return what the form of a dashboard would send, with what is *changed*."""
    page = console.get(f"{address}/edit").text
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ("checkbox" not in tag or "checked" in tag):
            fields[name[1]] = unescape(value[1]) if value else "on" if "checked" in tag else ""
    for name, text in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>([^<]*)</textarea>', page):
        fields[name] = unescape(text).removeprefix("\n")
    for name, options in re.findall(r'<select name="([^"]*)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        assert chosen is not None
        fields[name] = chosen[1]
    return {**fields, **changed}


def test_halves_of_characters_in_an_import_keep_no_page_from_being_shown(console: ConsoleClient) -> None:
    console.login()
    text = json.dumps(as_grafana("a\ud800", Board((Panel("b\udfff", ("c",)),))))
    assert r"\ud800" in text
    where = post(console, "/dashboards/import", text=text).partition("?")[0]
    assert {console.get(f"{where}{rest}").status_code for rest in ("", "/edit", "/export")} == {200}


def test_one_is_imported_shown_and_exported_as_it_was(console: ConsoleClient) -> None:
    console.login()
    address = made(console)
    page = console.get(f"{address}?var-minion=web1&var-minion=web2")
    assert '<h2 class="board-row">Now</h2>' in page.text
    assert '"values": ["web1", "web2"]' in page.text
    assert '"range": {"span": 21600}' in page.text
    answer = console.get(f"{address}/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="Mine.json"'
    assert read_grafana(answer.json()) == ("Mine", BOARD)
    assert made(console) != address
    assert "Mine 2" in console.get("/dashboards").text


@pytest.mark.parametrize("text", ["", "{", "[]", '{"panels": 1}', "[" * 5000, '{"title": "x"}'])
def test_what_is_no_dashboard_is_said_to_be_none(console: ConsoleClient, text: str) -> None:
    console.login()
    page = console.post("/dashboards/import", {"text": text})
    assert page.status_code == 400
    assert "It can&#x27;t be imported: " in page.text
    assert f'<textarea name="text" spellcheck="false">{html.escape(text)}</textarea>' in page.text


def test_anothers_is_read_when_shared_and_changed_never(console: ConsoleClient) -> None:
    console.login("anna")
    address = made(console)
    console.login("ben", token="b" * 64)
    assert console.get(address).status_code == 404
    console.login("anna")
    assert post(console, f"{address}/share", shared="1") == address
    console.login("ben", token="b" * 64)
    page = console.get(address)
    assert page.status_code == 200
    assert f"{address}/edit" not in page.text
    for path in ("edit", "delete", "share"):
        assert console.post(f"{address}/{path}", {"name": "x"}).status_code == 403
    copy = post(console, f"{address}/copy")
    assert copy != address
    assert console.get(f"{copy}/edit").status_code == 200
    console.login("anna")
    assert console.get(copy).status_code == 404
    post(console, f"{address}/share")
    console.login("ben", token="b" * 64)
    assert console.get(address).status_code == 404


def test_one_goes_after_a_question_and_by_its_owner(console: ConsoleClient) -> None:
    console.login()
    address = made(console)
    assert "Delete Mine?" in console.get(f"{address}/delete").text
    assert console.get(address).status_code == 200
    assert post(console, f"{address}/delete") == "/dashboards"
    assert console.get(address).status_code == 404


def test_the_form_keeps_what_it_shows(console: ConsoleClient) -> None:
    console.login()
    steps = ({"value": None, "color": "green"}, {"value": 80, "color": "red"})
    board = Board((Panel("Up", ("a", "b"), "%", "table", max=100, steps=steps, words={"0": "down"}),), (MINION,))
    address = made(console, board)
    assert post(console, f"{address}/edit", **edited(console, address)) == address
    assert read_grafana(console.get(f"{address}/export").json()) == ("Mine", board)


def test_panels_are_added_put_in_order_and_taken_away(console: ConsoleClient) -> None:
    console.login()
    address = made(console)
    new = {"panels-2-title": "Disk", "panels-2-targets": "x.y\n\nx.z\n", "panels-2-ORDER": "0"}
    fields = edited(console, address, name="Other", **new, **{"panels-0-DELETE": "on"})
    assert post(console, f"{address}/edit", **fields) == address
    name, board = read_grafana(console.get(f"{address}/export").json())
    assert name == "Other"
    assert [(panel.title, panel.targets) for panel in board.panels] == [
        ("Disk", ("x.y", "x.z")),
        ("Load", LOAD.targets),
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"panels-1-targets": " "}, "it has no target"),
        ({"panels-1-steps": "high=red"}, "is no number"),
        ({"panels-1-words": "nothing"}, "must be a value, ="),
        ({"variables-0-name": "a-b"}, "letters, digits and _ alone"),
        ({"name": ""}, "This field is required"),
        ({"range": "yesterday"}, "Enter a valid value"),
        ({"name": "Taken"}, "you have a dashboard"),
    ],
)
def test_what_is_wrong_is_said_beside_it_and_nothing_is_kept(
    console: ConsoleClient, changed: dict[str, str], said: str
) -> None:
    console.login()
    made(console, Board((LOAD,)), "Taken")
    address = made(console)
    page = console.post(f"{address}/edit", edited(console, address, **changed))
    assert page.status_code == 400
    assert said in page.text
    assert read_grafana(console.get(f"{address}/export").json()) == ("Mine", BOARD)
