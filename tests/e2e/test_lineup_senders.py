"""Senders and readers that no one here wrote, at a real store: what they send is on ``/render`` and in the files."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import graphyte
import pytest

from support.ports import free_port
from support.programs import Program
from support.scaling_doc import block
from support.stacks import wait_for
from support.stores import SalternStore

FLUSH_INTERVAL_S = 1
COLLECTD_LEAVES = ("load.load.shortterm", "memory.memory-free", "cpu-0.cpu-idle")
COLLECTD_POINTS = 3


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SalternStore]:
    """A store whose TCP and UDP ports have one number, as 2003 is in real life."""
    one = SalternStore(tmp_path / "store", "--flush-interval", str(FLUSH_INTERVAL_S))
    port = free_port()
    one.endpoints |= {"line": f"127.0.0.1:{port}", "udp": f"127.0.0.1:{port}"}
    with one:
        yield one


def address_of(store: SalternStore) -> dict[str, object]:
    """Return what stands for the document's address of a store."""
    return {"10.0.0.11": "127.0.0.1", "2003": store.port("line")}


def values(store: SalternStore, name: str, since: int) -> list[float]:
    """Return the values of a metric, oldest first, as ``/render`` has them."""
    found = store.points(name, since, int(time.time()) + 1).get(name, {})
    return [value for _, value in sorted(found.items())]


def read_back(store: SalternStore, name: str, since: int) -> list[float]:
    """Wait until a metric is on ``/render`` and in its file, as the whisper library reads it; return the values."""
    shown: list[float] = wait_for(lambda: values(store, name, since), f"{name} on /render")
    wait_for(lambda: len(store.in_file(name, since - 1)) >= len(shown), f"{name} in its file")
    in_file = store.in_file(name, since - 1)
    assert [value for _, value in sorted(in_file.items())][: len(shown)] == shown
    return shown


def test_shell_programs(tmp_path: Path, store: SalternStore) -> None:
    began = int(time.time()) - 1
    script = block("shell", address_of(store))
    done = subprocess.run(["bash", "-ec", script], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("shell.nc", "shell.nc_udp", "shell.bash"):
        assert read_back(store, name, began) == [42.0]


def test_graphyte_in_its_own_ways(store: SalternStore) -> None:
    began, port = int(time.time()) - 1, store.port("line")
    graphyte.Sender("127.0.0.1", port, prefix="graphyte", raise_send_errors=True).send("tcp", 1.5)
    graphyte.Sender("127.0.0.1", port, prefix="graphyte", protocol="udp", raise_send_errors=True).send("udp", -2)
    tagged = graphyte.Sender("127.0.0.1", port, raise_send_errors=True, tags={"dc": "a"})
    tagged.send("graphyte.tagged", 3, tags={"host": "web01"})
    background = graphyte.Sender("127.0.0.1", port, prefix="graphyte", interval=0.1, queue_size=1000)
    for n in range(500):
        background.send(f"many.m{n}", n)
    background.stop()
    assert read_back(store, "graphyte.tcp", began) == [1.5]
    assert read_back(store, "graphyte.udp", began) == [-2.0]
    digest = hashlib.sha256(b"graphyte.tagged;dc=a;host=web01").hexdigest()
    tagged_file = f"_tagged.{digest[:3]}.{digest[3:6]}.{digest}"  # where graphite-web looks for it
    wait_for(lambda: list(store.in_file(tagged_file, began - 1).values()) == [3.0], "the tagged metric")
    wait_for(
        lambda: len(store.points("graphyte.many.*", began, int(time.time()) + 1)) == 500, "all of the background's"
    )


@pytest.mark.timeout(120)
def test_collectd_over_tcp_and_udp(tmp_path: Path, store: SalternStore) -> None:
    began, folder = int(time.time()), tmp_path / "collectd"
    folder.mkdir()
    conf = folder / "collectd.conf"
    own = f'BaseDir "{folder}"\nPIDFile "{folder}/pid"\n'
    conf.write_text(own + block("collectd", {**address_of(store), "Interval 15": "Interval 1"}))
    prefixes = ("collectd", "collectd_udp")
    names = [f"{prefix}.web01_example_com.{leaf}" for prefix in prefixes for leaf in COLLECTD_LEAVES]
    with Program(["/usr/sbin/collectd", "-f", "-C", str(conf)], folder / "log") as collectd:
        for name in names:
            wait_for(lambda name=name: len(values(store, name, began)) >= COLLECTD_POINTS, name, 40)  # type: ignore[misc]
        collectd.end()
        said = collectd.log()
    assert "write_graphite plugin: " not in said  # that is how it reports errors
    for name in names:
        assert len(read_back(store, name, began)) >= COLLECTD_POINTS
    by_tcp, by_udp = (
        {name.partition(".")[2] for name in store.get("/metrics/index.json") if name.startswith(f"{prefix}.")}
        for prefix in prefixes
    )
    assert by_tcp == by_udp
    assert not store.get("/health")["error"]


def test_debian_tools_read_the_files(store: SalternStore) -> None:
    began = int(time.time()) - 1
    subprocess.run(
        ["nc", "-N", "127.0.0.1", str(store.port("line"))],
        input=f"read.me 17.25 {began}\n",
        text=True,
        timeout=20,
        check=True,
    )
    read_back(store, "read.me", began)
    path = str(store.path("read.me"))

    def run(command: str) -> str:
        return subprocess.run(
            ["env", "-i", *shlex.split(command), path], capture_output=True, text=True, timeout=20, check=True
        ).stdout

    info = json.loads(run("/usr/bin/whisper-info --json"))
    steps = [(archive["secondsPerPoint"], archive["points"]) for archive in info["archives"]]
    assert steps == [(1, 3600), (60, 1440)]
    assert (info["aggregationMethod"], info["fileSize"]) == ("average", Path(path).stat().st_size)
    fetched = json.loads(run(f"/usr/bin/whisper-fetch --json --from={began - 1} --until={began + 2}"))
    at = began - fetched["start"]
    assert fetched["values"][at] == 17.25
