"""``docs/openapi-api.yaml`` is true: it names what is there and nothing else, and what it names answers as it says.

Requests are made from it, as it says and against what it says; schemathesis compares the answers with it.
``SALTERN_FUZZ`` in the environment asks for so many more examples.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.routing import Route

from support.api import Api

EXAMPLES = 5
"""A way and operation."""

TEXT = (Path(__file__).parents[2] / "docs" / "openapi-api.yaml").read_text()
DOCUMENT = yaml.safe_load(TEXT)
METHODS = ("get", "post", "put", "delete", "patch")
STREAMS = {"GET /events", "GET /ws"}
"""What would not end; its refusals are tried elsewhere."""
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {result.ok().label: result.ok() for result in SCHEMA.get_all_operations()}
WAYS = [
    pytest.param(label, mode, id=f"{label} {mode.value}")
    for label, operation in OPERATIONS.items()
    for mode in GenerationMode
    if label not in STREAMS and (mode is GenerationMode.POSITIVE or operation.body)  # any text is a path's
]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    made = Api({"hosts": ["testserver"]})
    made.master.scripts["test.ping"] = lambda low: {"web1": True}
    yield made
    made.close()


def test_it_is_served_and_names_what_is_there(api: Api) -> None:
    assert api.get("/openapi.yaml", auth=False).text == TEXT
    served = {route.path_format.rstrip("/") or "/" for route in api.app.routes if isinstance(route, Route)}
    assert served - {"/ws/{token}"} == set(DOCUMENT["paths"])


def test_it_names_every_method(api: Api) -> None:
    for path, item in DOCUMENT["paths"].items():
        if f"GET {path}" in STREAMS:
            continue
        for method in METHODS:
            answer = api.request(method.upper(), path.replace("{", "").replace("}", ""))
            assert (answer.status_code != 405) == (method in item), (path, method)


def judge(answer: schemathesis.Response) -> None:
    """A complaint says something in one line."""
    if answer.status_code < 400:
        return
    assert "Traceback" not in answer.text
    if answer.headers["content-type"][0].startswith("application/json"):
        told = answer.json()
        if "ok" not in told:
            assert told["status"] == answer.status_code
            assert len(told["return"].splitlines()) == 1


@pytest.mark.parametrize(("label", "mode"), WAYS)
@pytest.mark.parametrize("known", [True, False])
def test_an_operation(api: Api, label: str, mode: GenerationMode, known: bool) -> None:
    @settings(
        max_examples=EXAMPLES * int(os.environ.get("SALTERN_FUZZ", "1")),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        if known:
            api.master.sessions[api.token] = "fred"  # a logout may have been among them
            case.headers["X-Auth-Token"] = api.token
        answer = case.call(app=api.app)
        judge(answer)
        case.validate_response(answer, checks=CHECKS)

    ask()
