"""The module ``status``: the sample tree, odd tables, and what isn't there."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import CommandError
from saltern_modules import _status_texts as texts


def test_the_sample_tree(fake_host: Any) -> None:
    status = fake_host.load("status")
    cpu = status.cpustats()["cpu"]
    assert set(cpu) == {"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"}
    assert all(isinstance(number, int) for number in cpu.values())
    assert all(len(row) == 14 for row in status.diskstats().values())
    assert all(len(row) == 17 for row in status.netdev().values())
    assert status.vmstats()
    assert set(status.netstats()) == {"TcpExt"}


def test_the_kernels_numbers() -> None:
    stat = "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 11 2\nintr 100 1 0 2\nctxt 5\nsoftirq 7 3 4\nbtime\n"
    assert texts.parse_stat(stat) == {
        "cpu": {"user": 1, "nice": 2, "system": 3, "idle": 4, "iowait": 5, "irq": 6, "softirq": 7, "steal": 8},
        "cpu0": 11,
        "intr": {"total": 100, "irqs": [1, 0, 2]},
        "ctxt": 5,
        "softirq": {"total": 7, "softirqs": [3, 4]},
    }
    assert texts.parse_stat("cpu 1 2 3 4\n")["cpu"] == {"user": 1, "nice": 2, "system": 3, "idle": 4}, "an old kernel"
    assert texts.parse_vmstat("a 1\nb x\nc\nd 1.5\n") == {"a": 1, "b": "x", "d": 1.5}
    row = texts.parse_diskstats("   8       0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13\n 8 1 sda1 1 2\n")["sda"]
    assert (row["major"], row["device"], row["reads_issued"], row["weighted_ms_spent_in_io"]) == (8, "sda", 1, 11)
    dev = texts.parse_dev(f"Inter-| Receive\n face |bytes\n eth0:{' '.join(map(str, range(16)))}\n  lo: 1 2\n")
    assert list(dev) == ["eth0"]
    assert (dev["eth0"]["rx_bytes"], dev["eth0"]["rx_multicast"]) == (0, 7)
    assert (dev["eth0"]["tx_bytes"], dev["eth0"]["tx_colls"], dev["eth0"]["tx_compressed"]) == (8, 13, 15)


@given(st.text())
def test_any_file_is_parsed(text: str) -> None:
    for parse in (texts.parse_stat, texts.parse_vmstat, texts.parse_diskstats, texts.parse_dev, texts.parse_w):
        for told in (text, f"cpu {text}\nintr {text}\n"):
            assert isinstance(parse(told), dict | list)  # type: ignore[operator]


def test_sessions(minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    status = minion.load("status_now")
    monkeypatch.setattr(status, "found", lambda name: name)
    minion.functions["cmd.run"] = lambda argv, **kwargs: (
        "root     pts/0     12:30   10.00s  0.05s  0.01s w  -fh\n"
        "fred     tty1      Mon08    2days  1:00   0.02s -bash\nodd"
    )
    assert [list(row.values()) for row in status.w()] == [
        ["root", "pts/0", "12:30", "10.00s", "0.05s", "0.01s", "w  -fh"],
        ["fred", "tty1", "Mon08", "2days", "1:00", "0.02s", "-bash"],
    ]
    assert list(status.w()[0]) == ["user", "tty", "login", "idle", "jcpu", "pcpu", "what"]
    monkeypatch.setattr(status, "found", lambda name: None)
    session = SimpleNamespace(name="fred", terminal=None, started=0.0)
    monkeypatch.setattr(status, "psutil_loaded", lambda: SimpleNamespace(users=lambda: [session]))
    assert status.w() == [
        {
            "user": "fred",
            "tty": "",
            "login": time.strftime("%H:%M", time.localtime(0)),
            "idle": "",
            "jcpu": "",
            "pcpu": "",
            "what": "",
        }
    ]


def test_processes(minion: Any) -> None:
    status = minion.load("status_now")
    own = status.procs()[str(os.getpid())]
    words = Path(f"/proc/{os.getpid()}/cmdline").read_bytes().split(b"\0")
    assert own["cmd"].startswith(words[0].decode())
    assert set(own) == {"user", "cmd"}
    assert str(os.getpid()) not in status.pid("python").split("\n"), "who asks isn't told"
    assert "1" in status.pid(r"^\S+ 1 ").split("\n")
    with pytest.raises(CommandError, match="no regular expression"):
        status.pid("(")


def test_file_systems(minion: Any, tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/mounts").write_text(
        f"x {tmp_path} ext4 rw 0 0\nauto {tmp_path}/self autofs rw 0 0\nx /no/such/place ext4 rw 0 0\n"
        f"x {str(tmp_path).replace('t', chr(92) + '164')} tmpfs rw 0 0\n"
    )
    minion.opts["proc_root"] = str(tmp_path)
    status = minion.load("status_now")
    here = os.statvfs(tmp_path)
    assert set(status.diskusage()) == {str(tmp_path)}
    assert set(status.diskusage("ext*", "/no/such/place")) == set(status.diskusage(str(tmp_path))) == {str(tmp_path)}
    assert status.diskusage("*")[str(tmp_path)]["total"] == here.f_blocks * here.f_frsize
    assert status.diskusage("autofs") == {}


def test_a_master_that_listens(minion: Any) -> None:
    status = minion.load("status_now")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        minion.opts["master_port"] = server.getsockname()[1]
        assert status.ping_master("127.0.0.1") is True
    assert status.ping_master("127.0.0.1") is False
    assert status.ping_master("no such host.") is False
    assert status.ping_master("x" * 300) is False


def test_all_at_once(minion: Any) -> None:
    status = minion.load("status")
    minion.functions.update({f"status.{name}": lambda name=name: name for name in status.OF_ALL})
    assert status.all_status() == {name: name for name in status.OF_ALL}


def test_what_is_configured(minion: Any) -> None:
    status = minion.load("status")
    options = {
        "status.loadavg.custom": ["1-min", "x"],
        "status.custom": ["y"],
        "status.w.custom": "z",
        "status.no.x": [],
    }
    minion.functions["config.dot_vals"] = lambda name: options
    minion.functions["status.loadavg"] = lambda: {"1-min": 0.5, "5-min": 1.0}
    minion.functions["status.w"] = minion.functions["status.custom"] = lambda: pytest.fail("not asked for")
    assert status.custom() == {"1-min": 0.5, "x": "UNKNOWN"}
