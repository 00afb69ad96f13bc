"""Hosts as users of other agents have reported them, as trees of ``/proc``: each here by its public reference.

``docs/field-reports.md`` lists them all; what needs a real kernel is in ``test_field_mounts.py`` and ``tests/e2e``.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from saltern_modules.collectors.disk import usage
from saltern_modules.collectors.sampler import Sampler
from support.folders import open_to_all

NET_HEADER = "Inter-|   Receive  |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes …\n"


class Host:
    """A tree of ``/proc`` that changes between samples; what a process sees of itself is what the host's first sees."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "sys").mkdir(parents=True)
        self._sampler = Sampler({"proc_root": str(root), "sys_root": str(root / "sys")})

    def write(self, **files: str | None) -> Host:
        """Write files (``net__dev`` is ``net/dev``), or remove them."""
        for name, text in files.items():
            path = name.replace("__", "/")
            for place in (path, f"self/{path}", f"1/{path}") if path.startswith("net/") else (path,):
                file = self.root / place
                file.parent.mkdir(parents=True, exist_ok=True)
                if text is None:
                    file.unlink()
                else:
                    file.write_text(text, encoding="utf-8")
        return self

    def sample(self, name: str) -> dict[str, Any]:
        """Return a collector's numbers, ``{}`` where it has nothing to do; it must not have failed."""
        metrics = self._sampler.sample(name)
        assert metrics["collector"].get(name, {"success": 1})["success"] == 1
        found = metrics.get(name, {})
        assert isinstance(found, dict)
        return found


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "proc")


def stat(**processors: str) -> str:
    """Return a ``/proc/stat``: ``cpu='1 2 3 4'`` and so on; columns that are left out are 0."""
    lines = [f"{name} {ticks}{' 0' * (10 - len(ticks.split()))}\n" for name, ticks in processors.items()]
    return "".join(lines) + "intr 9 1 2\nctxt 1\nprocs_running 1\nprocs_blocked 0\n"


def dev(**interfaces: int) -> str:
    """Return a ``/proc/net/dev`` in which an interface (``eth0=5``) has that value in every column."""
    return NET_HEADER + "".join(f"{name}:{f' {value}' * 16}\n" for name, value in interfaces.items())


class TestProcessors:
    def test_one_that_goes_offline_has_no_numbers_until_it_is_back(self, host: Host) -> None:
        """node_exporter#2604 (the old ones stay for ever), sysstat#327 (new ones never come), htop#648 (gaps)."""
        ran = {"cpu": "100 0 0 100", "cpu0": "50 0 0 50", "cpu1": "50 0 0 50"}
        host.write(stat=stat(**ran)).sample("cpu")
        host.write(stat=stat(cpu="150 0 0 150", cpu0="100 0 0 100", cpu7="1 0 0 1"))
        found = host.sample("cpu")
        assert (set(found) & {"0", "1", "7"}, found["count"]) == ({"0"}, 2)
        host.write(stat=stat(cpu="250 0 0 150", cpu0="150 0 0 100", cpu7="51 0 0 1"))
        assert host.sample("cpu")["7"]["percent"] == 100.0

    def test_iowait_that_falls_makes_no_peak(self, host: Host) -> None:
        """node_exporter#1372, node_exporter#1853: the kernel documents that it may."""
        host.write(stat=stat(cpu="100 0 100 1000 548281", cpu0="100 0 100 1000 548281")).sample("cpu")
        found = host.write(stat=stat(cpu="110 0 100 1090 548280", cpu0="110 0 100 1090 548280")).sample("cpu")
        assert (found["0"]["iowait"], found["0"]["user"], found["0"]["percent"]) == (0.0, 10.0, 10.0)

    def test_waiting_for_a_disk_is_not_work_and_guests_count_once(self, host: Host) -> None:
        """gopsutil#1690 (iowait counted as use), collectd#746 (columns that do not add up to 100)."""
        host.write(stat=stat(cpu="0", cpu0="0")).sample("cpu")
        found = host.write(stat=stat(cpu="60 0 10 10 20 0 0 0 60 0", cpu0="60 0 10 10 20 0 0 0 60 0")).sample("cpu")
        modes = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
        assert sum(found["0"][mode] for mode in modes) == 100.0
        assert found["0"]["percent"] == 70.0

    def test_two_samples_within_a_tick_make_no_number_up(self, host: Host) -> None:
        """psutil#1586: shares of an interval that is too short were far too low."""
        host.write(stat=stat(cpu="5 5 5 5", cpu0="5 5 5 5")).sample("cpu")
        assert not {"0", "total"} & set(host.sample("cpu"))

    def test_counters_that_begin_anew_cost_one_sample(self, host: Host) -> None:
        """telegraf#3342, telegraf#721: after a resume they failed until they had passed what they once were."""
        host.write(stat=stat(cpu="900 0 90 9000", cpu0="900 0 90 9000")).sample("cpu")
        assert not {"0", "total"} & set(host.write(stat=stat(cpu="10 0 1 10", cpu0="10 0 1 10")).sample("cpu"))
        assert host.write(stat=stat(cpu="40 0 1 80", cpu0="40 0 1 80")).sample("cpu")["0"]["percent"] == 30.0

    def test_one_that_only_counts_nothing_has_no_share(self, host: Host) -> None:
        """lxcfs#581: in a container, processors beyond its own are there and stand still."""
        host.write(stat=stat(cpu="1 0 0 1", cpu0="1 0 0 1", cpu1="0")).sample("cpu")
        found = host.write(stat=stat(cpu="2 0 0 2", cpu0="2 0 0 2", cpu1="0")).sample("cpu")
        assert "1" not in found
        assert found["total"]["percent"] == 50.0

    def test_the_total_is_the_kernels(self, host: Host) -> None:
        """collectd#2336: not a sum of those that are online now."""
        host.write(stat=stat(cpu="100 0 0 100", cpu0="1 0 0 1")).sample("cpu")
        assert host.write(stat=stat(cpu="130 0 0 110", cpu0="1 0 0 2")).sample("cpu")["total"]["percent"] == 75.0


