"""An alert, a job and a minion that comes are annotations, as Grafana asks for them and reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.stacks import Parts, wait_for

DASHBOARDS = Path(__file__).parents[2] / "grafana" / "dashboards"
MASTER = """
schedule: {q: {function: "queue.depth", seconds: 1, metrics: true}}
alerts_interval: 1
self_metrics_interval: 1
events_of: [alerts, jobs, presence]
"""


def events(parts: Parts, tags: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parts.http("/events/get_data", tags=tags, **{"from": "-10min", "until": "now"})
    return found


def annotation_queries(name: str) -> list[dict[str, Any]]:
    dashboard = json.loads((DASHBOARDS / f"{name}.json").read_text())
    listed: list[dict[str, Any]] = dashboard["annotations"]["list"]
    return listed


@pytest.mark.timeout(120)
def test_alerts_jobs_and_presence_are_annotations(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "s", master=MASTER)
    root, (minion,) = Path(parts.stack.root), parts.stack.minion_ids
    level = tmp_path / "level"
    level.write_text("1")
    (root / "srv" / "_modules" / "queue.py").write_text(
        f"def depth():\n    return {{'jobs': int(open({str(level)!r}).read())}}\n"
    )
    (root / "etc" / "alerts.d" / "queue.yaml").write_text('deep: {metric: saltern.*.queue.jobs, crit: "> 100"}\n')
    try:
        parts.start()
        wait_for(lambda: any(r.get("series") for r in parts.runner.cmd("alerts.list")), "the series")
        assert events(parts, "alert") == []
        level.write_text("500")
        wait_for(lambda: events(parts, "alert"), "the annotation of the alert")
        level.write_text("3")
        wait_for(lambda: len(events(parts, "alert")) == 2, "the one of its end")
        fired, ended = events(parts, "alert")
        assert fired["what"] == f"deep is CRITICAL on {minion} (500 > 100)"
        assert fired["tags"][:4] == ["alert", "deep", "crit", minion]
        assert {type(fired[key]) for key in ("when", "id")} == {int}
        assert json.loads(fired["data"])["series"].endswith(".queue.jobs")
        assert int(json.loads(fired["data"])["when"]) == fired["when"]
        assert ended["what"] == f"deep is OK on {minion} (3)"
        for dashboard in ("fleet", "host"):
            (query,) = annotation_queries(dashboard)
            tags = " ".join(query["target"]["tags"]).replace("$minion", minion.replace(".", "_"))
            assert events(parts, tags) == [fired, ended]

        assert parts.client.cmd("*", "test.ping") == {minion: True}
        (job,) = wait_for(lambda: events(parts, "job test.ping"), "the job")
        assert job["what"].startswith(f"test.ping on {minion} by ")
        assert events(parts, "job queue.depth") == [], "a scheduled one is nobody's job"
        came, *_ = wait_for(lambda: events(parts, "presence up"), "the minion")
        assert came["what"] == f"{minion} is connected"
        wait_for(
            lambda: any(
                value >= 4 for row in parts.render("saltern.master.annotations.posted").values() for value, _ in row
            ),
            "the engine's own metrics",
        )
        _silence_and_try(parts, level, minion)
    finally:
        parts.stop_all()


def _silence_and_try(parts: Parts, level: Path, minion: str) -> None:
    """See that what is silenced is on no chart until then, and that a rule is tried on what the store has."""
    run = parts.runner.cmd
    silence = run("alerts.silence", ["it is repaired", "1h"], {"minion": minion})
    level.write_text("700")
    wait_for(lambda: run("alerts.history")[0]["silenced"], "the change in the silence")
    found = run("alerts.history", [], {"minion": minion})
    assert [(one["state"], one["silenced"], one["minions"]) for one in found] == [
        ("crit", True, [minion]),
        ("ok", False, [minion]),
        ("crit", False, [minion]),
    ]
    assert len(events(parts, "alert")) == 2
    assert run("alerts.unsilence", [silence]) is True
    late = wait_for(lambda: events(parts, "alert")[2:], "the annotation after the silence")
    assert [one["what"] for one in late] == [f"deep is CRITICAL on {minion} (700 > 100)"]

    rule = {"metric": "saltern.*.queue.jobs", "warn": "> 400", "crit": "> 600"}
    tried = run("alerts.try", [rule], {"hours": 0.2})
    assert (tried["fault"], tried["found"]) == ("", 1)
    (series,) = tried["series"]
    assert (series["state"], series["value"], series["changes"][-1][1]) == ("crit", 700.0, "crit")
    assert run("alerts.rule_set", ["deeper", rule]) is True
    (name,) = wait_for(lambda: [r["series"] for r in run("alerts.list") if r["name"] == "deeper" and r["series"]], "it")
    run("alerts.acknowledge", ["deeper", name[0]["series"], "known"])
    assert parts.stop("master") == 0
    parts.start("master")
    (deeper,) = wait_for(lambda: [r for r in run("alerts.list") if r["name"] == "deeper"], "the rule again")
    assert deeper["series"][0]["acknowledged"]["comment"] == "known"


@pytest.mark.timeout(120)
def test_what_happens_while_graphite_is_away_is_there_when_it_is_back(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "s", master="events_of: [jobs]\n")
    (minion,) = parts.stack.minion_ids
    try:
        parts.start()
        wait_for(lambda: parts.up() == [minion], "the minion")
        assert parts.stop("graphite") == 0
        assert parts.client.cmd("*", "test.ping") == {minion: True}
        wait_for(lambda: "events wait until it takes them" in parts.log("master"), "the line in the log")
        parts.start("graphite")
        (job,) = wait_for(lambda: events(parts, "job test.ping"), "the job", 60)
        assert job["what"].startswith("test.ping on")
        wait_for(lambda: "takes events again, 0 wait" in parts.log("master"), "the other line")
        assert parts.log("master").count("events wait until") == 1
    finally:
        parts.stop_all()


def test_the_dashboards_ask_for_alerts_as_the_data_source_wants_it() -> None:
    for name, tags in (("fleet", ["alert"]), ("host", ["alert", "$minion"])):
        (query,) = annotation_queries(name)
        assert query["name"] == "Alerts"
        assert query["enable"] is True
        assert query["datasource"] == {"type": "graphite", "uid": "${DS_GRAPHITE}"}
        assert query["target"] == {"refId": "Anno", "queryType": "tags", "tags": tags, "fromAnnotations": True}
