"""Our own metrics beside those of a real carbon-cache: dashboards made for its names find them all."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from support.carbon import CarbonCache
from support.graphite_faults import FaultServer
from support.stacks import wait_for
from support.whisper_trees import in_file


def names(tree: Path) -> set[str]:
    """Return the names of a server's own metrics, without the part that says which server's."""
    (own,) = [path for path in (tree / "carbon" / "agents").glob("*-a") if path.is_dir()] or [tree]
    return {path.relative_to(own).with_suffix("").as_posix().replace("/", ".") for path in own.rglob("*.wsp")}


@pytest.mark.timeout(120)
def test_carbons_own_metrics_are_all_there_under_its_names(tmp_path: Path) -> None:
    carbon = CarbonCache(tmp_path / "carbon")
    conf = tmp_path / "carbon" / "conf" / "carbon.conf"
    conf.write_text(conf.read_text() + "CARBON_METRIC_INTERVAL = 1\n")
    tree = tmp_path / "ours" / "whisper"
    try:
        carbon.start()
        with (
            FaultServer(tmp_path / "ours", console=tmp_path / "console") as server,
            server.connect("line") as ours,
            socket.create_connection(("127.0.0.1", carbon.port), 10) as theirs,
        ):
            last = ("pointsPerUpdate", "memUsage")

            def both() -> bool:
                for sock in (ours, theirs):
                    sock.sendall(f"a.b 1 {int(time.time())}\n".encode())
                return all(set(last) <= names(where) for where in (tree, carbon.root / "whisper"))

            wait_for(both, "both servers' own metrics", 40)
            host = socket.gethostname().replace(".", "_")
            carbons = names(carbon.root / "whisper")
            assert {"metricsReceived", "committedPoints", "cache.size", "activeConnections"} <= carbons
            wait_for(lambda: carbons <= names(tree), f"all of {carbons}")
            wait_for(lambda: 1.0 in in_file(tree, f"carbon.agents.{host}-a.activeConnections").values(), "our sender")
            received = in_file(tree, f"carbon.agents.{host}-a.metricsReceived")
            assert sum(received.values()) > 0
    finally:
        carbon.stop()
