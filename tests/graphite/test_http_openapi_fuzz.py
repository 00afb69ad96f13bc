"""Requests made from ``docs/openapi.yaml``, as it says and against what it says: each answer is one that it lists.

Status, content type, headers and JSON are compared with the document by schemathesis. What is written goes to
databases in a folder of the test. ``SALTERN_FUZZ`` in the environment asks for so many more examples.
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
from starlette.applications import Starlette

from saltern_graphite.evaluation.evaluator import Limits
from saltern_graphite.events.store import EventStore
from saltern_graphite.http.app import HttpSettings, create_app
from saltern_graphite.tags.index import TagIndex
from support.http_api import FolderStore

EXAMPLES = 6
"""A way and operation."""

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "docs" / "openapi.yaml").read_text())
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {result.ok().label: result.ok() for result in SCHEMA.get_all_operations()}
WAYS = [
    pytest.param(label, mode, id=f"{label} {mode.value}")
    for label, operation in OPERATIONS.items()
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or operation.body or [*operation.iter_parameters()]
]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
LIMITS = Limits(series=50, points=200_000, targets=4, target_chars=4_000, depth=12, seconds=20.0)
NUMBERS_ONLY = {"png": "json", "svg": "csv", "pdf": "raw", "": "json"}
"""A chart takes a hundred times as long: they are fuzzed elsewhere."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starlette]:
    root = tmp_path_factory.mktemp("root")
    (root / "whisper").mkdir()
    tags = TagIndex.open(str(root / "db" / "tags.sqlite"))
    events = EventStore.open(str(root / "db" / "events.sqlite"))
    tags.add(["disk.used;host=web1;rack=a1", "disk.used;host=web2;rack=a1"])
    store = FolderStore(root / "whisper")
    yield create_app(store, HttpSettings(LIMITS, cache_s=0, hosts=("testserver",)), tags=tags, events=events)
    tags.close()
    events.close()


def judge(answer: schemathesis.Response) -> None:
    """A complaint is one line that says something, or an object with one."""
    if answer.status_code < 400:
        return
    text = answer.text
    assert "Traceback" not in text
    if answer.headers["content-type"][0].startswith("application/json"):
        ((name, message),) = answer.json().items()
        assert name == "error"
        assert len(message) > 3
        assert len(message.splitlines()) == 1
    else:
        assert text.count("\n") == 1
        assert 3 < len(text) < 1100


def quick(case: schemathesis.Case) -> schemathesis.Case:
    """*case* without a chart to draw."""
    for fields in (case.query, case.body):
        if isinstance(fields, dict) and str(fields.get("format")) in NUMBERS_ONLY:
            fields["format"] = NUMBERS_ONLY[str(fields["format"])]
    if case.path == "/render":
        case.query.setdefault("format", "json")
    return case


@pytest.mark.parametrize(("label", "mode"), WAYS)
def test_an_operation(app: Starlette, label: str, mode: GenerationMode) -> None:
    @settings(
        max_examples=EXAMPLES * int(os.environ.get("SALTERN_FUZZ", "1")),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode).map(quick))
    def ask(case: schemathesis.Case) -> None:
        answer = case.call(app=app)
        judge(answer)
        case.validate_response(answer, checks=CHECKS)

    ask()
