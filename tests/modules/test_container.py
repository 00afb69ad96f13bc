"""Control groups, a real one among them, and a container that is shown the host's ``/proc``."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_modules.collectors import container
from saltern_modules.collectors.reading import cgroup_files, own_groups
from saltern_modules.collectors.sampler import Sampler

MIB = 1 << 20
MEMORY = Path("/sys/fs/cgroup/memory")
UNIFIED = Path("/sys/fs/cgroup")


def test_the_lines_of_a_process() -> None:
    data = b"12:cpu,cpuacct:/docker/1\n1:name=systemd:/a:b\n0::/x.slice\nnonsense\n"
    assert own_groups.parse_cgroup(data) == {
        "cpu": ("cpu,cpuacct", "/docker/1"),
        "cpuacct": ("cpu,cpuacct", "/docker/1"),
        "name=systemd": ("name=systemd", "/a:b"),
        "": ("", "/x.slice"),
    }


@pytest.mark.parametrize(("text", "count"), [("0-3,8\n", 5), ("0\n", 1), ("", 0), ("0-x", 0), ("2,5", 2)])
def test_lists_of_processors(text: str, count: int) -> None:
    assert own_groups.count_cpus(text) == count


@pytest.mark.parametrize(
    ("text", "limit"),
    [("max\n", None), ("9223372036854771712\n", None), ("209715200\n", 209715200), ("", None), ("-1\n", None)],
)
def test_no_limit_is_no_number(tmp_path: Path, text: str, limit: int | None) -> None:
    for version, name in ((1, "memory.limit_in_bytes"), (2, "memory.max")):
        (tmp_path / name).write_text(text)
        assert own_groups.memory_limit(str(tmp_path), version) == limit


@pytest.mark.parametrize(("quota", "limit"), [("-1", None), ("0", None), ("250000", 2.5)])
def test_quotas(tmp_path: Path, quota: str, limit: float | None) -> None:
    (tmp_path / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "cpu.max").write_text(f"{'max' if limit is None else quota} 100000\n")
    assert own_groups.cpu_limit(str(tmp_path), 1) == own_groups.cpu_limit(str(tmp_path), 2) == limit


def test_a_path_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "fs/cgroup").mkdir(parents=True)
    (tmp_path / "fs/cgroup/memory.current").touch()
    (tmp_path / "fs/memory.current").touch()
    found = own_groups.find(b"0::/../../x\n", str(tmp_path), "memory", "a|memory.current")
    assert found == own_groups.Group(2, (f"{tmp_path}/fs/cgroup",))


def test_groups_are_told_from_the_own_one_outwards(tmp_path: Path) -> None:
    (tmp_path / "fs/cgroup/a/b").mkdir(parents=True)
    for folder in ("a/b", "a"):
        (tmp_path / "fs/cgroup" / folder / "memory.current").touch()
    found = own_groups.find(b"0::/a/b\n", str(tmp_path), "memory", "x|memory.current")
    assert found == own_groups.Group(2, (f"{tmp_path}/fs/cgroup/a/b", f"{tmp_path}/fs/cgroup/a"))
    assert own_groups.limiting(found, own_groups.memory_limit) == f"{tmp_path}/fs/cgroup/a/b"


def test_a_host_without_limits_has_no_container(minion: Any, tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/system.slice/saltern-agent.service\n")
    group = tmp_path / "sys/fs/cgroup/system.slice/saltern-agent.service"
    group.mkdir(parents=True)
    (group / "memory.current").write_text("1000\n")
    (group / "memory.max").write_text("max\n")
    minion.opts.update(proc_root=f"{tmp_path}/proc", sys_root=f"{tmp_path}/sys")
    why = minion.load("stats").explain("container")["container"]["why"]
    assert why == "the agent is in no container, and its control group has no limit"
    (group / "memory.max").write_text("2000\n")
    assert minion.load("stats").get("container")["container"]["memory"]["percent"] == 50.0


@pytest.mark.parametrize(
    ("own", "outer", "told"), [("max", "100", (40, 100)), ("9", "100", (5, 9)), ("max", "max", (5, None))]
)
def test_a_limit_further_out_is_that_of_processes_too(
    tmp_path: Path, own: str, outer: str, told: tuple[int, int | None]
) -> None:
    """A pod's limit of processes (kubelet's podPidsLimit) is on the group around its containers."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/pod/own\n")
    for name, used, limit in (("pod", 40, outer), ("pod/own", 5, own)):
        group = tmp_path / "sys/fs/cgroup" / name
        group.mkdir(parents=True)
        (group / "pids.current").write_text(f"{used}\n")
        (group / "pids.max").write_text(f"{limit}\n")
    opts = {
        "proc_root": f"{tmp_path}/proc",
        "sys_root": f"{tmp_path}/sys",
        "stats": {"collectors": {"container": True}},
    }
    (tmp_path / "sys/fs/cgroup/pod/memory.max").write_text("2000\n")
    (tmp_path / "sys/fs/cgroup/pod/memory.current").write_text("1000\n")
    found = Sampler(opts).sample()["container"]["pids"]
    assert (found["used"], found.get("limit")) == told


