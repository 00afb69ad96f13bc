"""Requests to a server of the test's own: what is sent, what comes back, what is refused."""

from __future__ import annotations

import gzip
import io
import json
import threading
import urllib.request
import zlib
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _http, _http_query

PAGES = {
    "/404": (404, "text/plain", b"nothing here", {}),
    "/500": (500, "text/plain", b"oh", {}),
    "/redir": (302, "text/plain", b"", {"Location": "/there"}),
    "/loop": (302, "text/plain", b"", {"Location": "/loop"}),
    "/tofile": (302, "text/plain", b"", {"Location": "file:///etc/passwd"}),
    "/toftp": (302, "text/plain", b"", {"Location": "ftp://127.0.0.1:1/x"}),
    "/xml": (200, "application/xml", b"<r><a>1</a><b><c>x</c><c>y</c></b></r>", {}),
    "/bomb": (200, "application/xml", b"<!DOCTYPE r [<!ENTITY a 'b'>]><r>&a;</r>", {}),
    "/laughs": (200, "application/yaml", b"&a [*a]", {}),
    "/yaml": (200, "application/yaml", b"a: [1, 2]\n", {}),
    "/text": (200, "text/plain; charset=latin-1", "ü".encode("latin-1"), {}),
    "/odd": (200, "text/plain; charset=nonesuch", "ü".encode(), {}),
    "/bad": (200, "application/json", b"{", {}),
    "/gzip": (200, "text/plain", gzip.compress(b"x" * 2000), {"Content-Encoding": "gzip"}),
    "/deflate": (200, "text/plain", zlib.compress(b"xyz"), {"Content-Encoding": "deflate"}),
    "/rawdeflate": (200, "text/plain", zlib.compress(b"xyz")[2:-4], {"Content-Encoding": "deflate"}),
    "/notgzip": (200, "text/plain", b"x", {"Content-Encoding": "gzip"}),
}
SEEN = ("content-type", "x-a", "x-b", "authorization", "cookie")


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        told = {
            "method": self.command,
            "path": self.path,
            "body": body,
            "headers": {name.lower(): value for name, value in self.headers.items() if name.lower() in SEEN},
        }
        code, kind, data, extra = PAGES.get(self.path, (200, "application/json", json.dumps(told).encode(), {}))
        if self.path == "/elsewhere":
            code, extra = 302, {"Location": f"http://localhost:{self.server.server_address[1]}/there"}
        self.send_response(code)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **extra}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def http(minion: Any) -> ModuleType:
    return minion.load("http")  # type: ignore[no-any-return]  # the fixture's class lives in conftest


