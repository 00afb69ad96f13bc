"""``docs/openapi.yaml`` is true: what it names is there, and answers as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from support.http_api import FolderApi, FolderStore, window

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "docs" / "openapi.yaml").read_text())
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
FITTING: dict[str, dict[str, Any]] = {
    "/render": {"target": ["servers.*.load", "constantLine(1)"], "format": "json", **window()},
    "/metrics/find": {"query": "servers.*"},
    "/metrics/expand": {"query": ["servers.*"]},
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> FolderApi:
    return FolderApi(FolderStore(tmp_path_factory.mktemp("tree")))


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_an_operation(api: FolderApi, path: str, method: str) -> None:
    fields = FITTING.get(path, {})
    if path == "/metrics" and method == "post":
        fields = FITTING["/metrics/find"]
    where = {"params": fields} if method == "get" else {"data": fields}
    documented = DOCUMENT["paths"][path][method]
    for asked in (where, {**where, "headers": {"accept-encoding": "identity"}}):
        answer = api.send(method.upper(), path.replace("{name}", "sumSeries"), **asked)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].partition(";")[0] in documented["responses"]["200"]["content"]
    if "parameters" in documented and path in FITTING:
        names = {parameter["name"] for parameter in documented["parameters"]}
        assert set(FITTING[path]) <= names


@pytest.mark.parametrize("path", [path for path, _ in OPERATIONS if path in FITTING])
def test_a_mistake(api: FolderApi, path: str) -> None:
    fields = {**FITTING[path], "jsonp": "no name"}
    answer = api.send("GET", path, params=fields)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")


def test_methods_that_are_not_there(api: FolderApi) -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method in ("put", "delete", "patch"):
            assert method not in methods
            answer = api.send(method.upper(), path.replace("{name}", "sum"))
            assert (answer.status_code, answer.text.count("\n")) == (405, 1)
            assert "GET" in answer.headers["allow"]
