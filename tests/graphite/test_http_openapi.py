"""``docs/openapi.yaml`` is true: it names what is there and nothing else, and what it names answers as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.routing import Route

from saltern_graphite.events.event import Event
from saltern_graphite.events.store import EventStore
from saltern_graphite.http.app import create_app
from saltern_graphite.tags.index import TagIndex
from support.asgi_client import AsgiClient
from support.http_api import NOW, FolderStore, window

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "docs" / "openapi.yaml").read_text())
METHODS = ("get", "post", "put", "delete", "patch")
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in METHODS if method in item]
FIND = {"query": "servers.*"}
PATHS = {"path": ["disk.used;rack=a1"]}
FITTING: dict[str, dict[str, Any]] = {
    "/render": {"target": ["servers.*.load", "constantLine(1)"], "format": "json", **window()},
    "/metrics/find": FIND,
    "/metrics/expand": {"query": ["servers.*"]},
    "/tags": {"filter": "r", "limit": "5"},
    "/tags/{tag}": {"filter": "a", "limit": "5"},
    "/tags/findSeries": {"expr": ["name=disk.used"]},
    "/tags/autoComplete/tags": {"expr": ["name=disk.used"], "tagPrefix": "r", "limit": "5"},
    "/tags/autoComplete/values": {"tag": "rack", "valuePrefix": "a", "limit": "0"},
    "/tags/tagSeries": PATHS,
    "/tags/tagMultiSeries": PATHS,
    "/tags/delSeries": {"path": ["never;was=there"]},
    "/events/get_data": {"from": str(NOW), "until": str(NOW), "tags": "deploy", "set": "union"},
}
"""Parameters with which an operation has something to answer; those of POST alone are in the body."""
STANDING_FOR = {"{name}": "sumSeries", "{tag}": "rack", "{id}": "1"}


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """*part*, or what it refers to."""
    if "$ref" not in part:
        return part
    found = DOCUMENT
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)


def documented(path: str, method: str) -> tuple[set[str], dict[str, Any]]:
    """The names of the parameters of an operation, and what it says of each status."""
    item = DOCUMENT["paths"][path]
    parameters = [*item.get("parameters", []), *item[method].get("parameters", [])]
    responses = {status: resolved(part) for status, part in item[method]["responses"].items()}
    return {resolved(parameter)["name"] for parameter in parameters}, responses


def filled(path: str) -> str:
    for name, value in STANDING_FOR.items():
        path = path.replace(name, value)
    return path


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> AsgiClient:
    tags, events = TagIndex(), EventStore()
    tags.add(["disk.used;rack=a1"])
    events.add(Event(float(NOW), "deployed", ("deploy",)))
    return AsgiClient(create_app(FolderStore(tmp_path_factory.mktemp("tree")), tags=tags, events=events))


def test_it_names_what_is_there(tmp_path: Path) -> None:
    app = create_app(FolderStore(tmp_path))
    routes = [route for route in app.routes if isinstance(route, Route)]
    assert len(routes) == len(app.routes)
    served = [route.path_format for route in routes]
    assert {path.rstrip("/") for path in served} == set(DOCUMENT["paths"])
    assert {path for path in served if path.endswith("/")} == {f"{path}/" for path in DOCUMENT["paths"]}


def test_it_names_every_method(client: AsgiClient) -> None:
    for path, item in DOCUMENT["paths"].items():
        for slash in ("", "/"):
            for method in METHODS:
                answer = client.request(method.upper(), filled(path) + slash)
                assert (answer.status_code != 405) == (method in item), (path, method)
                if answer.status_code == 405:
                    assert answer.text.endswith(f", not {method.upper()}\n")
                    assert answer.text.count("\n") == 1
                    assert set(answer.headers["allow"].lower().split(", ")) - {"head"} == set(item) & set(METHODS)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_an_operation(client: AsgiClient, path: str, method: str) -> None:
    names, responses = documented(path, method)
    fields = FITTING.get(path, FIND if (path, method) == ("/metrics", "post") else {})
    assert set(fields) <= names
    where = {"params": fields} if method == "get" else {"data": fields}
    if (path, method) == ("/events", "post"):
        where = {"json": {"what": "w"}}
    for asked in (where, {**where, "headers": {"accept-encoding": "identity"}}):
        answer = client.request(method.upper(), filled(path), **asked)
        assert answer.status_code == 200, answer.text
        if "content" in responses["200"]:
            assert answer.headers["content-type"].partition(";")[0] in responses["200"]["content"]
            assert answer.text not in ("", "[]", "null")
        else:
            assert answer.text == ""


@pytest.mark.parametrize(("path", "method"), [one for one in OPERATIONS if "jsonp" in documented(*one)[0]])
def test_a_mistake(client: AsgiClient, path: str, method: str) -> None:
    fields = {**FITTING.get(path, FIND), "jsonp": "no name"}
    answer = client.request(method, filled(path), **{"params" if method == "get" else "data": fields})
    assert answer.status_code == 400
    assert "jsonp 'no name' is no function name" in answer.text
    assert answer.headers["content-type"].partition(";")[0] in documented(path, method)[1]["400"]["content"]


@pytest.mark.parametrize(("path", "method"), [one for one in OPERATIONS if one[1] == "post"])
def test_bodies_that_are_not_read(client: AsgiClient, path: str, method: str) -> None:
    _, responses = documented(path, method)
    long = client.request(method, filled(path), content=b"x" * ((4 << 20) + 1))
    packed = client.request(method, filled(path), content=b"x", headers={"content-encoding": "gzip"})
    kind = client.request(method, filled(path), content=b"<a/>", headers={"content-type": "text/xml"})
    assert (long.status_code, packed.status_code) == (413, 415)
    assert kind.status_code == (400 if path == "/events" else 415)
    assert "compressed (gzip)" in packed.text
    assert path == "/events" or kind.text.startswith("the body is text/xml: send the parameters as application/x-www")
    for answer in (long, packed, kind):
        assert answer.headers["content-type"].partition(";")[0] in responses[str(answer.status_code)]["content"]
        assert answer.text.count("\n") <= 1
