"""What events of the bus become as annotations."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.look import LOOK
from saltern_graphite.events.event import read_event
from saltern_master.annotations.annotation import PREFIXES, Annotation, annotations_of, is_annotated
from saltern_master.annotations.places import Places
from saltern_master.bus import Event

PLACES = Places("saltern.[minion_id].[module]", lambda: ["web01", "web1.example.com", "master"])


def alert(**more: Any) -> dict[str, Any]:
    return {
        "name": "cpu",
        "series": "saltern.web01.stats.cpu.percent",
        "state": "crit",
        "previous": "ok",
        "value": 97.0,
        "threshold": "> 90",
        "since": 1718020800.0,
        "metric": "saltern.*.stats.cpu.percent",
        "message": "look there",
        "when": 1718020815.5,
        "_stamp": "2024-06-10T12:00:16.000000",
        **more,
    }


def one(tag: str, data: dict[str, Any]) -> Annotation:
    (annotation,) = annotations_of(Event(tag, data), PLACES)
    return annotation


def test_what_is_silenced_is_on_no_chart() -> None:
    wanted = [is_annotated(Event("salt/alert/cpu/crit", alert(silenced=silenced))) for silenced in (True, False)]
    assert wanted == [False, True]


def test_an_alert_says_what_where_and_why() -> None:
    annotation = one("salt/alert/cpu/crit", alert())
    assert annotation.what == "cpu is CRITICAL on web01 (97 > 90)"
    assert annotation.tags == ["alert", "cpu", "crit", "web01", "minion:web01"]
    assert annotation.when == 1718020815.5
    details = json.loads(annotation.data)
    assert details == {key: value for key, value in alert().items() if key != "_stamp"}


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"state": "ok", "value": 50.25}, "cpu is OK on web01 (50.25)"),
        ({"state": "warn", "threshold": "> 80", "value": 85}, "cpu is WARNING on web01 (85 > 80)"),
        ({"state": "nodata", "value": None}, "cpu is without data on web01"),
        ({"value": None}, "cpu is CRITICAL on web01 (no data)"),
        ({"series": ""}, "cpu is CRITICAL (97 > 90)"),
        ({"series": "total load"}, "cpu is CRITICAL for total load (97 > 90)"),
        ({"series": "saltern.web1_example_com.stats.x"}, "cpu is CRITICAL on web1.example.com (97 > 90)"),
    ],
)
def test_alerts_in_words(more: dict[str, Any], what: str) -> None:
    assert one("salt/alert/cpu/x", alert(**more)).what == what


def test_a_minion_with_dots_is_found_by_both_its_names() -> None:
    annotation = one("salt/alert/cpu/crit", alert(series="saltern.web1_example_com.stats.x"))
    assert annotation.tags[3:] == ["web1.example.com", "web1_example_com", "minion:web1_example_com"]


@pytest.mark.parametrize(
    ("pattern", "series", "minions"),
    [
        ("saltern.[minion_id].[module]", "movingAverage(saltern.web01.stats.x,'5min')", ["web01"]),
        ("saltern.[minion_id].[module]", "diffSeries(saltern.b.x,saltern.web01.y,saltern.b.z)", ["b", "web01"]),
        ("saltern.[minion_id].[module]", "sumSeries(saltern.*.stats.x)", []),
        ("saltern.[minion_id].[module]", "my.saltern.web01.stats.x", []),
        ("saltern.[minion_id].[module]", "saltern.master_.stats.x", ["master"]),
        ("[module].[minion_id]", "stats.web01.x", ["web01"]),
        ("all.[module]", "all.web01.x", []),
        ("a+b.[minion_id]", "a+b.web01.x", ["web01"]),
    ],
)
def test_minions_are_found_in_names(pattern: str, series: str, minions: list[str]) -> None:
    assert Places(pattern, lambda: ["web01", "master"]).of(series) == minions


def test_a_job_says_who_ran_what_and_keeps_its_arguments_to_itself() -> None:
    load = {
        "jid": "20240610120000000000",
        "fun": "cmd.run",
        "arg": ["mysql -psesame"],
        "kwarg": {"env": "sesame"},
        "user": "root",
        "tgt": "web*",
        "tgt_type": "glob",
        "minions": ["web01", "web02", "web03"],
        "_stamp": "2024-06-10T12:00:00.250000",
    }
    annotation = one("salt/job/20240610120000000000/new", load)
    assert annotation.what == "cmd.run on 3 minions by root"
    assert annotation.tags == ["job", "cmd.run"]
    assert annotation.when == 1718020800.25
    assert "sesame" not in repr(annotation)
    assert json.loads(annotation.data)["minions"] == ["web01", "web02", "web03"]
    several = one("salt/job/1/new", {**load, "fun": ["test.ping", "grains.items"], "minions": ["web01"]})
    assert several.what == "test.ping, grains.items on web01 by root"
    assert several.tags == ["job", "test.ping", "grains.items"]


@pytest.mark.parametrize(
    ("series", "metric", "subjects", "kept"),
    [
        ("saltern.web01.a", "saltern.*.a", ["minion:web01"], True),
        ("saltern.web01.a", "saltern.web01.*", ["minion:web01"], True),
        ("saltern.web01.a", "saltern.{web01,master_}.a", ["minion:web01"], False),
        ("saltern.web01.a", "sumSeries(saltern.*.a,saltern.master_.a)", ["minion:web01"], False),
        (
            "sumSeries(saltern.web01.a,saltern.master_.a)",
            "sumSeries(saltern.*.a)",
            ["minion:master_", "minion:web01"],
            True,
        ),
        ("sumSeries(saltern.web01.a,saltern.unknown.a)", "sumSeries(saltern.*.a)", [], True),
        ("saltern.master.a", "saltern.master.a", [], True),
        ("web01 by another name", "saltern.web01.a", [], True),
    ],
)
def test_an_alert_says_which_minions_it_is_about_if_that_can_be_told(
    series: str, metric: str, subjects: list[str], kept: bool
) -> None:
    annotation = one("salt/alert/cpu/crit", alert(series=series, metric=metric))
    assert [tag for tag in annotation.tags if tag.startswith("minion:")] == subjects
    assert ("metric" in json.loads(annotation.data)) is kept


def test_an_alert_on_very_many_minions_is_said_to_be_about_none() -> None:
    ids = [f"web{number}" for number in range(40)]
    event = Event("salt/alert/a/crit", alert(series=f"sumSeries({','.join(f'saltern.{name}.a' for name in ids)})"))
    (annotation,) = annotations_of(event, Places("saltern.[minion_id].[module]", lambda: ids))
    assert not any(tag.startswith("minion:") for tag in annotation.tags)
    (few,) = annotations_of(
        Event("salt/alert/a/crit", alert(series=f"sumSeries({','.join(f'saltern.{name}.a' for name in ids[:30])})")),
        Places("saltern.[minion_id].[module]", lambda: ids),
    )
    assert len([tag for tag in few.tags if tag.startswith("minion:")]) == 30


@pytest.mark.parametrize(
    ("tag", "data"),
    [
        ("salt/job/1/ret/web01", {"fun": "stats.collect"}),
        ("salt/job/1/new", {"fun": "saltutil.find_job", "minions": ["a"]}),
        ("salt/job/1/new", {"fun": "grains.items", "minions": ["a"], "metadata": LOOK}),
        ("salt/auth", {"id": "a"}),
        ("salt/presence/change", {"new": [], "lost": []}),
    ],
)
def test_what_is_no_annotation(tag: str, data: dict[str, Any]) -> None:
    assert annotations_of(Event(tag, data), PLACES) == []


def test_a_change_of_presence_is_one_for_each_minion() -> None:
    event = Event("salt/presence/change", {"new": ["web01"], "lost": ["db.x"], "_stamp": "2024-06-10T12:00:00"})
    came, went = annotations_of(event, PLACES)
    assert (came.what, came.tags, came.when) == (
        "web01 is connected",
        ["presence", "up", "web01", "minion:web01"],
        1718020800.0,
    )
    assert (went.what, went.tags) == ("db.x is gone", ["presence", "down", "db.x", "db_x", "minion:db_x"])


def test_long_things_are_cut_to_what_graphite_takes() -> None:
    long = "x " * 100_000
    annotation = one("salt/alert/a/crit", alert(name=long, series=long, message=long, more={"nested": [long]}))
    event = read_event(json.loads(annotation.as_json()), 0.0)
    assert len(event.what) == 255
    assert event.tags == tuple(annotation.tags)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.binary() | st.integers(), inner),
    max_leaves=12,
)
KEYS = ["name", "state", "series", "value", "threshold", "when", "_stamp", "fun", "minions", "user", "new", "lost"]


@given(
    tag=st.sampled_from([*PREFIXES.values(), "salt/alert/x/crit", "salt/job/1/new"]),
    data=st.dictionaries(st.sampled_from(KEYS) | st.text(), ANY, max_size=8),
)
def test_whatever_a_program_fires_becomes_an_event_that_graphite_takes(tag: str, data: dict[str, Any]) -> None:
    for annotation in annotations_of(Event(tag, data), PLACES):
        event = read_event(json.loads(annotation.as_json()), 0.0)
        assert event.what == annotation.what
        assert event.tags == tuple(annotation.tags)
        assert not any(re.search(r"[\s,\"']", word) for word in event.tags)


def test_an_event_without_a_time_happened_now() -> None:
    before = time.time()
    assert before <= one("salt/alert/cpu/crit", {"name": "cpu", "when": float("nan")}).when <= time.time()
