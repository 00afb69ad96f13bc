"""The tag index of the real program on a disk that is full, and series that come back into it after a deletion."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import whisper

from saltern_graphite.rules.metric_name import relative_path
from saltern_graphite.tags.tagged_name import readable_path
from support.graphite_faults import FaultServer
from support.mounts import tmpfs
from support.stacks import wait_for

NAMES = [f"cpu;host=w{number:03};why={'x' * 300}" for number in range(200)]

pytestmark = pytest.mark.timeout(120)


def get(server: FaultServer, path: str, **params: str) -> Any:
    url = f"{server.endpoints['http']}{path}?{urllib.parse.urlencode(params)}"
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


def send(server: FaultServer, names: list[str], value: float = 1.0, at: int | None = None) -> None:
    with server.connect("line") as sender:
        sender.sendall("".join(f"{name} {value} {at or int(time.time())}\n" for name in names).encode())


def found(server: FaultServer, expression: str = "name=cpu") -> list[str]:
    names: list[str] = get(server, "/tags/findSeries", expr=expression)
    return names


def told(server: FaultServer) -> tuple[object, ...]:
    tags = server.health()[1]["tags"]
    return tags["series"], tags["waiting"], tags["error"]


def scraped(server: FaultServer, name: str) -> float:
    (line,) = [line for line in server.scrape().splitlines() if line.startswith(f"saltern_graphite_{name} ")]
    return float(line.rpartition(" ")[2])


def test_a_full_disk_keeps_series_waiting_and_is_told(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with (
        tmpfs(root / "db", "size=1m") as mount,
        FaultServer(root, console=tmp_path / "console") as server,
    ):
        send(server, NAMES[:20])
        wait_for(lambda: found(server) == NAMES[:20], "the first")
        wait_for(lambda: told(server) == (20, 0, ""), "the file")
        mount.fill()
        send(server, NAMES)
        wait_for(lambda: "full" in server.health()[1]["tags"]["error"], "the fault to be told")
        status, health = server.health()
        assert (status, health["ok"], health["error"]) == (200, True, "")
        assert told(server)[:2] == (20, 180)
        assert "\n" not in health["tags"]["error"]
        assert scraped(server, "tag_index_waiting") == 180
        assert scraped(server, "tag_index_failures_total") > 0
        assert scraped(server, "ok") == 1
        assert found(server) == NAMES  # what waits is found too
        mount.make_room()
        wait_for(lambda: told(server) == (200, 0, ""), "all", 30)
        assert found(server) == NAMES
        assert len(server.lines("tagged series can't be entered")) == 1
        assert len(server.lines("tagged series are entered again")) == 1
        assert "Traceback" not in server.log()
        assert server.end() == 0
        server.start()
        assert found(server) == NAMES


def test_a_deleted_series_that_still_arrives_comes_back(tmp_path: Path) -> None:
    with FaultServer(tmp_path / "root", console=tmp_path / "console") as server:
        spelled = ["cpu;dc=a;host=w1", "cpu;dc=a;host=w2"]
        sent = ["cpu;host=w1;dc=a", 'cpu{host="w2",dc="a"}']  # not as they are stored
        send(server, sent)
        wait_for(lambda: found(server) == spelled, "both")
        body = urllib.parse.urlencode({"path": spelled}, doseq=True).encode()
        with urllib.request.urlopen(f"{server.endpoints['http']}/tags/delSeries", body, timeout=20) as answer:
            assert json.load(answer) is True
        assert found(server) == []
        send(server, sent[1:], 2.0)
        wait_for(lambda: found(server) == spelled[1:], "the one that came")
        send(server, sent[:1], 2.0)
        wait_for(lambda: found(server) == spelled, "the other")
        rows = get(server, "/render", target="seriesByTag('dc=a')", format="json", **{"from": "-5min"})
        assert [2.0 in [value for value, _ in row["datapoints"]] for row in rows] == [True, True]


def test_a_file_that_is_named_by_its_series_goes_on(tmp_path: Path) -> None:
    tree, name, now = tmp_path / "root" / "whisper", "disk.used;dc=a", int(time.time())
    path = tree / readable_path(name)
    path.parent.mkdir(parents=True)
    whisper.create(str(path), [(1, 3600)])
    whisper.update_many(str(path), [(now - 90, 5.0), (now - 60, 6.0)], now=now)
    with FaultServer(tmp_path / "root", console=tmp_path / "console") as server:
        wait_for(lambda: found(server, "dc=a") == [name], "the scan")
        for value in (7.0, 8.0):
            send(server, [name], value, now - 50 + int(value))
            wait_for(lambda value=value: value in whisper.fetch(str(path), now - 100)[1], "the point")  # type: ignore[misc]
        (row,) = get(server, "/render", target="seriesByTag('dc=a')", format="json", **{"from": "-10min"})
        known = {at - now: value for value, at in row["datapoints"] if value is not None}
        assert known == {-90: 5.0, -60: 6.0, -43: 7.0, -42: 8.0}
        assert not (tree / relative_path(name)).exists()