def python(script: str, *before: str) -> dict[str, Any]:
    """Run a script behind the command *before*; return what it prints as JSON."""
    command = [*before, sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def limited() -> Iterator[Path]:
    """A control group of 200 MiB, of whichever version is mounted; the test is skipped where it may make none."""
    first = (MEMORY / "memory.limit_in_bytes").exists()
    group = (MEMORY if first else UNIFIED) / f"saltern-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / ("memory.limit_in_bytes" if first else "memory.max")).write_text(str(200 * MIB))
    except OSError as error:
        if group.exists():
            group.rmdir()
        pytest.skip(f"this test needs a control group of its own: {error}")
    yield group
    group.rmdir()


def test_in_a_group_of_200_mib_that_is_what_there_is(limited: Path) -> None:
    found = python(
        f"""
        import json, os
        open("{limited}/cgroup.procs", "w").write(str(os.getpid()))
        from saltern_modules.collectors.sampler import Sampler
        ballast = b"x" * (20 << 20)
        print(json.dumps(Sampler({{}}).sample()))
        """
    )
    assert found["container"]["memory"]["limit"] == 200 * MIB
    assert 20 * MIB < found["container"]["memory"]["used"] < 200 * MIB
    assert found["container"]["memory"]["oom_kills"] == 0
    assert found["memory"]["total"] > 200 * MIB
    assert found["collector"]["container"]["success"] == 1


def test_a_container_that_is_shown_the_hosts_proc_measures_the_host(tmp_path: Path) -> None:
    (tmp_path / "hp").mkdir()
    inside = f'mount --rbind /proc {tmp_path}/hp && mount -t proc proc /proc && exec "$@"'
    enter = ("unshare", "--mount", "--net", "--pid", "--fork", "sh", "-c", inside, "sh")
    if subprocess.run([*enter, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this test needs namespaces of its own")
    script = f"""
        import json
        from saltern_modules.collectors.sampler import Sampler
        print(json.dumps([Sampler({{"proc_root": root}}).sample() for root in ("{tmp_path}/hp", "/proc")]))
    """
    with socket.create_server(("127.0.0.1", 0)):
        here = Sampler({}).sample()
        host, own = python(script, *enter)
    assert set(host["net"]) == set(here["net"])
    assert host["net"]["lo"]["rx_bytes"] >= here["net"]["lo"]["rx_bytes"]
    assert own["net"]["lo"]["rx_bytes"] == 0
    assert host["sockets"]["tcp"]["in_use"] >= 1
    assert own["sockets"]["tcp"]["in_use"] == 0
    assert set(host["disk"]) == set(here["disk"])
    assert host["disk"]["root"]["total"] == here["disk"]["root"]["total"]
    assert host["processes"]["total"] > own["processes"]["total"]
    assert host["agent"]["rss_bytes"] > 0
    assert {cost["success"] for cost in host["collector"].values()} == {1}


WORDS = st.sampled_from(
    ["8:0", "Read", "Write", "rbytes=1", "wbytes=x", "nr_periods 5", "0::/a", "1:cpu:/", "9" * 5000, "²"]
)


@given(text=st.binary(max_size=200) | st.lists(WORDS, max_size=20).map(" ".join).map(str.encode))
def test_anything_is_read(text: bytes) -> None:
    assert all(value >= 0 for value in cgroup_files.parse_io(text).values())
    assert all(value >= 0 for value in container.cpu_counters(text, text).values())
    own_groups.count_cpus(text.decode("utf-8", "replace")[:4000])
    own_groups.parse_cgroup(text)