class TestNetworks:
    def test_names_of_any_kind_are_measured(self, host: Host) -> None:
        """node_exporter#902 (old kernels' aliases have a colon), node_exporter#909 (a name may be any UTF-8)."""
        host.write(net__dev=dev(**{"ibr10": 1, "ibr10:30": 2, "💩0": 3, "eth0": 4}))
        found = host.sample("net")
        assert sorted(values["rx_bytes"] for values in found.values()) == [1, 2, 3, 4]
        assert found["eth0"]["rx_bytes"] == 4

    def test_a_counter_that_falls_has_no_rate_once(self, host: Host) -> None:
        """telegraf#4531 (a reboot), netdata#5701 (terabytes a second), psutil#802 (32 bits that wrap)."""
        host.write(net__dev=dev(eth0=4294967290)).sample("net")
        assert "rx_bytes_per_s" in host.write(net__dev=dev(eth0=4294967295)).sample("net")["eth0"]
        found = host.write(net__dev=dev(eth0=5)).sample("net")["eth0"]
        assert (found["rx_bytes"], "rx_bytes_per_s" in found) == (5, False)
        assert host.write(net__dev=dev(eth0=6)).sample("net")["eth0"]["rx_bytes_per_s"] > 0

    def test_an_interface_that_leaves_takes_no_other_along(self, host: Host) -> None:
        """node_exporter#1915: a container's interface that vanished failed the whole collector."""
        host.write(net__dev=dev(eth0=1, wg0=1)).sample("net")
        assert set(host.write(net__dev=dev(eth0=2)).sample("net")) == {"eth0"}
        found = host.write(net__dev=dev(eth0=3, wg0=9)).sample("net")
        assert "rx_bytes_per_s" not in found["wg0"]  # it was away: since when its counter counts, nobody knows

    def test_interfaces_come_by_themselves(self, host: Host) -> None:
        """diamond#201 and #410: only names that somebody had listed were measured."""
        names = ("eth0", "enp3s0", "wlan0", "ib0", "ppp0", "wg0", "bond0", "em1", "p1p1")
        host.write(net__dev=dev(**dict.fromkeys(names, 1)))
        assert set(host.sample("net")) == set(names)

    def test_what_each_start_of_a_guest_makes_anew_is_left_out(self, host: Host) -> None:
        """netdata#15206: series of interfaces that nobody meets again."""
        anew = ("veth12ab", "cali0123456789a", "vnet12", "fwbr100i0", "fwpr100p0", "fwln100i0", "tap100i0")
        anew += ("lxc0123456789ab", "1f2e3d4c5b6a798")
        stay = ("eth0", "docker0", "lxcbr0", "lxcab0", "virbr0", "vmbr0", "br-0123456789ab", "fw0", "vnet")
        host.write(net__dev=dev(**dict.fromkeys((*anew, *stay), 1)))
        assert set(host.sample("net")) == set(stay)


