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
from saltern_agent import grains, host_grains
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


def test_gateways() -> None:
    head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    four = f"{head}eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    assert host_grains.gateways(four, "") == {"ip_gw": False, "ip4_gw": False, "ip6_gw": False}
    four += "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    assert host_grains.gateways(four, "junk\n") == {"ip_gw": True, "ip4_gw": "192.0.2.1", "ip6_gw": False}
    zero, via = "0" * 32, "fd" + "0" * 29 + "1"
    six = f"{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n"
    assert host_grains.gateways("", six)["ip6_gw"] is False
    six += f"{zero} 00 {zero} 00 {via} 00000400 00000002 00000000 00000003     eth0\n"
    assert host_grains.gateways("", six) == {"ip_gw": True, "ip4_gw": False, "ip6_gw": "fd00::1"}


def test_resolver() -> None:
    text = (
        "# none\nnameserver 10.0.0.53 ; first\nnameserver fd00::53\nnameserver junk\nsearch a.org b.org\nnameserver\n"
    )
    found = host_grains.resolver(text)
    assert (found["nameservers"], found["search"]) == (["10.0.0.53", "fd00::53"], ["a.org", "b.org"])
    assert (found["ip4_nameservers"], found["ip6_nameservers"]) == (["10.0.0.53"], ["fd00::53"])
    assert host_grains.resolver("search a.org\n") == {}


def test_what_the_kernel_was_given() -> None:
    found = host_grains.parameters('quiet console=ttyS0 a=b=c name="x y"\n')
    assert found == [["quiet", None], ["console", "ttyS0"], ["a", None], ["name", "x y"]]


@given(st.text())
def test_parsers_of_the_host_never_fail(text: str) -> None:
    host_grains.gateways(text, text)
    host_grains.resolver(text)
    host_grains.parameters(text)
    host_grains.release(text)
    host_grains.named_addresses(text, text)
    host_grains.locale_info({"LANG": text})


def test_disks_and_firmware(place: Place) -> None:
    place.write(
        {
            "sys/devices/pci/sda/queue/rotational": "1\n",
            "sys/devices/pci/nvme0n1/queue/rotational": "0\n",
            "sys/devices/virtual/loop0/queue/rotational": "0\n",
            "sys/class/dmi/id/product_name": "Fast Box\n",
            "sys/class/dmi/id/product_uuid": "ABCD-1\n",
        }
    )
    block = place.folder / "sys/block"
    block.mkdir()
    for name, where in (("sda", "pci"), ("nvme0n1", "pci"), ("loop0", "virtual")):
        (block / name).symlink_to(f"../devices/{where}/{name}")
    assert host_grains.disks(f"{place.folder}/sys") == {"disks": ["sda"], "ssds": ["nvme0n1"]}
    assert host_grains.firmware(f"{place.folder}/sys") == {"productname": "Fast Box", "uuid": "abcd-1"}
    assert host_grains.disks("/nonexistent") == {"disks": [], "ssds": []}


def test_names_of_salt() -> None:
    found = grains.collect({**DEFAULTS, "id": "rs1", "conf_file": "/nonexistent/minion"})
    assert "domain" in found
    wanted = "cwd dns efi gid groupname ip4_gw ip6_gw ip_gw kernelparams locale_info shell ssds systempath uid username"
    missing = (
        set(wanted.split())
        - set(found)
        - ({"dns"} if not host_grains.resolver(Path("/etc/resolv.conf").read_text()) else set())
    )
    assert not missing
    assert found["server_id"] == 1820243398  # as Salt has it for that id
    assert set(found["ip4_interfaces"]) == set(found["ip6_interfaces"]) == set(found["ip_interfaces"])
