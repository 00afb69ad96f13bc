"""Under which names the server answers: pages that rebind their own name get nothing."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.http.hosts import ANY, Hosts
from saltern_graphite.http.app import HttpSettings
from saltern_graphite.process.options import ServerOptions
from saltern_graphite.process.server import Server
from saltern_graphite.store.store import Store
from support.http_api import FolderApi, FolderStore

PATHS = ["/metrics/find?query=*", "/render?target=constantLine(1)&format=json", "/health", "/metrics", "/tags", "/nix"]


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


@pytest.mark.parametrize("path", PATHS)
def test_a_name_that_someone_else_points_here_gets_nothing(store: FolderStore, path: str) -> None:
    api = FolderApi(store)
    answer = api.send("GET", path, headers={"host": "Evil.example:8080"})
    assert answer.status_code == 421
    assert answer.text == (
        "this server does not answer under the name 'Evil.example': ask by its address or host name, or start it with "
        "--http-host and that name\n"
    )
    assert api.totals()["requestsMisdirected"] == 1


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "HEAD", "DELETE"])
def test_whatever_is_asked(store: FolderStore, method: str) -> None:
    headers = {"host": "evil.example", "origin": "http://evil.example"}
    assert FolderApi(store).send(method, "/events/", headers=headers).status_code == 421
    every = FolderApi(store, HttpSettings(cors_origins=("*",)))
    assert every.send(method, "/events/", headers=headers).status_code == 421


@pytest.mark.parametrize(
    "host",
    ["localhost", "LocalHost:8080", "localhost.", "127.0.0.1:8080", "10.1.2.3", "[::1]:8080", "[fe80::1]", "graphite",
     "Graphite:8080", "graphite.example.org.", socket.gethostname(), f"{socket.gethostname().upper()}:1"],
)  # fmt: skip
def test_addresses_and_own_names_are_answered(store: FolderStore, host: str) -> None:
    api = FolderApi(store, HttpSettings(hosts=("graphite", "Graphite.example.org")))
    assert api.send("GET", "/version", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["", ":8080", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "graphite.evil.example", "[::1",
     "::1", "[127.0.0.1]", "[evil.example]:80", "127.1", "2130706433", "*", "localhost:80@evil.example",
     "a\tlocalhost"],
)  # fmt: skip
def test_what_only_looks_like_them_is_not(host: str) -> None:
    assert not Hosts(["graphite"]).admit(host)


@given(st.text())
def test_any_text_is_a_name_or_none(text: str) -> None:
    assert Hosts([ANY]).admit(text)
    Hosts().admit(text)


def test_any_name_where_that_was_asked_for(store: FolderStore) -> None:
    api = FolderApi(store, HttpSettings(hosts=(ANY,)))
    assert api.send("GET", "/version", headers={"host": "evil.example"}).status_code == 200


async def _ask(root: Path, heads: list[bytes], host: str = "127.0.0.1", **settings: tuple[str, ...]) -> list[bytes]:
    """What a read-only server at *host* says to each of *heads*: the first line of its answer."""
    http = HttpSettings(**settings)  # type: ignore[arg-type]  # hosts alone
    server = Server(str(root), Store(str(root)), ServerOptions(http=(host, 0), http_settings=http, read_only=True))
    await server.start()
    try:
        port = int(str(server.endpoints["http"]).rpartition(":")[2])
        lines = []
        for head in heads:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head)
            lines.append((await reader.read()).partition(b"\r\n")[0])
            writer.close()
        return lines
    finally:
        await server.stop()


def test_both_families_come_to_one_port(tmp_path: Path) -> None:
    lines = asyncio.run(asyncio.wait_for(_ask(tmp_path, [b"GET /version HTTP/1.0\r\n\r\n"], "::"), 20))
    assert [line.split()[1] for line in lines] == [b"200"]


def test_the_real_server(tmp_path: Path) -> None:
    end = b"\r\nConnection: close\r\n\r\n"
    heads = [
        b"GET /version HTTP/1.1\r\nHost: evil.example" + end,
        b"GET /version HTTP/1.1\r\nHost: graphite:8080" + end,
        b"GET /version HTTP/1.1\r\nHost: localhost\r\nHost: evil.example" + end,
        b"GET /version HTTP/1.1\r\nX: y" + end,
        b"GET /version HTTP/1.0\r\n\r\n",
        b"GET /version HTTP/1.0\r\nHost: evil.example\r\n\r\n",
    ]
    lines = asyncio.run(asyncio.wait_for(_ask(tmp_path, heads, hosts=("graphite",)), 20))
    assert [line.split()[1] for line in lines] == [b"421", b"200", b"400", b"400", b"200", b"421"]


def test_the_name_that_it_is_bound_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = socket.create_server
    monkeypatch.setattr(socket, "create_server", lambda where, **how: create(("127.0.0.1", where[1]), **how))
    head = b"GET /version HTTP/1.1\r\nHost: Store.lan\r\nConnection: close\r\n\r\n"
    (line,) = asyncio.run(asyncio.wait_for(_ask(tmp_path, [head], "store.lan"), 20))
    assert line.startswith(b"HTTP/1.1 200")


def test_the_machines_name_with_its_domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: "store.example.org")
    head = b"GET /version HTTP/1.1\r\nHost: store.example.org\r\nConnection: close\r\n\r\n"

    async def until_known() -> None:  # it is asked for in a thread of its own: a name server may be slow
        while not (await _ask(tmp_path, [head]))[0].startswith(b"HTTP/1.1 200"):
            pass

    asyncio.run(asyncio.wait_for(until_known(), 20))
