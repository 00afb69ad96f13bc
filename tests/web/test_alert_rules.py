"""Rules in the console: as a file says them, tried before they are saved, left alone where they are written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_web.pages.alerts.chart import chart_of, lines_of
from saltern_web.pages.alerts.rule_form import fields_of, read_form
from saltern_web.pages.alerts.rules import WIDTH, strip
from support.alerts_told import rule, series
from support.console import ConsoleClient, Refusal

LIST, SET, TRY = "runner.alerts.list", "runner.alerts.rule_set", "runner.alerts.try"
WRITTEN = {
    "metric": "saltern.*.stats.disk.*.percent",
    "warn": "> 85",
    "crit": 95,
    "recover": {"warn": 80, "crit": "<= 90.5"},
    "for": "5m",
    "nodata": "crit",
    "script": ["sh", "-c", "cat"],
    "enabled": False,
    "message": "free some",
}


@pytest.fixture
def page(console: ConsoleClient) -> ConsoleClient:
    console.login(may={SET: True})
    console.api.answers |= {
        LIST: [
            rule("kept", series("a", "warn"), editable=True, rule={"metric": "a", "warn": "> 1"}),
            rule("written", rule=WRITTEN, place="alerts.d/disk.yaml: line 3"),
        ],
        SET: True,
    }
    return console


def form(**more: str) -> dict[str, str]:
    return {"kind": "metric", "query": "a.b", "warn": "> 1", "enabled": "1", **more}


def test_a_form_says_what_the_file_said() -> None:
    assert read_form(fields_of("x", WRITTEN)) == WRITTEN
    assert read_form(fields_of("x", {"target": "f(a)", "warn": 3, "recover": 2})) == {
        "target": "f(a)",
        "warn": 3,
        "recover": {"warn": 2},
    }


@pytest.mark.parametrize("typed", ["1_000", "007", "1e3", "> 90", "nan "])
def test_what_only_python_takes_for_a_number_stays_as_it_was_typed(typed: str) -> None:
    assert read_form({**fields_of("x", {"metric": "a"}), "warn": typed})["warn"] == typed


@given(st.dictionaries(st.sampled_from(["warn", "crit", "for", "window"]), st.integers(-(10**6), 10**6) | st.floats()))
def test_numbers_come_back_as_they_were(numbers: dict[str, Any]) -> None:
    again = read_form(fields_of("x", {"metric": "a", **numbers}))
    assert {name: str(value) for name, value in again.items()} == {
        name: str(value) for name, value in {"metric": "a", **numbers}.items()
    }


def test_a_rule_is_saved_as_typed(page: ConsoleClient) -> None:
    answer = page.post("/alerts/rules/new", form(name="full", **{"for": "5m"}))
    assert answer.headers["Location"] == "/alerts/rules?q=full"
    assert page.api.called(SET)[0].arg == ["full", {"metric": "a.b", "warn": "> 1", "for": "5m"}]


def test_what_the_master_refuses_stays_in_the_form(page: ConsoleClient) -> None:
    page.api.answers[SET] = Refusal("full: warn must be a number")
    answer = page.post("/alerts/rules/new", form(name="full", warn="<b>above"))
    assert answer.status_code == 400
    assert "full: warn must be a number" in answer.text
    assert 'value="&lt;b&gt;above"' in answer.text


def test_a_new_rule_takes_no_others_place(page: ConsoleClient) -> None:
    answer = page.post("/alerts/rules/new", form(name="kept"))
    assert answer.status_code == 400
    assert not page.api.called(SET)


def test_a_rule_of_the_configuration_is_shown_with_its_place_and_no_button(page: ConsoleClient) -> None:
    text = page.get("/alerts/rules/written").text
    assert "alerts.d/disk.yaml: line 3" in text
    assert 'value="save"' not in text
    assert 'value="save"' in page.get("/alerts/rules/kept").text


def test_a_rule_that_is_not_shown_has_no_form(page: ConsoleClient) -> None:
    page.api.answers[LIST] = [rule("hidden", series("a"), rule=None, target="***", place="***")]
    text = page.get("/alerts/rules/hidden").text
    assert "not shown to you" in text
    assert 'name="query"' not in text


def test_another_rule_begins_one(page: ConsoleClient) -> None:
    text = page.get("/alerts/rules/new?copy=written").text
    assert 'value="saltern.*.stats.disk.*.percent"' in text
    assert 'name="name" value=""' in text
    assert 'value="a.b"' in page.get("/alerts/rules/new?metric=a.b").text


def test_a_script_that_is_not_shown_is_not_written_over(page: ConsoleClient) -> None:
    answer = page.post("/alerts/rules/kept", form(script="***"))
    assert answer.status_code == 400
    assert not page.api.called(SET)


def test_a_preview_shows_states_and_saves_nothing(page: ConsoleClient) -> None:
    told = {"series": "a.b", "state": "crit", "value": 7, "changes": [], "seconds": {"warn": 60, "crit": 7200}}
    page.api.answers[TRY] = {"series": [told], "found": 900, "step": 60.0, "fault": ""}
    part = page.post("/alerts/rules/try", form(hours="6"), htmx=True)
    assert page.api.called(TRY)[0].arg == [{"metric": "a.b", "warn": "> 1"}]
    assert page.api.called(TRY)[0].kwarg == {"hours": 6}
    assert "900 series: at least 1 would have warned" in part.text
    assert "2 h" in part.text
    assert "<html" not in part.text
    whole = page.post("/alerts/rules/new", form(name="full", do="try"))
    assert "at least 1 would have warned" in whole.text
    assert 'value="full"' in whole.text
    assert not page.api.called(SET)


def test_a_preview_says_what_is_wrong(page: ConsoleClient) -> None:
    page.api.answers[TRY] = {"series": [], "found": 0, "step": 0.0, "fault": "warn must be a number"}
    assert "warn must be a number" in page.post("/alerts/rules/try", form(), htmx=True).text
    page.api.answers[TRY] = {"series": [], "found": 0, "step": 0.0, "fault": ""}
    assert "It means no series" in page.post("/alerts/rules/try", form(), htmx=True).text


def test_deleting_is_asked_once_more(page: ConsoleClient) -> None:
    page.api.answers["runner.alerts.rule_delete"] = True
    assert "Delete kept?" in page.get("/alerts/rules/kept/delete").text
    assert not page.api.called("runner.alerts.rule_delete")
    assert page.post("/alerts/rules/kept/delete").status_code == 302
    assert page.api.called("runner.alerts.rule_delete")[0].arg == ["kept"]


def test_what_was_before_the_first_change_is_unknown() -> None:
    spans = strip([(150.0, "warn"), (50.0, "ok")], 0.0, 200.0)
    assert [(span.state, span.x, span.width) for span in spans] == [
        ("unknown", 0.0, 250.0),
        ("ok", 250.0, 500.0),
        ("warn", 750.0, 250.0),
    ]


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.sampled_from(["ok", "warn", "crit"])), max_size=20))
def test_a_strip_is_covered_once(changes: list[tuple[float, str]]) -> None:
    spans = strip(changes, 0.0, 100.0)
    assert sum(span.width for span in spans) == pytest.approx(WIDTH, abs=1)
    assert all(0 <= span.x <= WIDTH for span in spans)


def test_thresholds_are_lines_and_nothing_else() -> None:
    assert lines_of({"warn": "> 85", "crit": ""}) == ['alias(constantLine(85),"warn > 85")']
    assert lines_of({"warn": '> 1"),evil("', "crit": "x"}) == []
    assert chart_of("a.b", {"warn": "> 85"}, 60)["lines"] == 1
