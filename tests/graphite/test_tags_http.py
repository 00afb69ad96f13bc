"""``/tags``, as Graphite's clients use it, and tagged series in ``/render``."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
import whisper
from starlette.applications import Starlette

from saltern.errors import StoreError
from saltern_graphite.http.app import create_app
from saltern_graphite.rules.metric_name import relative_path
from saltern_graphite.tags.index import TagIndex
from saltern_graphite.tags.tagged_name import readable_path
from support.asgi_client import AsgiClient
from support.http_api import PlainStore

NOW = 1_718_020_800
SERIES = [
    "disk.used;dc=a;rack=1",
    "disk.used;dc=b;rack=2",
    "disk.free;dc=a",
    "cpu;dc=a;host=web1",
    "cpu;dc=b;host=web2",
]


@pytest.fixture
def store(tmp_path: Path) -> PlainStore:
    return PlainStore(tmp_path)


@pytest.fixture
def index() -> TagIndex:
    index = TagIndex()
    index.add(SERIES)
    return index


@pytest.fixture
def client(store: PlainStore, index: TagIndex) -> AsgiClient:
    app: Starlette = create_app(store, tags=index)
    return AsgiClient(app)


def get(client: AsgiClient, path: str, **params: str | list[str]) -> Any:
    answer = client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def error_of(answer: httpx.Response) -> str:
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/json"
    ((key, message),) = answer.json().items()
    assert key == "error"
    assert "\n" not in message
    return str(message)


def test_series_are_entered_and_answered_in_their_spelling(client: AsgiClient, index: TagIndex) -> None:
    answer = client.post("/tags/tagSeries", data={"path": 'net.in{rack="7",dc="c"}'})
    assert (answer.status_code, answer.text) == (200, '"net.in;dc=c;rack=7"')
    several = {"path": ["m;b=1;a=2", "plain.metric"]}
    assert client.post("/tags/tagMultiSeries", data=several).json() == ["m;a=2;b=1", "plain.metric"]
    assert client.post("/tags/tagMultiSeries", data={"path[]": ["m;a=3"]}).json() == ["m;a=3"]
    assert client.post("/tags/tagSeries/?path=q;a=9").json() == "q;a=9"
    assert client.post("/tags/tagMultiSeries", json={"path": ["j;a=1", "j;a=2"]}).json() == ["j;a=1", "j;a=2"]
    assert index.find(["name=~m|net|plain|j|q"]) == [
        "j;a=1", "j;a=2", "m;a=2;b=1", "m;a=3", "net.in;dc=c;rack=7", "plain.metric", "q;a=9"
    ]  # fmt: skip


def test_of_several_series_one_wrong_one_stops_all(client: AsgiClient, index: TagIndex) -> None:
    answer = client.post("/tags/tagMultiSeries", data={"path": ["m;a=1", "m;a"]})
    assert error_of(answer).startswith("'m;a' is no metric's name: tags are written ;tag=value")
    assert index.find(["name=m"]) == []


@pytest.mark.parametrize("name", ["a;b=", "a;=c", "a;b=~c", ";b=c", "a;b!=c", "a b;c=d", "a..b", "../x", "a;b=c d"])
def test_what_is_no_name_is_refused(client: AsgiClient, name: str) -> None:
    assert "is no metric's name" in error_of(client.post("/tags/tagSeries", data={"path": name}))


def test_deleting_answers_true_always(client: AsgiClient, index: TagIndex) -> None:
    gone = {"path": ["disk.used;rack=1;dc=a", "never;was=there"]}
    assert client.post("/tags/delSeries", data=gone).json() is True
    assert index.find(["name=disk.used"]) == ["disk.used;dc=b;rack=2"]
    assert [value["value"] for value in get(client, "/tags/rack")["values"]] == ["2"]
    assert client.post("/tags/delSeries", data={"path": "disk.used;rack=2;dc=b"}).json() is True
    assert get(client, "/tags/rack") is None


@pytest.mark.parametrize("path", ["/tags/tagSeries", "/tags/tagMultiSeries", "/tags/delSeries"])
def test_changes_take_post_alone(client: AsgiClient, path: str) -> None:
    assert "path is missing" in error_of(client.post(path))
    for method in ("GET", "PUT", "DELETE"):
        assert client.request(method, path, params={"path": "a;b=c"}).status_code == 405
    assert client.post("/tags/dc").status_code == 405
    assert client.request("PUT", "/tags/findSeries").status_code == 405


def test_series_are_found(client: AsgiClient) -> None:
    assert get(client, "/tags/findSeries", expr="name=cpu") == ["cpu;dc=a;host=web1", "cpu;dc=b;host=web2"]
    assert get(client, "/tags/findSeries", expr=["dc=~a|b", "rack="]) == [
        "cpu;dc=a;host=web1", "cpu;dc=b;host=web2", "disk.free;dc=a"
    ]  # fmt: skip
    assert get(client, "/tags/findSeries", **{"expr[]": ["name=~disk", "dc!=a"]}) == ["disk.used;dc=b;rack=2"]
    assert client.post("/tags/findSeries", data={"expr": "rack=1"}).json() == ["disk.used;dc=a;rack=1"]
    assert "expr is missing" in error_of(client.get("/tags/findSeries"))
    assert "must need a value" in error_of(client.get("/tags/findSeries", params={"expr": "dc!=a"}))
    assert "is no regular expression" in error_of(client.get("/tags/findSeries", params={"expr": "dc=~["}))


def without_ids(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert all(isinstance(row.pop("id"), int) for row in rows)
    return rows


def test_tags_and_their_values_are_listed(client: AsgiClient) -> None:
    assert without_ids(get(client, "/tags")) == [{"tag": tag} for tag in ("dc", "host", "name", "rack")]
    assert without_ids(get(client, "/tags/", filter="h", limit="5")) == [{"tag": "host"}]
    dc = get(client, "/tags/dc")
    assert isinstance(dc.pop("id"), int)
    assert without_ids(dc["values"]) == [{"value": "a", "count": 3}, {"value": "b", "count": 2}]
    assert list(dc) == ["tag", "values"]
    assert [value["value"] for value in get(client, "/tags/dc", filter="b")["values"]] == ["b"]
    assert [value["value"] for value in get(client, "/tags/dc", limit="1")["values"]] == ["a"]
    assert get(client, "/tags/nope") is None
    assert "filter" in error_of(client.get("/tags", params={"filter": "["}))
    assert "limit must be an integer" in error_of(client.get("/tags", params={"limit": "x"}))
    assert "limit must be 0 or more" in error_of(client.get("/tags/dc", params={"limit": "-1"}))


def test_a_tag_may_have_any_name(client: AsgiClient, index: TagIndex) -> None:
    index.add(["x;a/b=1", "x;ü=2"])
    assert get(client, "/tags/a/b")["tag"] == "a/b"
    assert get(client, "/tags/%C3%BC")["tag"] == "ü"


def test_tags_are_completed(client: AsgiClient) -> None:
    path = "/tags/autoComplete/tags"
    assert get(client, path) == ["dc", "host", "name", "rack"]
    assert get(client, path, tagPrefix="h", limit="0") == ["host"]  # what Grafana's back end sends
    assert get(client, path, expr="name=cpu") == ["dc", "host"]
    assert get(client, path, expr=["name=cpu", "dc=a"], tagPrefix="", limit="0") == ["host"]
    assert get(client, path, expr="name=cpu", limit="1") == ["dc"]
    assert "is no tag expression" in error_of(client.get(path, params={"expr": "junk"}))


def test_values_are_completed(client: AsgiClient) -> None:
    path = "/tags/autoComplete/values"
    assert get(client, path, tag="dc") == ["a", "b"]
    assert get(client, path, tag="dc", valuePrefix="b") == ["b"]
    assert get(client, path, tag="dc", expr="rack=2") == ["b"]
    assert get(client, path, tag="rack", expr="name=cpu", limit="10000") == []
    assert get(client, path, tag="nope") == []
    assert client.post(path, data={"tag": "host", "expr": "dc!=a"}).json() == ["web2"]
    assert "tag is missing" in error_of(client.get(path))


def test_a_failing_database_is_503(store: PlainStore) -> None:
    class Failing(TagIndex):
        def find(self, *args: Any, **kwargs: Any) -> list[str]:
            raise StoreError("the tag index tags.sqlite: disk I/O error")

    client = AsgiClient(create_app(store, tags=Failing()))
    answer = client.get("/tags/findSeries", params={"expr": "a=b"})
    assert (answer.status_code, answer.json()) == (503, {"error": "the tag index tags.sqlite: disk I/O error"})
    answer = client.get("/render", params={"target": "seriesByTag('a=b')", "format": "json"})
    assert (answer.status_code, answer.text) == (503, "the tag index tags.sqlite: disk I/O error\n")


def write(store: PlainStore, relative: str, value: float) -> None:
    path = Path(store.whisper_dir) / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    whisper.create(str(path), [(60, 1440)])
    whisper.update_many(str(path), [(NOW - 60, value), (NOW, value + 1)], now=NOW)


def render(client: AsgiClient, target: str) -> list[dict[str, Any]]:
    window = {"from": str(NOW - 120), "until": str(NOW), "now": str(NOW), "format": "json"}
    answer: list[dict[str, Any]] = get(client, "/render", target=target, **window)
    return answer


def values(series: dict[str, Any]) -> list[float | None]:
    return [value for value, _ in series["datapoints"]]


@pytest.fixture
def written(store: PlainStore, client: AsgiClient) -> AsgiClient:
    """Some series in files named by hash, one in a file named by itself, one that is in the cache alone."""
    write(store, relative_path("cpu;dc=a;host=web1"), 1)
    write(store, relative_path("cpu;dc=b;host=web2"), 10)
    write(store, readable_path("disk.used;dc=a;rack=1"), 100)
    store.cache.waiting["disk.free;dc=a"] = [(NOW, 7.0)]
    return client


def test_series_by_tag(written: AsgiClient) -> None:
    answer = render(written, "seriesByTag('name=cpu')")
    assert [(one["target"], one["tags"], values(one)) for one in answer] == [
        ("cpu;dc=a;host=web1", {"name": "cpu", "dc": "a", "host": "web1"}, [1, 2]),
        ("cpu;dc=b;host=web2", {"name": "cpu", "dc": "b", "host": "web2"}, [10, 11]),
    ]
    found = render(written, "seriesByTag('name=~disk', 'dc=a')")
    assert [(one["target"], values(one)) for one in found] == [
        ("disk.free;dc=a", [None, 7]),
        ("disk.used;dc=a;rack=1", [100, 101]),
    ]
    assert render(written, "seriesByTag('name=nope')") == []


@pytest.mark.parametrize(
    "call",
    ["seriesByTag('name=cpu')", 'seriesByTag("name=cpu")', "seriesByTag( 'name=cpu' ,\"dc=~.\" )"],
)
def test_aggregates_are_named_after_the_call_as_it_was_written(written: AsgiClient, call: str) -> None:
    (total,) = render(written, f"sumSeries({call})")
    assert total["target"] == f"sumSeries({call})"
    assert total["tags"] == {"name": "cpu", "aggregatedBy": "sum"}
    assert values(total) == [11, 13]


def test_functions_see_the_tags(written: AsgiClient) -> None:
    assert [
        one["target"] for one in render(written, "seriesByTag('name=cpu') | aliasByTags('dc', 'host', 'name')")
    ] == [
        "a.web1.cpu",
        "b.web2.cpu",
    ]
    groups = render(written, "groupByTags(seriesByTag('name=cpu'), 'sum', 'dc')")
    assert [(one["target"], one["tags"]) for one in groups] == [
        ("cpu;dc=a", {"name": "cpu", "dc": "a"}),
        ("cpu;dc=b", {"name": "cpu", "dc": "b"}),
    ]


@pytest.mark.parametrize("target", ["cpu;dc=a;host=web1", "cpu;host=web1;dc=a"])
def test_one_series_by_its_name(written: AsgiClient, target: str) -> None:
    (one,) = render(written, target)
    assert (one["target"], one["tags"]["host"], values(one)) == ("cpu;dc=a;host=web1", "web1", [1, 2])
    assert render(written, "cpu;dc=*") == []
    assert render(written, "cpu;dc") == []


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("seriesByTag()", "target 1, column 1: seriesByTag: tagExpressions must be given"),
        ("scale(seriesByTag('dc!=a'), 2)", "target 1, column 7: seriesByTag: at least one tag expression must need"),
        ("seriesByTag('name=cpu','junk')", "target 1, column 1: seriesByTag: 'junk' is no tag expression: write"),
    ],
)
def test_mistakes_are_named_with_their_place(client: AsgiClient, target: str, message: str) -> None:
    answer = client.get("/render", params={"target": target, "format": "json"})
    assert answer.status_code == 400
    assert answer.text.startswith(message)


def test_the_functions_page_has_it(client: AsgiClient) -> None:
    told = get(client, "/functions/seriesByTag")
    assert told["group"] == "Special"
    assert told["params"] == [{"name": "tagExpressions", "type": "string", "required": True, "multiple": True}]
    assert json.dumps(told)


def test_nothing_is_logged_for_a_mistake(client: AsgiClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="saltern_graphite"):
        client.get("/tags/findSeries", params={"expr": "junk"})
    assert caplog.records == []
