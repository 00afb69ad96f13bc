"""What Grafana's Graphite data source sends, front end and back end, in its exact encodings.

Each request is as a Grafana of the years 2025 and 2026 sends it; the answers are read as it reads them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

from saltern_graphite.http.app import HttpSettings
from support.http_api import NOW, FolderApi, FolderStore, strict_json

HEADERS = {"x-grafana-org-id": "1", "x-dashboard-uid": "abc", "x-panel-id": "2", "accept-encoding": "gzip, deflate, br"}
RANGE = {"from": str(NOW - 300), "until": str(NOW), "now": str(NOW)}
"""``now`` is ours: it keeps the test's clock."""


@pytest.fixture
def api(tmp_path: Path) -> FolderApi:
    return FolderApi(FolderStore(tmp_path), HttpSettings(cache_s=0))


def frontend(text: str) -> str:
    """As JavaScript's ``encodeURIComponent`` does."""
    return quote(text, safe="!'()*~")


def frontend_render(api: FolderApi, targets: dict[str, str], **more: str) -> httpx.Response:
    """Every query of a panel at once, each wrapped so that the answer's target ends in its letter."""
    wrapped = [f'aliasSub({target}, "(^.*$)", "\\1 {ref}")' for ref, target in targets.items()]
    fields = {**RANGE, "format": "json", **more}
    body = "&".join(
        [*(f"target={frontend(target)}" for target in wrapped), *(f"{k}={frontend(v)}" for k, v in fields.items())]
    )
    return api.post("/render", body, **HEADERS)


def backend_render(api: FolderApi, target: str, **more: str) -> httpx.Response:
    """One request for each query, the form's keys in the order of the alphabet, as Go encodes it."""
    fields = {**RANGE, "format": "json", "maxDataPoints": "1000", "target": target, **more}
    return api.post("/render", urlencode(dict(sorted(fields.items()))), **HEADERS)


