"""The HTTP API, as Grafana and Graphite's other clients use it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from saltern_graphite.evaluation.evaluator import Limits
from saltern_graphite.http.app import HttpSettings
from saltern_graphite.store.reader import Reader
from support.http_api import NOW, FolderApi, FolderStore, window


class Api(FolderApi):
    """The same, for targets in one window."""

    def render(self, *targets: str, **params: str) -> Any:
        asked = {**window(), **params}
        if "rawData" in params:
            del asked["format"]
        answer = self.get("/render", target=list(targets), **asked)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.headers["content-type"] == "application/json" else answer.text


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(FolderStore(tmp_path))


def points(series: Any) -> list[float | None]:
    return [value for value, _ in series["datapoints"]]


def test_render_as_json(api: Api) -> None:
    [series] = api.render("servers.web1.load")
    assert series == {
        "target": "servers.web1.load",
        "tags": {"name": "servers.web1.load"},
        "datapoints": [[float(place), NOW - 300 + 60 * place] for place in range(1, 6)],
    }


def test_the_frontends_request(api: Api) -> None:
    """Every target is wrapped in aliasSub, so that the last word of the answer's target is the query's id."""
    body = {
        "target": [
            'aliasSub(servers.*.load, "(^.*$)", "\\1 A")',
            'aliasSub(sumSeries(servers.*.load), "(^.*$)", "\\1 B")',
        ],
        "from": str(NOW - 300), "until": str(NOW), "now": str(NOW), "format": "json", "maxDataPoints": "1000",
    }  # fmt: skip
    answer = api.send("POST", "/render", data=body)
    assert [series["target"] for series in answer.json()] == [
        "servers.web1.load A",
        "servers.web2.load A",
        "sumSeries(servers.*.load) B",
    ]
    assert points(answer.json()[2]) == [11, 22, 33, 44, 55]


def test_the_backends_health_check(api: Api) -> None:
    body = {"target": "constantLine(100)", "from": "1718017200", "until": "1718020800", "maxDataPoints": "100"}
    answer = api.send("POST", "/render?meta=true", data={**body, "format": "json"})
    assert answer.status_code == 200
    assert points(answer.json()[0]) == [100.0, 100.0, 100.0]


def test_a_json_body(api: Api) -> None:
    body = {"target": ["servers.web1.load"], "from": NOW - 300, "until": NOW, "now": NOW, "format": "json"}
    assert len(api.send("POST", "/render/", json=body).json()) == 1
    assert "no JSON" in api.send("POST", "/render", content=b"{", headers={"content-type": "application/json"}).text
    assert "JSON object" in api.send("POST", "/render", json=[1]).text


def test_csv_and_raw(api: Api) -> None:
    rows = list(csv.reader(io.StringIO(api.render("scale(servers.web1.load,0.5)", format="csv", tz="Europe/Berlin"))))
    assert rows[0] == ["scale(servers.web1.load,0.5)", "2024-06-10 13:56:00", "0.5"]
    raw = api.render("servers.web1.load", format="raw", until=str(NOW - 180))
    assert raw == f"servers.web1.load,{NOW - 240},{NOW - 120},60|1.0,2.0\n"
    assert api.render("servers.web1.load", rawData="true", until=str(NOW - 180)) == raw


def test_gaps_infinities_and_their_switches(api: Api) -> None:
    api.store.cache.waiting["servers.new"] = [(NOW - 120, 5.0), (NOW, float("inf"))]
    api.store.index.add("servers.new")
    text = api.get(
        "/render",
        target="scale(servers.new,-1)",
        **{"from": str(NOW - 180)},
        until=str(NOW),
        now=str(NOW),
        format="json",
    ).text
    assert f"[[-5.0, {NOW - 120}], [null, {NOW - 60}], [-1e9999, {NOW}]]" in text
    [series] = api.render("servers.new", noNullPoints="true")
    assert [time for _, time in series["datapoints"]] == [NOW - 120, NOW]
    assert api.render("removeBelowValue(servers.web1.load,1000)", noNullPoints="true") == []
    jsonp = api.get("/render", target="constantLine(1)", jsonp="cb.go", until="now", format="json")
    assert jsonp.headers["content-type"].startswith("text/javascript")
    assert jsonp.text.startswith("cb.go([{")
    assert "1e9999" in api.get("/render", target="constantLine(inf)", pretty="1", format="json").text


def test_a_point_shows_as_soon_as_it_is_received(api: Api) -> None:
    api.store.cache.waiting["servers.web1.load"] = [(NOW, 77.0)]
    assert points(api.render("servers.web1.load")[0]) == [1, 2, 3, 4, 77]


def test_max_data_points(api: Api) -> None:
    [series] = api.render("servers.web1.load", maxDataPoints="2")
    assert len(series["datapoints"]) == 2
    [series] = api.render("consolidateBy(servers.web1.load,'max')", maxDataPoints="1")
    assert series["datapoints"] == [[5.0, NOW - 240]]
    assert len(points(api.render("servers.web1.load", maxDataPoints="many")[0])) == 5


def test_templates_and_x_files_factor(api: Api) -> None:
    found = api.render("template(servers.$h.load,h='web1')", **{"template[h]": "web2"})
    assert [series["target"] for series in found] == ["servers.web2.load"]
    api.store.cache.waiting["servers.new"] = [(NOW, 1.0)]
    api.store.index.add("servers.new")
    assert points(api.render("sum(servers.new,servers.web1.load)", xFilesFactor="1")[0]) == [None] * 4 + [6.0]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"target": ["servers.web1.load", "sum(servers.web1.load"]}, "target 2, column 22: expected ',' or ')'"),
        ({"target": ["a.b", "sumSeres(a.b)"]}, "target 2, column 1: there is no function 'sumSeres': did you mean"),
        ({"target": "a.b", "from": "nonsense"}, "from: time 'nonsense': 'nonsense' is no day"),
        ({"target": "a.b", "from": "-5m"}, "from: time '-5m': unknown time unit 'm': write min or mon"),
        ({"target": "a.b", "from": "now", "until": "now"}, "Invalid empty time range"),
        ({"target": "a.b", "format": "bmp"}, "format 'bmp' is not available: use one of json, csv, raw"),
        ({"target": "a.b", "xFilesFactor": "2"}, "xFilesFactor must be a number from 0 to 1, not '2'"),
        ({"target": "a.b", "jsonp": "alert(1)"}, "jsonp 'alert(1)' is no function name"),
        ({"target": "a.b", "cacheTimeout": "x"}, "cacheTimeout must be an integer"),
        ({"target": "x" * 70_000}, "target 1: 70000 characters: 64000 are allowed"),
        ({"target": ["a"] * 1001}, "1001 targets in one request: 1000 are allowed"),
        ({"target": "{" + "a,b}{" * 20 + "a,b}"}, "stands for over 1000 patterns"),
    ],
)
def test_mistakes_are_400_and_one_line(api: Api, params: dict[str, Any], message: str) -> None:
    answer = api.send("POST", "/render", data=params)
    assert answer.status_code == 400
    assert message in answer.text
    assert answer.text.count("\n") == 1
    assert answer.headers["content-type"].startswith("text/plain")


def test_limits(tmp_path: Path, api: Api) -> None:
    small = Api(api.store, HttpSettings(Limits(series=1, points=4)))
    for target, words in (("servers.*.load", "2 metrics, 1 are allowed"), ("servers.web1.load", "over 4 points")):
        answer = small.get("/render", target=target, now=str(NOW), **{"from": str(NOW - 300)})
        assert (answer.status_code, words in answer.text) == (400, True)
    long = api.send("POST", "/render", content=b"target=" + b"a" * (5 << 20))
    assert (long.status_code, "body is longer" in long.text) == (413, True)
    xml = api.send("POST", "/render", content=b"<a/>", headers={"Content-Type": "text/xml"})
    assert (xml.status_code, "x-www-form-urlencoded" in xml.text) == (415, True)


def test_a_form_in_parts(api: Api) -> None:
    form = {name: (None, value) for name, value in {"target": "servers.web1.load", "format": "json"}.items()}
    answer = api.send("POST", f"/render?now={NOW}&from={NOW - 300}", files=form)
    assert (answer.status_code, [one["target"] for one in answer.json()]) == (200, ["servers.web1.load"])


def test_our_own_faults_are_500_and_one_line(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(Reader, "fetch", broken)
    answer = api.get("/render", target="servers.web1.load")
    assert answer.status_code == 500
    assert answer.text == "the server failed on this request; its log says why\n"


def test_a_damaged_file_hurts_no_other_series(api: Api) -> None:
    (Path(api.store.whisper_dir) / "servers" / "web1" / "load.wsp").write_bytes(b"not whisper")
    assert [series["target"] for series in api.render("servers.*.load")] == ["servers.web2.load"]


def test_find_in_grafanas_shape(api: Api) -> None:
    answer = api.send("POST", "/metrics/find?from=1&until=2", content=b"query=servers.*", headers=_form())
    assert answer.json() == [
        {"text": name, "id": f"servers.{name}", "allowChildren": 1, "expandable": 1, "leaf": 0}
        for name in ("web1", "web2")
    ]
    [leaf] = api.get("/metrics/find", query="servers.web1.*").json()
    assert leaf == {"text": "load", "id": "servers.web1.load", "allowChildren": 0, "expandable": 0, "leaf": 1}
    assert all(type(leaf[key]) is int for key in ("leaf", "expandable", "allowChildren"))


def _form() -> dict[str, str]:
    return {"content-type": "application/x-www-form-urlencoded"}


def test_find_takes_an_unencoded_body(api: Api) -> None:
    api.store.index.add("disk.c+d.free")
    answer = api.send("POST", "/metrics/find", content=b"query=disk.c+d.*", headers=_form())
    assert [node["text"] for node in answer.json()] == ["free"]


def test_find_in_other_formats(api: Api) -> None:
    api.store.index.add("servers.web1")
    both = api.get("/metrics/find", query="servers.web1").json()
    assert [(node["text"], node["leaf"]) for node in both] == [("web1", 0)]
    completed = api.get("/metrics/find", query="servers.web1.", format="completer").json()
    assert completed == {"metrics": [{"path": "servers.web1.load", "name": "load", "is_leaf": "1"}]}
    assert api.get("/metrics/find", query="servers.*.*", format="nodelist", position="1").json() == {
        "nodes": ["web1", "web2"]
    }
    described = api.get("/metrics/find", query="servers.*.load", format="json", now=str(NOW)).json()
    assert described[0] == {
        "path": "servers.web1.load",
        "is_leaf": True,
        "intervals": [{"start": NOW - 86400, "end": NOW}],
    }
    wild = api.get("/metrics", query="servers.*", wildcards="1").json()
    assert [node["text"] for node in wild] == ["*", "web1", "web2"]
    assert api.get("/metrics/find", query="servers.*", leavesOnly="1", format="nodelist").json() == {"nodes": ["web1"]}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "query is missing"),
        ({"query": "a", "format": "bmp"}, "format 'bmp' is not available"),
        ({"query": "a", "wildcards": "x"}, "wildcards must be an integer"),
        ({"query": "a", "from": "nonsense"}, "from: time 'nonsense'"),
    ],
)
def test_mistakes_in_find(api: Api, params: dict[str, str], message: str) -> None:
    answer = api.send("GET", "/metrics/find", params=params)
    assert (answer.status_code, message in answer.text) == (400, True)


def test_expand_and_index(api: Api) -> None:
    assert api.get("/metrics/expand", query="servers.*.load").json() == {
        "results": ["servers.web1.load", "servers.web2.load"]
    }
    assert api.get("/metrics/expand", query=["servers.*", "nope"], groupByExpr="1").json() == {
        "results": {"servers.*": ["servers.web1", "servers.web2"], "nope": []}
    }
    assert api.get("/metrics/expand", query="servers.*", leavesOnly="1").json() == {"results": []}
    assert api.get("/metrics/index.json").json() == ["servers.web1.load", "servers.web2.load"]


def test_functions_in_grafanas_shape(api: Api) -> None:
    text = api.get("/functions").text
    functions = json.loads(text)
    assert '"default": 1e9999' in text
    assert functions["scale"] == {
        "name": "scale",
        "function": "scale(seriesList, factor)",
        "description": functions["scale"]["description"],
        "module": "graphite.render.functions",
        "group": "Transform",
        "params": [
            {"name": "seriesList", "type": "seriesList", "required": True},
            {"name": "factor", "type": "float", "required": True},
        ],
    }
    assert "scale" in api.get("/functions", grouped="1").json()["Transform"]
    assert set(api.get("/functions", group="Alias").json()) >= {"alias", "aliasByNode"}
    assert api.get("/functions/sum").json()["name"] == "sum"
    missing = api.get("/functions/nope")
    assert (missing.status_code, missing.json()) == (404, {"error": "Function not found: nope"})
    assert api.send("POST", "/functions").status_code == 405


def test_the_small_ones(api: Api) -> None:
    assert api.get("/version").text.strip() == "1.1.10"
    for path in ("/tags/autoComplete/tags", "/tags/autoComplete/values", "/events/get_data"):
        assert api.get(path, expr="a=b", tag="x").json() == []
    api.store.told["queued"] = 3
    health = api.get("/health")
    assert (health.status_code, health.json()["queued"], health.json()["metrics"]) == (200, 3, 2)
    assert health.json()["index"]["complete"] is True
    api.store.told = {"ok": False}
    assert api.get("/health").status_code == 503
    assert api.get("/nowhere").text.startswith("nothing is at /nowhere: ")


def test_headers(api: Api) -> None:
    fetch: Callable[..., httpx.Response] = api.get
    assert fetch("/render", target="constantLine(1)", format="json").headers["cache-control"] == "no-cache"
    assert (
        fetch("/render", target="constantLine(1)", cacheTimeout="30", format="json").headers["cache-control"]
        == "max-age=30"
    )
    assert fetch("/metrics/find", query="*").headers["pragma"] == "no-cache"
    zipped = fetch("/functions")
    assert zipped.headers["content-encoding"] == "gzip"
