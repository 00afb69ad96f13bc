"""The proxymodule that ``docs/proxies.md`` shows does what is said there."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.one_device import OneDevice, library_of

TEXT = (Path(__file__).parents[2] / "docs" / "proxies.md").read_text()
ANSWERS = {"ping": "pong", "serial": "T-1", "temperature": "21.5", "valve": "40", "target 19.5": "ok"}


@pytest.fixture
def port() -> Iterator[int]:
    """Run a thermostat."""

    class Thermostat(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                self.wfile.write(f"{ANSWERS.get(line.decode().strip(), 'what?')}\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Thermostat) as server:
        server.daemon_threads = True
        listening = threading.Thread(target=server.serve_forever, daemon=True)
        listening.start()
        yield server.server_address[1]
        server.shutdown()
        listening.join()


def test_the_thermostat_of_the_documentation_works(tmp_path: Path, port: int) -> None:
    proxymodule, module = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)[:2]
    files = {"_proxy/thermostat.py": proxymodule, "_modules/thermostat.py": module}
    library = library_of(tmp_path, files)
    proxy = {"proxytype": "thermostat", "host": "127.0.0.1", "port": port}
    first, second = (OneDevice(library, proxy, name).open() for name in ("hall", "attic"))
    assert first.call("test.ping") is True
    assert first.call("thermostat.target", 19.5) is True
    assert first.call("grains.item", "os", "serial") == {"os": "ThermOS", "serial": "T-1"}
    assert second.call("stats.collect")["room_c"] == 21.5
    first.proxied.close()
    assert second.call("test.ping") is True
    second.proxied.close()
