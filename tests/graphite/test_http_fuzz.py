"""Requests that nobody would send: never a 500, never more than a line of complaint, JSON that is JSON.

It runs for a bounded number of examples; ``SALTERN_FUZZ`` in the environment asks for so many more.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saltern_graphite.evaluation.evaluator import Limits
from saltern_graphite.functions import LIBRARY
from saltern_graphite.functions.params import ParamType
from saltern_graphite.http.app import HttpSettings
from saltern_graphite.render.formats import FORMATS
from support.http_api import NOW, FolderApi, FolderStore, strict_json

EXAMPLES = 150
LIMITS = Limits(series=50, points=200_000, targets=4, target_chars=4_000, depth=12, seconds=20.0)

fuzz = settings(
    max_examples=EXAMPLES * int(os.environ.get("SALTERN_FUZZ", "1")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> FolderApi:
    store = FolderStore(tmp_path_factory.mktemp("tree"))
    store.cache.waiting["servers.web3.load"] = [(NOW - 60, float("inf")), (NOW, -1e308)]
    store.index.add("servers.web3.load")
    return FolderApi(store, HttpSettings(LIMITS, cache_s=0))


def judge(answer: httpx.Response) -> None:
    """No fault of ours, and nothing that a client could not read."""
    text = answer.text
    assert answer.status_code in (200, 304, 400, 404, 405, 413, 415), text[:500]
    assert "Traceback" not in text
    kind = answer.headers.get("content-type", "")
    if answer.status_code == 200 and kind.startswith("application/json"):
        strict_json(text)
    elif answer.status_code >= 400 and not kind.startswith("application/json"):
        assert kind.startswith("text/plain")
        assert text.count("\n") == 1
        assert 3 < len(text) < 1100


WORDS = st.sampled_from(
    ["servers.*.load", "servers.web1.load", "servers.{web1,web3}.load", "**", "*", "nope", "", "-1h", "now", "0", "-1",
     "1e999", "nan", "inf", "5min", "-5min", "0s", "1y", "99999999999999999999", "1e308", "sum", "average", "A", "(",
     "[a", "(.*)", r"\1", "true",
     "None", "#ff0000", ">", "midnight", "20240610", "Europe/Berlin", "\u0000", "ü\u2028", "%"]
)  # fmt: skip
TEXTS = WORDS | st.text(max_size=12)
INTEGERS = st.sampled_from([0, 1, -1, 2, 5, 60, 10**6, -(10**6), 2**31, 2**63, 10**30])
NUMBERS = st.one_of(
    INTEGERS.map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["0.1", "-2.5", "1e3", "1e308", "-1e308", "inf", "-inf", "nan", "007"]),
)
LEAVES = st.sampled_from(
    ["servers.*.load", "servers.web1.load", "servers.web3.load", "servers.nowhere", "constantLine(5)",
     "randomWalk('r', 60)", "constantLine(inf)", "template(servers.$h.load, h='web1')"]
)  # fmt: skip
QUOTED = TEXTS.map(lambda text: f"'{text}'") | TEXTS.map(lambda text: f'"{text}"')
ANYTHING = st.one_of(NUMBERS, QUOTED, st.sampled_from(["true", "False", "None"]))
BY_TYPE = {
    ParamType.AGGREGATION: st.sampled_from(["'sum'", "'avg'", "'last'", "'median'", "'stddev'", "'p95'", "'current'"]),
    ParamType.BOOLEAN: st.sampled_from(["true", "false", "'true'", "1"]),
    ParamType.INTERVAL: st.sampled_from(["'5min'", "'1h'", "'-1d'", "'0s'", "'1y'", "'7s'", "'999y'"]),
    ParamType.STRING: QUOTED,
}


@st.composite
def calls(draw: st.DrawFn, series: st.SearchStrategy[str]) -> str:
    """A call of a function that there is, its arguments mostly of the right type."""
    name = draw(st.sampled_from(sorted(LIBRARY)))
    arguments = []
    for param in LIBRARY[name].params:
        if not param.required and draw(st.booleans()):
            break
        for _ in range(draw(st.integers(1, 3)) if param.multiple else 1):
            if draw(st.integers(0, 9)) == 0:
                arguments.append(draw(ANYTHING | series))
            elif param.type in (ParamType.SERIES, ParamType.SERIES_LISTS):
                arguments.append(draw(series))
            else:
                arguments.append(draw(BY_TYPE.get(param.type, NUMBERS | ANYTHING)))
    return f"{name}({', '.join(arguments)})"


TARGETS = st.recursive(LEAVES, calls, max_leaves=6)
WINDOWS = st.sampled_from(
    [(0, 1), (60, 0), (300, 0), (3600, 0), (86400, 3600), (10**8, 0), (-10, -500), (1, 0), (7, 0)]
)


@fuzz
@given(
    target=TARGETS,
    window=WINDOWS,
    form=st.sampled_from(sorted(set(FORMATS) - {"png", "svg", "pdf"})),
    most=st.sampled_from([None, "0", "1", "2", "100", "x", "1e9", "-5", "nan"]),
    more=st.dictionaries(st.sampled_from(["noNullPoints", "pretty", "jsonp", "partial", "xFilesFactor"]),
                         st.sampled_from(["1", "0.5", "f"]), max_size=2),
)  # fmt: skip
def test_targets(
    api: FolderApi, target: str, window: tuple[int, int], form: str, most: str | None, more: dict[str, str]
) -> None:
    body = {
        "target": target,
        "from": str(NOW - window[0]),
        "until": str(NOW - window[1]),
        "now": str(NOW),
        "format": form,
        **({} if most is None else {"maxDataPoints": most}),
        **more,
    }
    judge(api.send("POST", "/render", data=body))


PATHS = st.sampled_from(
    ["/render", "/render/", "/metrics/find", "/metrics/expand", "/metrics", "/metrics/index.json", "/functions",
     "/functions/sum", "/functions/%00", "/version", "/health", "/tags/autoComplete/tags", "/tags/autoComplete/values",
     "/events/get_data", "/tags", "/tags/name", "/tags/findSeries", "/tags/tagSeries", "/tags/tagMultiSeries",
     "/tags/delSeries", "/events/", "/events/1", "/events/%2e", "/", "/%ff", "/render/x"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["target", "target[]", "from", "until", "now", "tz", "format", "maxDataPoints", "query", "wildcards", "leavesOnly",
     "position", "automatic_variants", "groupByExpr", "cacheTimeout", "noCache", "xFilesFactor", "jsonp", "pretty",
     "partial", "template[h]", "grouped", "group", "expr", "tag", "tagPrefix", "valuePrefix", "limit", "filter", "tags",
     "rawData", "noNullPoints", "page", "set", "id", "path", "what", "when", "data"]
)  # fmt: skip
CHARTS = {"png", "svg", "pdf"}
PARAMETERS = st.lists(st.tuples(NAMES | st.text(max_size=4), TEXTS | NUMBERS), max_size=6)


@fuzz
@given(path=PATHS, parameters=PARAMETERS, way=st.sampled_from(["GET", "POST", "JSON", "HEAD"]), accept=TEXTS)
def test_parameters(api: FolderApi, path: str, parameters: list[tuple[str, str]], way: str, accept: str) -> None:
    headers = [(b"accept", accept.encode()), (b"if-none-match", accept.encode())]
    if way == "JSON":
        fields: dict[str, Any] = {}
        for name, value in parameters:
            fields.setdefault(name, []).append(value)
        judge(api.send("POST", path, json=fields))
    elif way == "POST":
        judge(api.send("POST", path, data={name: value.encode() for name, value in parameters}))
    else:
        readable = [(name, value) for name, value in headers if b"\n" not in value and b"\r" not in value]
        query = httpx.QueryParams(parameters)
        answer = api.send(way, f"{path}?{query}", headers=readable)
        if way == "GET":
            judge(answer)
        assert answer.status_code < 500


@fuzz
@given(
    path=PATHS,
    query=st.text(max_size=30),
    body=st.binary(max_size=60) | st.text(alphabet='[]{}",:0123456789truefalsn\\ud83e', max_size=40).map(str.encode),
    kind=st.sampled_from(
        ["application/json", "application/x-www-form-urlencoded", "multipart/form-data", "", "x", ";"]
    ),
)
def test_bytes(api: FolderApi, path: str, query: str, body: bytes, kind: str) -> None:
    judge(
        api.send("POST", f"{path}?{httpx.QueryParams({'target': query})}", content=body, headers={"content-type": kind})
    )


@st.composite
def spoiled(draw: st.DrawFn) -> str:
    """A target with one character lost, doubled or replaced."""
    target = draw(TARGETS)
    place = draw(st.integers(0, len(target)))
    return target[:place] + draw(st.sampled_from(["", "(", ")", "'", ",", "\\", "|", "{", "\n"])) + target[place + 1 :]


@fuzz
@given(st.text(alphabet="abx.*?[]{},()'\"|\\ =-+0123456789e$;~#", max_size=40) | spoiled())
def test_grammar(api: FolderApi, text: str) -> None:
    body = {"target": text, "from": str(NOW - 300), "until": str(NOW), "now": str(NOW)}
    judge(api.send("POST", "/render", data=body))


def test_the_tree_is_untouched(api: FolderApi) -> None:
    """Whatever was asked, only the two files are there."""
    files = sorted(str(path.relative_to(api.store.whisper_dir)) for path in Path(api.store.whisper_dir).rglob("*.wsp"))
    assert files == ["servers/web1/load.wsp", "servers/web2/load.wsp"]