class TestDisks:
    @pytest.mark.parametrize("columns", [11, 15, 17, 20])
    def test_a_kernel_may_add_columns(self, host: Host, columns: int) -> None:
        """psutil#1423: Linux 4.18 added four and everything failed."""
        numbers = " ".join(str(number) for number in range(1, columns + 1))
        host.write(diskstats=f"   8       0 sda {numbers}\n   8  16 sdb 1 2 3\n")
        found = host.sample("diskio")
        assert set(found) == {"sda"}
        assert (found["sda"]["reads"], found["sda"]["write_bytes"], found["sda"]["in_flight"]) == (1, 7 * 512, 9)

    def test_a_device_that_is_made_anew_has_no_rate_below_nothing(self, host: Host) -> None:
        """sysstat#355: 18,446,744,073 writes a second when a volume of the same name came back."""
        host.write(diskstats="252 0 vdz 900 0 900 9 900 0 900 9 0 900 900\n").sample("diskio")
        found = host.write(diskstats="252 0 vdz 1 0 1 1 1 0 1 1 0 1 1\n").sample("diskio")["vdz"]
        assert not [name for name in found if name.endswith("_per_s") or name == "busy_percent"]

    def test_a_disk_is_never_busy_for_more_than_all_of_the_time(self, host: Host) -> None:
        """netdata#6510: 715,828 % once. A long request is counted when it ends: more than has passed is no fault."""
        host.write(diskstats="8 0 sda 1 0 1 1 1 0 1 1 0 1000 1\n").sample("diskio")
        found = host.write(diskstats="8 0 sda 2 0 1 1 1 0 1 1 0 4294967000 1\n").sample("diskio")["sda"]
        assert found["busy_percent"] == 100.0


class TestSpace:
    @pytest.mark.parametrize(
        ("blocks", "free", "available", "used", "share"),
        [
            (100, 40, 30, 60, 66.67),
            (100, 120, 130, 0, 0.0),  # node_exporter#1672: a quota, or a server, that says more is free than there is
            (100, 1, (1 << 64) - 4, 99, 100.0),  # a BSD's reserve is touched: less than nothing is left for users
            (0, 0, 0, 0, 0.0),
        ],
    )
    def test_no_use_is_below_nothing(self, blocks: int, free: int, available: int, used: int, share: float) -> None:
        found = usage(space(blocks, free, available), readonly=False)
        assert (found["used"], found["percent"]) == (used * 4096, share)
        assert found["available"] == (0 if available > 1 << 60 else available * 4096)
        if blocks:
            assert (found["inodes_used"], found["inodes_percent"]) == (used, share)


def space(blocks: int, free: int, available: int) -> os.statvfs_result:
    """Return what the kernel would say of a file system of *blocks*, and as many inodes."""
    names = {"f_bsize": 4096, "f_frsize": 4096, "f_namemax": 255}
    names |= {"f_blocks": blocks, "f_bfree": free, "f_bavail": available}
    names |= {"f_files": blocks, "f_ffree": free, "f_favail": available}
    order = ("bsize", "frsize", "blocks", "bfree", "bavail", "files", "ffree", "favail", "flag", "namemax")
    return os.statvfs_result(names.get(f"f_{name}", 0) for name in order)


class TestProcesses:
    @pytest.mark.parametrize(
        ("line", "state"),
        [
            ("16745 (PM2 v0.14.5: Go) S 1 1 1 0 -1 4202496", "sleeping"),  # telegraf#1010: blanks in the name
            ("16746 (a) R (b) Z 1 1 1 0 -1 4202496", "zombie"),
            ("83 (watchdog/13) P 2 0 0 0 -1 4202496", "other"),  # telegraf#6270: parked
            ("99 (worker) I 2 0 0 0 -1 4202496", "idle"),  # telegraf#3617: since Linux 4.14
            ("12 (short) X 2 0 0 0 -1 4202496", "other"),  # telegraf#2501: dead
        ],
    )
    def test_states(self, host: Host, line: str, state: str, caplog: pytest.LogCaptureFixture) -> None:
        pid = line.partition(" ")[0]
        host.write(
            stat=stat(cpu="1", cpu0="1"), loadavg="0.1 0.2 0.3 1/2 3\n", **{"1__stat": "1 (init) S 0 1 1 0 -1 0"}
        )
        host.write(**{f"{pid}__stat": line})
        with caplog.at_level(logging.INFO):
            found = host.sample("processes")
        assert found["total"] == 2
        assert found[state] == (2 if state == "sleeping" else 1)
        assert not caplog.records


