"""What ``saltern-up`` shows of a store: asked of it itself, whatever the environment says of proxies."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from saltern_master.up import status
from saltern_master.up.status import StatusSource


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        said: Any = {"totals": {"committedPoints": 7}}
        if asked.path == "/render":
            (target,) = parse_qs(asked.query)["target"]
            said = [{"target": target.replace("*", "web"), "datapoints": [[1.5, 1000], [None, 1015]]}]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def store() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_no_proxy_of_the_environment_is_asked(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setattr(status, "TIMEOUT_S", 20.0)
    source = StatusSource(str(tmp_path), store)
    assert set(source._render("saltern.*.stats.load.1m")) == {"saltern.web.stats.load.1m"}
    found = source.look()
    assert found.stored == 7
    assert [error for error in found.errors if "graphite" in error] == []