def series_of(answer: httpx.Response) -> list[dict[str, Any]]:
    """Read an answer as Grafana's back end does: an array of series, every field of the type it unmarshals."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    series = strict_json(answer.text)
    assert isinstance(series, list)
    for one in series:
        assert isinstance(one["target"], str)
        assert all(isinstance(value, str | int | float) for value in one["tags"].values())
        for value, time in one["datapoints"]:
            assert value is None or isinstance(value, int | float)
            assert isinstance(time, int)
    return series


def test_1_the_front_end_renders_a_panel(api: FolderApi) -> None:
    answer = frontend_render(
        api,
        {"A": "servers.*.load", "B": "sumSeries(servers.*.load)", "C_x": "scale(servers.web1.load, 0.5)"},
        maxDataPoints="1037",
        cacheTimeout="60",
        meta="true",
    )
    found = [(one["target"].rpartition(" ")[0], one["target"].rpartition(" ")[2]) for one in series_of(answer)]
    assert found == [
        ("servers.web1.load", "A"),
        ("servers.web2.load", "A"),
        ("sumSeries(servers.*.load)", "B"),
        ("scale(servers.web1.load,0.5)", "C_x"),
    ]
    assert [value for value, _ in series_of(answer)[2]["datapoints"]] == [11, 22, 33, 44, 55]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("-1h", "now"),
        ("-30min", "now"),
        ("-1mon", "now"),
        ("-2h", "-1h"),
        (str(NOW - 301), str(NOW + 1)),
        ("-6h", "now"),
    ],
)
def test_1_its_times(api: FolderApi, start: str, end: str) -> None:
    answer = frontend_render(api, {"A": "servers.web1.load"}, **{"from": start, "until": end})
    [one] = series_of(answer)
    assert one["target"] == "servers.web1.load A"


def test_1_a_gap_and_infinity_are_json(api: FolderApi) -> None:
    api.store.cache.waiting["servers.new"] = [(NOW - 120, 5.0), (NOW, float("inf"))]
    api.store.index.add("servers.new")
    [one] = series_of(frontend_render(api, {"A": "servers.new"}))
    assert [value for value, _ in one["datapoints"]][-3:] == [5.0, None, float("inf")]


def test_2_the_back_end_renders_each_query(api: FolderApi) -> None:
    assert [one["target"] for one in series_of(backend_render(api, "servers.*.load"))] == [
        "servers.web1.load",
        "servers.web2.load",
    ]
    [one] = series_of(backend_render(api, "summarize(servers.web1.load, '5min', 'sum', false)"))
    assert one["target"] == 'summarize(servers.web1.load, "5min", "sum")'
    assert series_of(backend_render(api, "servers.nowhere")) == []
    unknown = backend_render(api, "nope(servers.web1.load)")
    assert (unknown.status_code, unknown.text) == (400, "target 1, column 1: there is no function 'nope'\n")


def test_2_with_meta_in_the_url(api: FolderApi) -> None:
    body = urlencode({**RANGE, "format": "json", "target": "servers.web1.load"})
    assert len(series_of(api.post("/render?meta=true", body))) == 1


def test_3_the_health_checks(api: FolderApi) -> None:
    hour = {"from": str(NOW - 3600), "until": str(NOW)}
    [one] = series_of(backend_render(api, "constantLine(100)", maxDataPoints="100", **hour))
    assert {value for value, _ in one["datapoints"]} == {100.0}
    old = api.post("/render", "target=constantLine(100)&from=-1h&until=now&format=json&maxDataPoints=300")
    assert len(series_of(old)) == 1


@pytest.mark.parametrize(
    ("query", "names"),
    [("*", ["disk", "servers"]), ("*erv*", ["servers"]), ("servers.web1.*", ["load"]), ("disk.c+d.*", ["free"]),
     ("servers.{web1,web2}", ["web1", "web2"]), ("servers.web[12]", ["web1", "web2"]), ("nope.*", [])],
)  # fmt: skip
def test_4_find(api: FolderApi, query: str, names: list[str]) -> None:
    """The front end sends the query as it stands, the back end encodes it; times are in the URL."""
    api.store.index.add("disk.c+d.free")
    url = f"/metrics/find?from={NOW - 3600}&until={NOW}"
    for body in (f"query={query}", urlencode({"query": query})):
        nodes = strict_json(api.post(url, body, **HEADERS).text)
        assert [node["text"] for node in nodes] == names
        for node in nodes:
            assert isinstance(node["id"], str)
            assert all(type(node[flag]) is int for flag in ("leaf", "expandable", "allowChildren"))
            assert {node["leaf"], node["expandable"]} == {0, 1}


def test_5_expand(api: FolderApi) -> None:
    url = f"/metrics/expand?query={frontend('servers.*.load')}&from={NOW - 3600}&until={NOW}"
    assert strict_json(api.get(url).text) == {"results": ["servers.web1.load", "servers.web2.load"]}


@pytest.fixture
def tagged(api: FolderApi) -> FolderApi:
    names = [f"disk.used;dc=lon;rack=a{number};server=web{number}" for number in (1, 2)]
    body = "&".join(f"path={frontend(name)}" for name in [*names, "disk.free;dc=ams;server=web3"])
    assert api.post("/tags/tagMultiSeries", body).status_code == 200
    return api


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("tags?expr=dc%3Dlon&expr=server%3D~web&from=1718017200&until=1718020800&limit=10000", ["name", "rack"]),
        ("tags?expr=dc%3Dlon&from=-1h&until=now&tagPrefix=s", ["server"]),
        ("tags?from=1718017200&limit=0&tagPrefix=&until=1718020800", ["dc", "name", "rack", "server"]),
        ("tags?tagPrefix=na&from=-1h&until=now", ["name"]),
        ("values?tag=name&from=-1h&until=now", ["disk.free", "disk.used"]),
        ("values?expr=dc%3Dlon&tag=server&from=-1h&until=now&limit=10000", ["web1", "web2"]),
        ("values?expr=dc%3Dlon&from=1718017200&limit=100&tag=server&until=1718020800&valuePrefix=web2", ["web2"]),
        ("values?from=-1h&tag=nope&until=now", []),
    ],
)
def test_6_and_7_tags(tagged: FolderApi, url: str, names: list[str]) -> None:
    answer = tagged.get(f"/tags/autoComplete/{url}")
    assert answer.status_code == 200, answer.text
    assert strict_json(answer.text) == names


def test_8_functions(api: FolderApi) -> None:
    """Read as text; a default of infinity is rewritten before it is parsed."""
    answer = api.send("GET", "/functions", headers=HEADERS)
    functions = strict_json(re.sub(r'"default": ?Infinity', '"default": 1e9999', answer.text))
    assert len(functions) > 60
    for name, one in functions.items():
        assert one["name"] == name
        assert one["function"].startswith(f"{name}(")
        assert {type(one[key]) for key in ("description", "module", "group")} == {str}
        for param in one["params"]:
            assert isinstance(param["name"], str)
            assert isinstance(param["type"], str)
            assert {type(param.get(flag, False)) for flag in ("required", "multiple")} == {bool}
            assert isinstance(param.get("options", []), list)


def test_9_annotations(api: FolderApi) -> None:
    for tags in (["deploy", "web"], "deploy db"):
        event = {"what": "Released 1.2", "tags": tags, "data": "by hand", "when": NOW - 60}
        assert api.send("POST", "/events/", json=event).status_code == 200
    window = f"from={NOW - 3600}&until={NOW}"
    for tags, found in (("", 2), ("&tags=deploy web", 1), (f"&tags={frontend('deploy web')}", 1), ("&tags=nope", 0)):
        events = strict_json(api.get(f"/events/get_data?{window}{tags}").text)
        assert len(events) == found
        for one in events:
            assert type(one["when"]) is int
            assert (one["what"], one["data"]) == ("Released 1.2", "by hand")
            assert all(isinstance(tag, str) for tag in one["tags"])
    relative = api.get("/events/get_data?from=-1h&until=now")
    assert strict_json(relative.text) == []


def test_10_the_version(api: FolderApi) -> None:
    for url in ("/version", "/version/"):
        answer = api.get(url)
        assert answer.status_code == 200
        assert re.fullmatch(r"1\.1\.\d+", answer.text.strip())


def test_11_annotations_from_a_metric(api: FolderApi) -> None:
    [one] = series_of(frontend_render(api, {"Anno": "servers.web1.load"}, maxDataPoints="100"))
    assert [time for value, time in one["datapoints"] if value] == [NOW - 240 + 60 * place for place in range(5)]


def test_12_a_variable_of_values(api: FolderApi) -> None:
    answer = frontend_render(api, {"A": "groupByNode(servers.*.load, 1, 'sum')"}, **{"from": "-6h", "until": "now"})
    assert [one["target"] for one in series_of(answer)] == ["web1 A", "web2 A"]


def test_series_under_their_name_are_read_too(api: FolderApi) -> None:
    """Of a partial answer both ends read ``series``."""
    answer = backend_render(api, "servers.web1.load", partial="1")
    assert [one["target"] for one in strict_json(answer.text)["series"]] == ["servers.web1.load"]


def test_what_it_shows_of_an_error(api: FolderApi) -> None:
    """The body of an answer that is no success is shown as it stands: one line, no HTML."""
    answer = frontend_render(api, {"A": "scale(servers.web1.load)"})
    assert answer.status_code == 400
    assert answer.text.startswith("target 1, column 10: scale: ")
    assert "<" not in answer.text
    assert answer.text.count("\n") == 1