def sent(found: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(found["body"])
    return told


@pytest.mark.parametrize(
    ("given", "is_sent"),
    [
        ({}, {"method": "GET", "path": "/x", "body": "", "headers": {}}),
        ({"method": "post", "data": "a=1"}, {"method": "POST", "body": "a=1"}),
        ({"method": "POST", "data": {"a": 1, "b": "c d"}}, {"body": "a=1&b=c+d"}),
        ({"params": {"q": "1 2", "r": "ü"}}, {"path": "/x?q=1+2&r=%C3%BC"}),
        ({"method": "PUT", "data": "x", "header_dict": {"Content-Type": "t/x"}}, {"headers": {"content-type": "t/x"}}),
        (
            {"header_dict": {"X-A": "1"}, "header_list": ["X-B: two", "nonsense"]},
            {"headers": {"x-a": "1", "x-b": "two"}},
        ),
        ({"username": "u", "password": "p"}, {"headers": {"authorization": "Basic dTpw"}}),
        ({"auth": ["u", "p"]}, {"headers": {"authorization": "Basic dTpw"}}),
    ],
)
def test_what_is_sent(http: ModuleType, url: str, given: dict[str, Any], is_sent: dict[str, Any]) -> None:
    found = http.query(f"{url}/x", **given)
    assert set(found) == {"body"}
    assert {name: value for name, value in sent(found).items() if name in is_sent} == is_sent


def test_what_comes_back_is_what_was_asked_for(http: ModuleType, url: str) -> None:
    found = http.query(f"{url}/yaml", status=True, headers=True, text=True, decode=True)
    assert found["headers"]["Content-Type"] == "application/yaml"
    assert {name: found[name] for name in ("status", "text", "dict", "body")} == {
        "status": 200,
        "text": "a: [1, 2]\n",
        "dict": {"a": [1, 2]},
        "body": "a: [1, 2]\n",
    }


@pytest.mark.parametrize(
    ("path", "given", "comes"),
    [
        ("/404", {}, {"status": 404, "error": "HTTP 404: Not Found", "body": "nothing here"}),
        ("/404", {"raise_error": False, "status": True}, {"status": 404, "body": "nothing here"}),
        ("/500", {"text": True}, {"status": 500, "error": "HTTP 500: Internal Server Error", "body": "oh"}),
        ("/xml", {"decode": True}, {"body": PAGES["/xml"][2].decode(), "dict": [{"a": "1"}, {"c": ["x", {"c": "y"}]}]}),
        ("/text", {"text": True}, {"body": "ü", "text": "ü"}),
        ("/text", {"decode": True}, {"body": "ü", "text": "ü"}),
        ("/odd", {}, {"body": "ü"}),
        ("/gzip", {}, {"body": "x" * 2000}),
        ("/text", {"decode_body": False}, {"body": b"\xfc"}),
        ("/x", {"test": True}, {}),
    ],
)
def test_answers(http: ModuleType, url: str, path: str, given: dict[str, Any], comes: dict[str, Any]) -> None:
    assert http.query(url + path, **given) == comes


def test_a_kind_that_can_not_be_decoded(http: ModuleType, url: str) -> None:
    found = http.query(f"{url}/x", decode=True, decode_type="nope")
    assert found["error"] == "Invalid decode_type specified. Valid decode types are: ('json', 'xml', 'yaml', 'plain')"
    for path, says in (
        ("/bad", "Expecting property name"),
        ("/bomb", "document type"),
        ("/laughs", "holds itself"),
        ("/notgzip", "no gzip"),
    ):
        with pytest.raises(CommandError, match=says):
            http.query(url + path, decode=True)


def test_redirections(http: ModuleType, url: str) -> None:
    assert sent(http.query(f"{url}/redir"))["path"] == "/there"
    assert "is not allowed" in http.query(f"{url}/tofile")["error"]
    assert "neither http nor https" in http.query(f"{url}/toftp")["error"]
    assert "error" in http.query(f"{url}/loop")


def test_another_host_does_not_learn_who_asks(http: ModuleType, url: str) -> None:
    given = {"username": "u", "password": "p", "header_dict": {"Cookie": "c"}}
    assert set(sent(http.query(f"{url}/x", **given))["headers"]) == {"authorization", "cookie"}
    assert sent(http.query(f"{url}/elsewhere", **given))["headers"] == {}


@pytest.mark.parametrize("path", ["/deflate", "/rawdeflate"])
def test_deflate_with_and_without_the_head_of_zlib(http: ModuleType, url: str, path: str) -> None:
    assert http.query(url + path)["body"] == "xyz"


def test_an_answer_is_bounded(http: ModuleType, minion: Any, url: str) -> None:
    minion.opts["http_max_body"] = 1000
    for path in ("/gzip", f"/{'x' * 1200}"):
        with pytest.raises(CommandError, match="more than 1,000 bytes"):
            http.query(url + path)


def test_files(http: ModuleType, url: str, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("port={{ port }}")
    (tmp_path / "headers").write_text("X-A: {{ 1 }}\n")
    given = {"template_dict": {"port": 80}, "data_render": True, "header_render": True, "method": "POST"}
    found = sent(http.query(f"{url}/x", data_file=f"{tmp_path}/data", header_file=f"{tmp_path}/headers", **given))
    assert (found["body"], found["headers"]["x-a"]) == ("port=80", "1")
    (tmp_path / "h").write_text("")
    http.query(
        f"{url}/yaml", text_out=f"{tmp_path}/t", headers_out=f"{tmp_path}/h", decode=True, decode_out=f"{tmp_path}/d"
    )
    assert (tmp_path / "t").read_text() == (tmp_path / "d").read_text() == "a: [1, 2]\n"
    assert "Content-Type: application/yaml\n" in (tmp_path / "h").read_text()
    with pytest.raises(CommandError, match="can't be read"):
        http.query(f"{url}/x", data_file=f"{tmp_path}/missing")
    with pytest.raises(CommandError, match="absolute path"):
        http.query(f"{url}/x", text_out="relative")


@pytest.mark.parametrize(
    "bad", ["file:///etc/passwd", "ftp://x/", "nonsense", "http:///x", "http://a b/", "http://x:y/"]
)
def test_other_urls_are_refused(http: ModuleType, bad: str) -> None:
    try:
        found = http.query(bad)
    except CommandError as error:
        found = {"error": str(error)}
    assert "\n" not in found["error"]
    assert "body" not in found


@pytest.mark.parametrize(
    ("bad", "given"),
    [
        ("http://me:hunter2@h:x/", {}),
        ("http://h:x/?token=hunter2", {}),
        ("http://127.0.0.1:1/", {"header_dict": {"Authorization": "Bearer hunter2\n"}}),
        ("http://127.0.0.1:1/", {"header_dict": {"X: hunter2\n": "x"}}),
    ],
)
def test_no_error_holds_a_password(http: ModuleType, bad: str, given: dict[str, Any]) -> None:
    with pytest.raises(CommandError) as caught:
        http.query(bad, **given)
    assert "hunter2" not in str(caught.value)


def test_a_redirection_from_https_does_not_tell_who_asks() -> None:
    asked = urllib.request.Request("https://h:1/", headers={"Authorization": "x"})
    there = _http._Redirects().redirect_request(asked, io.BytesIO(), 302, "", Message(), "http://h:1/")
    assert there.headers == {}


def test_options_that_are_not_here(http: ModuleType, url: str) -> None:
    with pytest.raises(CommandError, match="cookies isn't here"):
        http.query(f"{url}/x", cookies=True)
    with pytest.raises(ArgumentError, match="no option 'nope'"):
        http.query(f"{url}/x", nope=1)
    assert "body" in http.query(f"{url}/x", cookies=None, node="master", __pub_jid="1")
    with pytest.raises(CommandError, match="certificates can't be read"):
        http.query(f"{url}/x", ca_bundle="/nowhere")


def test_a_proxy_is_used_but_where_it_is_not_to_be() -> None:
    opts = {"proxy_host": "p", "proxy_port": 8080, "proxy_username": "u:", "proxy_password": "@", "no_proxy": ["in"]}
    assert _http_query._proxies("https://out/", opts)["https"] == "http://u%3A:%40@p:8080"
    assert _http_query._proxies("http://in/", opts) == {}


def test_waiting_ends(http: ModuleType, url: str) -> None:
    assert http.wait_for_successful_query(f"{url}/404", wait_for=0)["status"] == 404
    assert "body" in http.wait_for_successful_query(f"{url}/x", wait_for=5)
    with pytest.raises(CommandError, match="Unsupported url scheme"):
        http.wait_for_successful_query("nonsense", wait_for=0)
