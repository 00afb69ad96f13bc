"""``cp`` and URLs of others than the master: over real HTTP and FTP on loopback, with servers that do their worst."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import os
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import CommandError
from saltern_modules import _cache, _download
from saltern_modules._roots import Roots

CONTENT = b"content \xc3\xbc\n" * 100


class Web(http.server.BaseHTTPRequestHandler):
    seen: ClassVar[list[tuple[str, dict[str, str]]]] = []
    content: ClassVar[bytes] = CONTENT
    outside: ClassVar[str] = ""

    def do_GET(self) -> None:
        Web.seen.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
        tag = f'"{hashlib.md5(self.content, usedforsecurity=False).hexdigest()}"'
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", Web.outside or self.path.removeprefix("/to"))
            self.end_headers()
        elif self.path == "/none":
            self.send_error(404)
        elif self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("ETag", tag)
            short = self.path == "/short"
            told = {"/odd": "²", "/huge": "9" * 5000}.get(self.path) or str(len(self.content) + 1000 * short)
            self.send_header("Content-Length", told)
            self.end_headers()
            self.wfile.write(self.content)
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class Ftp(socketserver.StreamRequestHandler):
    """As much of a server as a download needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 hi\r\n")
        listener = None
        for raw in self.rfile:
            word, _, rest = raw.decode().strip().partition(" ")
            if word == "PASV":
                import socket

                listener = socket.create_server(("127.0.0.1", 0))
                port = listener.getsockname()[1]
                self.wfile.write(f"227 Passive (127,0,0,1,{port >> 8},{port & 255})\r\n".encode())
            elif word == "RETR" and listener is not None and rest == "d/f":
                self.wfile.write(b"150 here\r\n")
                data, _ = listener.accept()
                with data, listener:
                    data.sendall(CONTENT)
                self.wfile.write(b"226 done\r\n")
            elif word == "RETR":
                if listener is not None:
                    listener.close()
                self.wfile.write(b"550 no such file\r\n")
            elif word == "USER":
                self.wfile.write(b"331 and\r\n")
            elif word == "QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"230 ok\r\n" if word == "PASS" else b"200 ok\r\n")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    servers = {"http": Server(("127.0.0.1", 0), Web), "ftp": Server(("127.0.0.1", 0), Ftp)}
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {name: server.server_address[1] for name, server in servers.items()}
    for server in servers.values():
        server.shutdown()
        server.server_close()


