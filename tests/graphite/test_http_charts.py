"""``/render`` for people: charts, and the formats of other clients, over HTTP."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import httpx
import msgpack
import pytest

from saltern_graphite.render.formats import chart
from support.http_api import NOW, FolderApi, FolderStore

WINDOW = {"from": str(NOW - 300), "until": str(NOW), "now": str(NOW)}
TARGETS = ["servers.web1.load", "alias(servers.web2.load,'two')"]


@pytest.fixture
def api(tmp_path: Path) -> FolderApi:
    return FolderApi(FolderStore(tmp_path))


def render(api: FolderApi, **params: Any) -> httpx.Response:
    answer = api.get("/render", **{"target": TARGETS, **WINDOW, **params})
    assert answer.status_code == 200, answer.text
    return answer


def test_without_a_format_there_is_a_png_as_from_graphite(api: FolderApi, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = render(api, width="200", height="100")
    assert answer.headers["content-type"] == "image/png"
    assert "content-encoding" not in answer.headers, "it is compressed already"
    assert render(api, rawData="1").text.startswith("servers.web1.load,")
    monkeypatch.setattr(chart, "available", lambda: False)
    assert render(api).headers["content-type"] == "application/json"
    refused = api.get("/render", target=TARGETS, format="svg", **WINDOW)
    assert refused.status_code == 400
    assert "pip install matplotlib" in refused.text


def test_nothing_found_is_a_chart_that_says_so(api: FolderApi) -> None:
    assert "No Data" in render(api, target="no.such.metric", format="svg").text


def test_parameters_reach_the_chart(api: FolderApi) -> None:
    drawing = render(api, format="svg", title="Load", colorList="abcdef,123456", tz="Asia/Tokyo").text
    assert ">Load<" in drawing
    assert "#abcdef" in drawing
    assert ">two<" in drawing
    assert ">20:58<" in drawing


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"format": "png", "width": "99999"}, "width must be a number from 1 to 4096, not '99999'"),
        ({"format": "pdf", "areaMode": "most"}, "areaMode must be one of none, first, all, stacked, not 'most'"),
        ({"format": "svg", "target": "color(servers.web1.load,'mauve')"}, "color: 'mauve' is no colour"),
        ({"format": "gif"}, "format 'gif' is not available: use one of json, csv, raw, pickle, msgpack, dygraph"),
    ],
)
def test_a_bad_value_is_a_400_of_one_line(api: FolderApi, params: dict[str, str], why: str) -> None:
    answer = api.get("/render", **{"target": TARGETS, **WINDOW, **params})
    assert answer.status_code == 400
    assert answer.text.count("\n") == 1
    assert why in answer.text


def test_a_pie_of_metrics_and_numbers(api: FolderApi) -> None:
    drawing = render(api, graphType="pie", format="svg", target=["servers.web1.load", "free:2", "used:5"]).text
    assert all(f">{text}<" in drawing for text in ("servers.web1.load", "free", "used", "50.00%"))
    assert render(api, graphType="pie").headers["content-type"] == "image/png"


def test_other_formats_hold_the_same_numbers(api: FolderApi) -> None:
    wanted = [
        [value for value, _ in one["datapoints"]]
        for one in json.loads(render(api, format="json", maxDataPoints="999").text)
    ]
    assert len(wanted) == 2
    packed = render(api, format="pickle").content
    assert [one["values"] for one in pickle.loads(packed)] == wanted
    assert [one["values"] for one in msgpack.unpackb(render(api, format="msgpack").content)] == wanted
    table = json.loads(render(api, format="dygraph").text)
    assert table["labels"] == ["Time", "servers.web1.load", "two"]
    assert [list(column) for column in zip(*(row[1:] for row in table["data"]), strict=True)] == wanted
    points = json.loads(render(api, format="rickshaw").text)
    assert [[point["y"] for point in one["datapoints"]] for one in points] == wanted
    assert render(api, format="dygraph", jsonp="draw").text.startswith("draw({")


def test_a_chart_asked_for_again_is_not_drawn_again(api: FolderApi) -> None:
    first = render(api, format="png", cacheTimeout="0")
    again = api.send(
        "GET",
        "/render",
        params={"target": TARGETS, **WINDOW, "format": "png", "cacheTimeout": "0"},
        headers={"if-none-match": first.headers["etag"]},
    )
    assert again.status_code == 304, "the same data make the same bytes"


@pytest.mark.parametrize("target", ["cactiStyle(servers.*.load)", "legendValue(servers.*.load,'avg')"])
def test_legend_functions_are_found(api: FolderApi, target: str) -> None:
    series = json.loads(render(api, target=target, format="json").text)
    assert len(series) == 2
    assert all(one["target"] != one["tags"]["name"] for one in series)
