"""Grains from fake files, and from this host."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.config.minion import DEFAULTS
from saltern.wire import pack
from saltern_agent import grains
from saltern_modules import _container

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


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


class Place:
    """A host, or a container, of a test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def virtual(self) -> dict[str, str]:
        return grains.virtual(f"{self.folder}/proc", f"{self.folder}/sys", f"{self.folder}/root")


DIGEST = "0123456789abcdef" * 4
SLICE = f"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-{DIGEST}.scope\n"


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({}, "physical"),
        ({"sys/class/dmi/id/sys_vendor": "QEMU\n"}, "kvm"),
        ({"sys/class/dmi/id/product_name": "VMware Virtual Platform\n"}, "VMware"),
        ({"sys/devices/system/clocksource/clocksource0/available_clocksource": "kvm-clock tsc\n"}, "kvm"),
        ({"sys/hypervisor/type": "xen\n"}, "xen"),
        ({"proc/cpuinfo": "flags\t\t: fpu hypervisor lm\n"}, "vm-other"),
        ({"proc/vz/veinfo": ""}, "openvzve"),
        ({"proc/vz/version": "", "proc/bc/x": ""}, "physical"),
        ({"proc/1/environ": "TERM=linux\0container=lxc\0"}, "container LXC"),
        ({"proc/1/cgroup": "4:memory:/lxc/web\n"}, "container LXC"),
        ({"proc/1/environ": "container=systemd-nspawn\0"}, "container systemd-nspawn"),
        ({"root/run/systemd/container": "systemd-nspawn\n"}, "container systemd-nspawn"),
        ({"root/.dockerenv": ""}, "container Docker"),
        ({"proc/1/cgroup": f"2:cpu:/docker/{DIGEST}\n"}, "container Docker"),
        ({"proc/1/cgroup": f"0::/system.slice/docker-{DIGEST}.scope\n"}, "container Docker"),
        ({"root/run/.containerenv": "", "proc/1/environ": "container=podman\0"}, "container Podman"),
        ({"root/run/.containerenv": "", "proc/1/environ": "container=oci\0"}, "container Podman"),
        ({"proc/1/environ": "container=oci\0"}, "container OCI"),
        ({"proc/1/cgroup": f"0::/machine.slice/libpod-{DIGEST}.scope\n"}, "container Podman"),
        ({"proc/1/cgroup": SLICE}, "container kubernetes"),
        ({"proc/1/environ": "A=b\0KUBERNETES_SERVICE_HOST=10.0.0.1\0", "root/.dockerenv": ""}, "container kubernetes"),
        ({"root/var/run/secrets/kubernetes.io/serviceaccount/token": "x"}, "container kubernetes"),
        ({"proc/sys/kernel/osrelease": "5.15.90.1-microsoft-standard-WSL2\n"}, "container WSL"),
        # A container on a virtual machine is a container; what runs containers is none.
        ({"root/.dockerenv": "", "sys/class/dmi/id/sys_vendor": "QEMU\n"}, "container Docker"),
        ({"proc/1/cgroup": "0::/init.scope\n", "root/var/lib/docker/x": ""}, "physical"),
    ],
)
def test_virtual(place: Place, files: dict[str, str], wanted: str) -> None:
    place.write(files)
    assert " ".join(place.virtual().values()) == wanted


def test_a_chroot_is_told_and_what_it_is_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_container, "kind", lambda proc, root: "")
    place.write({"proc/1/root/etc/x": "", "sys/class/dmi/id/sys_vendor": "QEMU\n"})
    proc, sys_root = f"{place.folder}/proc", f"{place.folder}/sys"
    assert grains.virtual(proc, sys_root) == {"virtual": "kvm", "virtual_subtype": "chroot"}
    assert grains.virtual(proc, sys_root, "/host") == {"virtual": "kvm"}, "of another's root it isn't known"
    shutil.rmtree(place.folder / "proc/1/root")
    (place.folder / "proc/1/root").symlink_to("/")
    assert grains.virtual(proc, sys_root) == {"virtual": "kvm"}


def test_everything_and_overrides() -> None:
    opts = {
        **DEFAULTS,
        "id": "host01",
        "conf_file": "/nonexistent/minion",
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
    roots = {"proc_root": str(tmp_path), "sys_root": str(tmp_path), "conf_file": str(tmp_path / "minion")}
    opts = {**DEFAULTS, **roots, "id": "host01"}
    assert grains.collect(opts)["id"] == "host01"


@given(st.text())
def test_parsers_take_anything(text: str) -> None:
    grains.os_release(text)
    grains.processors(text)
    grains.memory(text)
    grains.ipv6_by_interface(text)
    assert grains.full_name("x", text)