@pytest.fixture
def url(ports: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(Web, "content", CONTENT)
    monkeypatch.setattr(Web, "outside", "")
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    Web.seen.clear()
    return f"http://127.0.0.1:{ports['http']}"


@pytest.fixture
def cp(minion: Any) -> Any:
    parts = [vars(minion.load(name)) for name in ("cp", "cp_cache")]
    return SimpleNamespace(**{name: part[name] for part in parts for name in part["__powers__"]})


def host_of(url: str) -> str:
    return url.removeprefix("http://").replace(":", "")


def test_a_url_goes_to_a_place_to_the_cache_or_is_shown(cp: Any, minion: Any, url: str, tmp_path: Path) -> None:
    dest = tmp_path / "f"
    assert cp.get_url(f"{url}/d/f.txt", str(dest)) == str(dest)
    assert dest.read_bytes() == CONTENT
    assert cp.get_url(f"{url}/d/f.txt", f"{tmp_path}/") == str(tmp_path / "f.txt")
    assert cp.get_url(f"{url}/", f"{tmp_path}/") == str(tmp_path / "index.html")
    assert cp.get_url(f"{url}/d/f.txt", str(tmp_path / "no/f")) == ""
    assert cp.get_url(f"{url}/d/f.txt", str(tmp_path / "no/f"), makedirs=True) == str(tmp_path / "no/f")
    cached = os.path.join(minion.opts["cachedir"], "extrn_files/base", host_of(url), "d/f.txt")
    assert cp.get_url(f"{url}/d/f.txt") == cp.cache_dest(f"{url}/d/f.txt") == cached
    assert Path(cached).read_bytes() == CONTENT
    assert cp.is_cached(f"{url}/d/f.txt") == cached
    assert cp.get_url(f"{url}/d/f.txt", None) == CONTENT.decode()
    assert cp.get_file_str(f"{url}/d/f.txt") == CONTENT.decode()
    assert cp.get_url(f"{url}/to/d/f.txt", None) == CONTENT.decode()
    assert Path(cp.cache_file(f"{url}/")).is_file()  # it is named as its host, which was a folder
    assert Path(cp.cache_file(f"{url}/d/f.txt")).is_file()
    assert list(tmp_path.rglob("*.part")) == list(tmp_path.rglob(".saltern*")) == []


def test_what_is_here_already_is_not_fetched_again(
    cp: Any, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = cp.cache_file(f"{url}/f", use_etag=True)
    assert Path(f"{place}.etag").read_text().startswith('"')
    Path(place).touch()
    before = Path(place).stat().st_ino
    assert cp.cache_file(f"{url}/f", use_etag=True) == place
    assert Path(place).stat().st_ino == before
    assert "if-none-match" in Web.seen[-1][1]
    monkeypatch.setattr(Web, "content", b"new")
    assert Path(cp.cache_file(f"{url}/f", use_etag=True)).read_bytes() == b"new"
    asked = len(Web.seen)
    for form in ("sha256", "md5", "sha512"):
        digest = hashlib.new(form, b"new").hexdigest()
        assert cp.cache_file(f"{url}/f", source_hash=f"{form}={digest}") == place
        assert cp.cache_file(f"{url}/f", source_hash=digest.upper()) == place
    assert len(Web.seen) == asked
    cp.cache_file(f"{url}/f", source_hash=f"sha256={'0' * 64}")
    cp.cache_file(f"{url}/f", source_hash="nonsense")
    assert len(Web.seen) == asked + 2


@pytest.mark.parametrize("path", ["odd", "huge"])
def test_a_length_that_is_none_is_passed_over(cp: Any, url: str, path: str) -> None:
    assert cp.get_url(f"{url}/{path}", None) == CONTENT.decode()


def test_what_fails_is_one_line_and_leaves_what_was_there(cp: Any, url: str, tmp_path: Path) -> None:
    dest = tmp_path / "f"
    dest.write_text("old")
    with pytest.raises(CommandError, match=r"^Error: HTTP 404: Not Found reading /none$"):
        cp.get_url(f"{url}/none", str(dest))
    with pytest.raises(CommandError, match="broke off"):
        cp.get_url(f"{url}/short", str(dest))
    with pytest.raises(CommandError, match="Connection refused reading /x"):
        cp.get_url("http://127.0.0.1:9/x", str(dest))
    with pytest.raises(CommandError, match=r"^Error: .* reading /x"):
        cp.get_url("http://127.0.0.1:notaport/x", str(dest))
    assert dest.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["f"]
    with pytest.raises(CommandError, match="absolute path"):
        cp.get_url(f"{url}/x", "relative")
    with pytest.raises(CommandError, match="is no URL"):
        cp.get_url("http://[::1/x", str(dest))
    with pytest.raises(CommandError, match="leads out of the cache"):
        cp.cache_file(f"{url}/../../../../etc/passwd")


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x", "gopher://x/"])
def test_no_redirection_leads_to_another_kind_of_place(
    cp: Any, url: str, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(Web, "outside", where)
    with pytest.raises(
        CommandError, match=r"isn't followed" if where.startswith("ftp") else r"HTTP 302: .*not allowed"
    ):
        cp.get_url(f"{url}/to/x", None)


def test_what_is_too_much_ends(cp: Any, minion: Any, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    minion.opts["max_return_bytes"] = 2000
    with pytest.raises(CommandError, match="over 500 bytes reading /x"):
        cp.get_url(f"{url}/x", None)
    monkeypatch.setattr(_download, "MAX_FILE_BYTES", 500)
    with pytest.raises(CommandError, match="over 500 bytes"):
        cp.get_url(f"{url}/x", str(tmp_path / "f"))
    assert not (tmp_path / "f").exists()


def test_a_password_goes_to_its_own_server_alone(
    cp: Any, minion: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = cp.cache_file(url.replace("http://", "http://me:s%40cret@") + "/f")
    assert "me" not in os.path.relpath(place, minion.opts["cachedir"])
    assert Web.seen[-1][1]["authorization"] == "Basic bWU6c0BjcmV0"
    monkeypatch.setattr(Web, "outside", url.replace("127.0.0.1", "localhost") + "/f")
    cp.cache_file(url.replace("http://", "http://me:secret@") + "/to/f")
    assert Web.seen[-1][0] == "/f"
    assert "authorization" not in Web.seen[-1][1]
    with pytest.raises(CommandError) as error:
        cp.cache_file("http://me:secret@127.0.0.1:9/x")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("dest", ["", None, "/tmp/x"])
def test_what_is_not_fetched_is_said(cp: Any, dest: str | None) -> None:
    with pytest.raises(CommandError, match=r"^s3:// isn't fetched here: use one of salt://, http://, https://, "):
        cp.get_url("s3://bucket/x", dest)


def test_ftp(cp: Any, ports: dict[str, int], url: str, tmp_path: Path) -> None:
    where = f"ftp://127.0.0.1:{ports['ftp']}"
    assert Path(cp.get_url(f"{where}/d/f", str(tmp_path / "f"))).read_bytes() == CONTENT
    with pytest.raises(CommandError, match=r"Could not retrieve .* from FTP server. Exception: 550 no such file"):
        cp.get_url(f"{where}/none", str(tmp_path / "g"))
    assert not (tmp_path / "g").exists()


URLS = st.text(max_size=40).map(lambda text: f"http://{text}") | st.from_regex(
    r"(https?|ftp|file)://([a-z.:@\[\]]{0,12}|\.\.?)(/(\.\.|\.|[a-z%]{0,5})){0,6}(\?[a-z/.]{0,9})?", fullmatch=True
)


@given(URLS)
def test_no_url_leads_out_of_the_cache(url: str) -> None:
    place = _cache.INVALID
    with contextlib.suppress(CommandError):  # it is no URL
        place = _cache.place_of_url({"cachedir": "/c"}, url, "base")
    assert place == _cache.INVALID or place.startswith("/c/extrn_files/base/")
    assert place == _cache.INVALID or os.path.normpath(place) == place


@pytest.mark.parametrize(
    ("roots", "said"),
    [
        ({"base": "/srv"}, "file_roots must be a map of lists"),
        ({"base": None}, "file_roots must be a map of lists"),
        ({"base": ["/srv", ""]}, "file_roots: base: must be a list of folders"),
        ({"base": [5]}, "file_roots: base: must be a list of folders"),
    ],
)
def test_files_of_this_host_are_below_folders_that_are_named(roots: object, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        Roots(roots)
