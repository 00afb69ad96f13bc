"""docs/scaling.md: what it says is tested is, and the parts that no other test starts work too."""

from __future__ import annotations

import re
import shlex
import socket
import sys
import time
import urllib.request
from pathlib import Path

import yaml

from support.ports import free_port, listens
from support.programs import Program
from support.scaling_doc import block, names
from support.stacks import wait_for
from support.stores import SalternStore

_USED = re.compile(r'\b(?:block|CarbonCRelay)\((?:tmp_path / "relay", )?"([\w-]+)"')


def test_every_block_that_claims_it_is_used_by_a_test() -> None:
    sources = [*Path(__file__).parent.glob("test_lineup_*.py"), *(Path(__file__).parents[1] / "support").glob("*.py")]
    used = {name for path in sources for name in _USED.findall(path.read_text())}
    assert names() == used


def test_the_command_of_a_store_serves(tmp_path: Path) -> None:
    line, http = free_port(), free_port()
    replaced = {
        "/var/lib/saltern/graphite": tmp_path,
        "0.0.0.0:2003": f"127.0.0.1:{line}",
        "0.0.0.0:2004": "127.0.0.1:0",
    }
    command = shlex.split(block("store", {**replaced, "0.0.0.0:8080": f"127.0.0.1:{http}"}))
    assert command[0] == "saltern-graphite"
    store = SalternStore(tmp_path / "questions")
    store.endpoints["http"] = f"http://127.0.0.1:{http}"
    now = int(time.time())
    argv = [sys.executable, "-m", "saltern_graphite", *command[1:]]
    with Program(argv, tmp_path / "console", lambda: listens(http) and listens(line)):
        with socket.create_connection(("127.0.0.1", line)) as sender:
            sender.sendall(f"a.b 1 {now}\n".encode())
        found = wait_for(lambda: store.points("a.b", now - 60, now), "the point")
    assert list(found["a.b"].values()) == [1.0]


def test_the_data_sources_of_grafana_are_the_stores(tmp_path: Path) -> None:
    with SalternStore(tmp_path / "a") as one, SalternStore(tmp_path / "b") as other:
        stores = [one, other, other]
        addresses = {f"http://10.0.0.1{n}:8080": store.endpoints["http"] for n, store in enumerate(stores, start=1)}
        sources = yaml.safe_load(block("grafana", addresses))["datasources"]
        for source, store in zip(sources, stores, strict=True):
            assert (source["type"], source["url"]) == ("graphite", store.endpoints["http"])
            with urllib.request.urlopen(f"{source['url']}/version", timeout=20) as answer:
                assert answer.read().decode().startswith(f"{source['jsonData']['graphiteVersion']}.")
        assert len({source["uid"] for source in sources}) == len(sources)