@contextlib.contextmanager
def proc(path: Path, options: str) -> Iterator[Path]:
    """Mount a ``/proc`` of this namespace with *options* at *path*; skip the test where that is not permitted."""
    path.mkdir()
    command = ["mount", "-t", "proc", "-o", options, "saltern-test", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this test needs a /proc of its own, and mounting is not permitted: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.mark.parametrize("mode", ["1", "2"])
def test_hidden_processes_are_not_counted_as_if_there_were_none(mode: str) -> None:
    """telegraf#15698, do-agent#212: under ``hidepid`` nothing seemed to run but the agent itself."""
    script = """
        import json, os, sys
        from saltern_modules.collectors.sampler import Sampler
        opts = {"proc_root": sys.argv[1], "sys_root": "/sys", "stats": {"procs": {"match": ["*"]}}}
        assert Sampler(opts).sample()["procs"]  # imports all of it, as root
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        found = Sampler(opts).sample()
        print(json.dumps([found["processes"], found["collector"], "procs" in found]))
    """
    with open_to_all() as folder, proc(folder / "proc", f"hidepid={mode}") as path:
        command = [sys.executable, "-c", textwrap.dedent(script), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    processes, collector, told = json.loads(done.stdout)
    assert set(processes) == {"threads", "runnable", "waiting_io", "scanned"}
    assert processes["scanned"] == 0
    assert (collector["processes"]["success"], collector["procs"]["success"], told) == (1, 0, False)


def test_a_link_to_the_newest_of_a_programs_logs_is_followed(tmp_path: Path) -> None:
    """telegraf#1829: a program that begins a file each day, named by its date, was followed to midnight."""
    link = tmp_path / "now"
    (tmp_path / "01.log").write_text("ERR before\n", encoding="utf-8")
    link.symlink_to("01.log")
    settings = {"logs": {"files": {f"now={link}": ["ERR"]}}}
    sampler = Sampler({"proc_root": str(tmp_path), "sys_root": str(tmp_path), "stats": settings})
    assert sampler.sample("logs")["logs"]["now"]["lines"] == 0
    with (tmp_path / "01.log").open("a", encoding="utf-8") as file:
        file.write("ERR the last\n")
    (tmp_path / "02.log").write_text("ERR the first\nfine\n", encoding="utf-8")
    link.unlink()
    link.symlink_to("02.log")
    sampler.sample("logs")
    found = sampler.sample("logs")["logs"]["now"]
    assert (found["lines"], found["matches"]["ERR"]["lines"]) == (3, 2)


class TestWhatIsNotThere:
    """A host that lacks something has no number of it, no failure and no line in the log."""

    @pytest.mark.parametrize("files", [{}, {"pressure__cpu__x": "in its place a folder: reading it is an error"}])
    def test_pressure(self, host: Host, files: Mapping[str, str], caplog: pytest.LogCaptureFixture) -> None:
        """node_exporter#1961: kernels without it, and those that answer EOPNOTSUPP, wrote an error each time."""
        host.write(**files)
        assert host.sample("pressure") == {}
        assert not caplog.records

    def test_pressure_without_full(self, host: Host) -> None:
        """node_exporter#3051: processors have no ``full`` before Linux 5.13; node_exporter#3259: no ``irq``."""
        host.write(pressure__cpu="some avg10=2.65 avg60=2.78 avg300=2.92 total=111749368752\n")
        assert host.sample("pressure") == {
            "cpu": {"some": {"avg10": 2.65, "avg60": 2.78, "avg300": 2.92, "total_us": 111749368752}}
        }

    @pytest.mark.parametrize(("total", "free", "used"), [(0, 0, 0), (100, 300, 0), (300, 100, 200 * 1024)])
    def test_swap(self, host: Host, total: int, free: int, used: int) -> None:
        """A host without any, and a container in which more is free than there is."""
        found = host.write(meminfo=f"MemTotal: 9 kB\nSwapTotal: {total} kB\nSwapFree: {free} kB\n").sample("swap")
        assert found["used"] == used
        assert ("percent" in found) is bool(total)
