"""How a request says that it is restricted: what can't be understood shows nothing."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import GraphiteError
from saltern_graphite.http import restricting
from saltern_graphite.http.restricted.prefixes import MAX_PLACES, Prefixes
from saltern_graphite.http.restricting import MAX_BYTES, read_restriction
from support.asgi_client import AsgiClient
from support.http_api import FORM, FolderApi, FolderStore, window
from support.restricted import HEADER, ask

WEB1 = {"series": ["servers.web1"], "minions": ["web1"]}


@pytest.fixture
def api(tmp_path: Path) -> FolderApi:
    return FolderApi(FolderStore(tmp_path))


def sent(api: FolderApi, body: bytes, *lengths: str, method: str = "POST", path: str = "/metrics/find") -> Any:
    headers = [*FORM.items(), *((HEADER, length) for length in lengths)]
    return api.send(method, path, content=body, headers=headers)


def test_the_restriction_comes_before_the_form(api: FolderApi) -> None:
    text = json.dumps(WEB1).encode()
    form = b"query=servers.*&format=nodelist"
    assert sent(api, text + form, str(len(text))).json() == {"nodes": ["web1"]}
    assert sent(api, form).json() == {"nodes": ["web1", "web2"]}
    render = "&".join(f"{name}={value}" for name, value in window().items()) + "&target=servers.*.load"
    answer = sent(api, text + render.encode(), str(len(text)), path="/render")
    assert [series["target"] for series in answer.json()] == ["servers.web1.load"]


def test_a_body_in_pieces(api: FolderApi) -> None:
    text = json.dumps(WEB1).encode()
    whole = text + b"query=servers.*&format=nodelist"

    async def pieces() -> Any:
        for place in range(0, len(whole), 7):
            yield whole[place : place + 7]

    headers = {**FORM, HEADER: str(len(text))}
    assert api.send("POST", "/metrics/find", content=pieces(), headers=headers).json() == {"nodes": ["web1"]}


@pytest.mark.parametrize("lengths", [("",), ("-1",), ("x",), ("1e3",), ("٣",), ("999999999",), (str(MAX_BYTES + 1),)])
def test_a_length_that_is_none(api: FolderApi, lengths: tuple[str, ...]) -> None:
    headers: list[tuple[bytes, bytes]] = [(HEADER.encode(), length.encode()) for length in lengths]
    answer = api.send("GET", "/metrics/find?query=*", content=b"{}" * 9, headers=headers)
    assert answer.status_code == 400
    assert "servers" not in answer.text


def test_a_length_said_twice(api: FolderApi) -> None:
    text = json.dumps(WEB1).encode()
    for lengths in ((str(len(text)), str(len(text))), (str(len(text)), "0")):
        assert sent(api, text, *lengths, method="GET", path="/metrics/find?query=*").status_code == 400


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"[]", b"null", b"{}", b"\xff", b"[" * 100_000),
        *(b'{"series": []}', b'{"minions": []}', b'{"series": [], "minions": [], "all": 1}'),
        *(b'{"series": "saltern", "minions": []}', b'{"series": [1], "minions": []}'),
        *(b'{"series": [], "minions": {}}', b'{"series": [], "minions": "web1"}'),
        *(
            json.dumps({"series": [place], "minions": []}).encode()
            for place in (None, "", "a..b", "a.", "**", "{a,b}", "a?", "[ab]", "a b", "a;b=c", "a/b", "a\\b", "a\n")
        ),
    ],
)
def test_what_is_no_restriction_shows_nothing(api: FolderApi, text: bytes) -> None:
    answer = sent(api, text, str(len(text)), method="GET", path="/metrics/find?query=*")
    assert answer.status_code == 400
    assert "servers" not in answer.text
    assert "\n" not in answer.text.removesuffix("\n")
    assert api.totals()["requestsRestrictedWrongly"] == 1


def test_a_body_that_ends_too_soon(api: FolderApi) -> None:
    assert sent(api, b'{"series":', "1000", method="GET", path="/metrics/find?query=*").status_code == 400


def test_bounds() -> None:
    with pytest.raises(GraphiteError, match="no more"):
        Prefixes([f"a{number}" for number in range(MAX_PLACES + 1)])
    with pytest.raises(GraphiteError, match="at most"):
        read_restriction(json.dumps({"series": [], "minions": ["a"] * (MAX_PLACES + 1)}).encode())
    with pytest.raises(GraphiteError, match="no place"):
        Prefixes([".".join("a" * 33)])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/tags/tagSeries"),
        ("POST", "/tags/tagMultiSeries"),
        ("POST", "/tags/delSeries/"),
        ("POST", "/events"),
        ("POST", "/events/"),
        ("GET", "/metrics"),
        ("POST", "/metrics/"),
        ("GET", "/health"),
        ("PUT", "/render"),
        ("GET", "/anything"),
    ],
)
def test_what_knows_of_no_restrictions_is_refused(api: FolderApi, method: str, path: str) -> None:
    text = json.dumps(WEB1).encode()
    body = text + b"path=servers.web1.load;a=b&query=*"
    assert sent(api, body, str(len(text)), method=method, path=path).status_code == 403


def test_every_path_that_is_asked_with_a_restriction_heeds_it(api: FolderApi) -> None:
    nobody = {"series": [], "minions": []}
    client = AsgiClient(api.app)
    params = {"query": "servers.*", "target": "servers.*.load", "expr": "name=~.+", "tag": "name", **window()}
    for path in sorted({*restricting.GETS, "/tags/name", "/events/1", "/functions/sumSeries"}):
        answer = ask(client, path, nobody, {**params, **({"format": "json"} if path != "/metrics/find" else {})})
        assert answer.status_code in (200, 404), path
        assert "web" not in answer.text or path.startswith(("/functions", "/version")), path


def test_restrictions_are_remembered_within_bounds(api: FolderApi, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []
    monkeypatch.setattr(restricting, "read_restriction", lambda text: (read.append(text), read_restriction(text))[1])
    monkeypatch.setattr(restricting, "MOST_KEPT", 2)
    client = AsgiClient(api.app)
    for place in ("servers.web1", "servers.web1", "a", "servers.web1", "b", "servers.web1", "a"):
        ask(client, "/metrics/find", {"series": [place], "minions": []}, {"query": "*"})
    assert [json.loads(text)["series"][0] for text in read] == ["servers.web1", "a", "b", "a"]
    monkeypatch.setattr(restricting, "MOST_KEPT_BYTES", 10)
    for _ in range(2):
        ask(client, "/metrics/find", {"series": ["c"], "minions": []}, {"query": "*"})
    assert len(read) == 6


@given(st.binary(max_size=200))
def test_any_bytes(text: bytes) -> None:
    with contextlib.suppress(GraphiteError):
        assert read_restriction(text).digest
