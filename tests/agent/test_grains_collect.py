"""Grains from fake files, and from this host."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.wire import pack
from saltern_agent import grains

DEBIAN = 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n'
ROCKY = 'NAME="Rocky Linux"\nVERSION_ID="9.3"\nID="rocky"\nID_LIKE="rhel centos fedora"\n'
UBUNTU = 'NAME="Ubuntu"\nVERSION_ID="22.04"\nID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=jammy\n'


@pytest.mark.parametrize(
    ("text", "os_", "family", "release", "finger", "code"),
    [
        (DEBIAN, "Debian", "Debian", "12", "Debian-12", "bookworm"),
        (ROCKY, "Rocky", "RedHat", "9.3", "Rocky-9", ""),
        (UBUNTU, "Ubuntu", "Debian", "22.04", "Ubuntu-22.04", "jammy"),
        ("NAME=Odd\nID=odd\n", "Odd", "Odd", "rolling", "Odd-rolling", ""),
    ],
)
def test_distributions(text: str, os_: str, family: str, release: str, finger: str, code: str) -> None:
    found = grains.os_release(text)
    wanted = {"os": os_, "os_family": family, "osrelease": release, "osfinger": finger, "oscodename": code}
    assert {key: found[key] for key in wanted} == wanted


def test_no_os_release() -> None:
    assert grains.os_release("")["os"] == "Linux"


def test_cpu_and_memory() -> None:
    found = grains.processors("processor\t: 0\nmodel name\t: Fast One\nflags\t\t: fpu vme\n\nprocessor\t: 1\n")
    assert (found["cpu_model"], found["cpu_flags"]) == ("Fast One", ["fpu", "vme"])
    assert grains.memory("MemTotal:       2048000 kB\nSwapTotal:       1024 kB\n") == {
        "mem_total": 2000,
        "swap_total": 1,
    }
    assert grains.memory("") == {"mem_total": None, "swap_total": None}


def test_full_names() -> None:
    hosts = "127.0.0.1 localhost\n# 10.0.0.9 web.x\n10.0.0.1 web.example.org web # the web\n"
    assert grains.full_name("web", hosts) == "web.example.org"
    assert grains.full_name("db", hosts) == "db"
    assert grains.full_name("localhost", hosts) == "localhost"


def test_ipv6() -> None:
    line = "fe80000000000000021122fffe334455 02 40 20 80     eth0\n"
    assert grains.ipv6_by_interface(line + "junk\n") == {"eth0": ["fe80::211:22ff:fe33:4455"]}


def test_ipv4_of_this_host() -> None:
    found = grains.ipv4_by_interface()
    names = {name for _, name in socket.if_nameindex()}
    assert set(found) <= names
    assert "127.0.0.1" in {address for addresses in found.values() for address in addresses}


def test_virtual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "exists", lambda path: False)
    dmi = tmp_path / "class" / "dmi" / "id"
    dmi.mkdir(parents=True)
    assert grains.virtual(str(tmp_path)) == "physical"
    (dmi / "sys_vendor").write_text("QEMU\n")
    assert grains.virtual(str(tmp_path)) == "kvm"


def test_everything_and_overrides() -> None:
    opts = {
        "id": "host01",
        "master": "m",
        "proc_root": "/proc",
        "sys_root": "/sys",
        "grains": {"os": "Mine", "role": "web", "id": "other"},
    }
    found = grains.collect(opts)
    assert (found["id"], found["os"], found["role"]) == ("host01", "Mine", "web")
    assert found["num_cpus"] == os.cpu_count()
    assert found["kernel"] == "Linux"
    assert found["mem_total"] > 0
    assert found["salternversion"]
    assert None not in found.values()
    assert len(pack("hello", 0, found)) < 20_000


def test_a_host_without_proc(tmp_path: Path) -> None:
    opts = {"id": "host01", "master": "m", "proc_root": str(tmp_path), "sys_root": str(tmp_path), "grains": {}}
    assert grains.collect(opts)["id"] == "host01"


@given(st.text())
def test_parsers_take_anything(text: str) -> None:
    grains.os_release(text)
    grains.processors(text)
    grains.memory(text)
    grains.ipv6_by_interface(text)
    assert grains.full_name("x", text)
