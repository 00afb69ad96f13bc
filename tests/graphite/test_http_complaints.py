"""What a client reads when it asked wrongly: one line that says what is wrong, where, and what would be right."""

from __future__ import annotations

from typing import Any

import pytest

from support.http_api import FolderApi, FolderStore

JSON = "application/json"
THE_API = "Graphite's API is here, such as /render and /metrics/find"
THE_KINDS = "send the parameters as application/x-www-form-urlencoded or application/json"
AN_EVENT = 'an event is a JSON object such as {"what": "deployed", "tags": ["web"]}'
FAR = "from=1099511620000&until=1099511627775"
NO_DATE = "times must be within the years 1 to 9999, not 1099511620000 seconds"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> FolderApi:
    return FolderApi(FolderStore(tmp_path_factory.mktemp("tree")))


def posted(content: bytes, **headers: str) -> dict[str, Any]:
    return {"content": content, "headers": {name.replace("_", "-"): value for name, value in headers.items()}}


@pytest.mark.parametrize(
    ("method", "url", "more", "status", "line"),
    [
        ("GET", "/composer", {}, 404, f"nothing is at /composer: {THE_API}"),
        ("GET", "/a%0Ab%3Fc", {}, 404, f"nothing is at /a b?c: {THE_API}"),
        ("PUT", "/render", {}, 405, "/render takes GET and HEAD and POST, not PUT"),
        ("POST", "/tags", {}, 405, "/tags takes GET and HEAD, not POST"),
        ("GET", "/tags/delSeries", {}, 405, "/tags/delSeries takes POST, not GET"),
        ("POST", "/render", posted(b"<a/>", content_type="Text/XML; a=b"), 415,
         f"the body is text/xml: {THE_KINDS}"),
        ("POST", "/render", posted(b"--x", content_type="multipart/form-data; boundary=x"), 400,
         "the body is multipart/form-data and ends before its last boundary"),
        ("POST", "/events", posted(b"x", content_encoding="GZIP"), 415,
         "the body is compressed (gzip): send it as it is"),
        ("POST", "/render", posted(b'{"a": "\xff"}', content_type=JSON), 400,
         "the body is no JSON: it is not UTF-8 text"),
        ("POST", "/render", posted(b"[" * 100_000, content_type=JSON), 400,
         "the body is no JSON that can be read: it is nested too deeply"),
        ("POST", "/render", posted(b"a&" * 10_001), 400, "the parameters can't be read: one request may have 10000"),
        ("GET", "/render?from=60&until=60", {}, 400,
         "Invalid empty time range: from and until are both 60, until must be later"),
        ("GET", f"/render?target=constantLine(1)&format=csv&{FAR}", {}, 400, NO_DATE),
        ("GET", f"/render?target=constantLine(1)&format=svg&{FAR}", {}, 400, NO_DATE),
        ("GET", f"/render?target=smartSummarize(constantLine(1),'1y','sum','d')&{FAR}", {}, 400,
         f"target 1, column 1: smartSummarize: {NO_DATE}"),
        ("GET", f"/render?target=timeShift(constantLine(1),'1h',true,true)&{FAR}", {}, 400,
         f"target 1, column 1: timeShift: {NO_DATE}"),
        ("GET", "/render?now=1099511620000&from=noon", {}, 400, f"from: time 'noon': {NO_DATE}"),
        ("GET", "/functions?jsonp=a-b", {}, 400,
         "jsonp 'a-b' is no function name: up to 200 letters, digits, _, $ and dots"),
    ],
)  # fmt: skip
def test_a_line(api: FolderApi, method: str, url: str, more: dict[str, Any], status: int, line: str) -> None:
    answer = api.send(method, url, **more)
    assert (answer.status_code, answer.text) == (status, f"{line}\n")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("method", "url", "more", "status", "message"),
    [
        ("POST", "/events", posted(b""), 400, f"the body is empty: {AN_EVENT}"),
        ("POST", "/events", posted(b"what=x"), 400,
         f"the body is no JSON: Expecting value: line 1 column 1 (char 0); {AN_EVENT}"),
        ("POST", "/events", posted(b"\xff"), 400, f"the body is no JSON: it is not UTF-8 text; {AN_EVENT}"),
        ("GET", "/events/7", {}, 404, "there is no event 7"),
        ("GET", "/functions/no%0D%0Asuch", {}, 404, "Function not found: no such"),
        ("GET", f"/functions/{'x' * 5000}", {}, 404, f"Function not found: {'x' * 980} …"),
    ],
)  # fmt: skip
def test_an_object(api: FolderApi, method: str, url: str, more: dict[str, Any], status: int, message: str) -> None:
    answer = api.send(method, url, **more)
    assert (answer.status_code, answer.json()) == (status, {"error": message})


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded; charset=UTF-8"])
def test_bodies_that_are_forms(api: FolderApi, kind: str) -> None:
    answer = api.send(
        "POST", "/metrics/find", **posted(b"query=servers", content_type=kind, content_encoding="identity")
    )
    assert [node["text"] for node in answer.json()] == ["servers"]


def test_a_path_is_no_query(api: FolderApi) -> None:
    """What is encoded in it is part of it."""
    assert api.send("GET", "/tags/a%3Fjsonp=f?pretty=1").text == "null"
    assert api.send("GET", "/tags/a%23b?jsonp=f").text == "f(null)"
