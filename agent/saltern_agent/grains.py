"""Grains: facts of this host, read without starting a program or asking the network.

Their names and meanings are Salt's. What a host's owner adds (``own_grains.py``) overrides all but ``id``.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import re
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from saltern.__about__ import __version__
from saltern.digest import sha256
from saltern.plain import Plain
from saltern_agent import host_grains
from saltern_agent.own_grains import OwnGrains, lay, static
from saltern_modules import _container
from saltern_modules.collectors.reading.host import is_own

if TYPE_CHECKING:
    from saltern_agent.loader import Loader

MAX_FILE_BYTES = 256 * 1024

SIOCGIFCONF = 0x8912  # netdevice(7): the interfaces' IPv4 addresses
IFREQ_BYTES = 40 if struct.calcsize("P") == 8 else 32
MAX_INTERFACES = 1024

FAMILIES = {
    "debian": "Debian",
    "rhel": "RedHat",
    "fedora": "RedHat",
    "centos": "RedHat",
    "amzn": "RedHat",
    "suse": "Suse",
    "opensuse": "Suse",
    "sles": "Suse",
    "arch": "Arch",
    "alpine": "Alpine",
    "gentoo": "Gentoo",
    "nixos": "NixOS",
}
NAMES = {
    "debian": "Debian",
    "ubuntu": "Ubuntu",
    "rhel": "RedHat",
    "centos": "CentOS",
    "fedora": "Fedora",
    "rocky": "Rocky",
    "almalinux": "AlmaLinux",
    "amzn": "Amazon",
    "alpine": "Alpine",
    "arch": "Arch",
    "sles": "SUSE",
    "opensuse-leap": "openSUSE Leap",
    "opensuse-tumbleweed": "openSUSE Tumbleweed",
    "gentoo": "Gentoo",
    "nixos": "NixOS",
    "raspbian": "Raspbian",
}
DEBIAN_ARCHES = {"x86_64": "amd64", "aarch64": "arm64", "i686": "i386", "armv7l": "armhf"}
HYPERVISORS = {
    "kvm": "kvm",
    "qemu": "kvm",
    "vmware": "VMware",
    "virtualbox": "VirtualBox",
    "xen": "xen",
    "hyper-v": "HyperV",
    "virtual machine": "HyperV",
    "bochs": "kvm",
    "google compute engine": "kvm",
    "amazon ec2": "kvm",
    "openstack": "kvm",
    "bhyve": "bhyve",
    "parallels": "Parallels",
}
CLOCKS = {"kvm-clock": "kvm", "hyperv_clocksource_tsc_page": "HyperV", "xen": "xen"}
"""By what clock the hypervisor offers: there are virtual machines without a word in their firmware."""

DOMAIN = "domain"
"""Is there when it is empty, too: modules ask for it without a default."""

UNKNOWN_HYPERVISOR = "vm-other"
"""As systemd-detect-virt(1) calls it."""


def collect(opts: Mapping[str, Any], add: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
    """Return the grains of this host for an agent with the options *opts*; what can't be known is left out.

    *add* adds to them what functions of ``_grains`` know.
    """
    proc, sys_root = opts["proc_root"], opts["sys_root"]
    core: dict[str, Any] = {
        **identity(opts["id"], opts["master"]),
        **os_release(_read("/etc/os-release") or _read("/usr/lib/os-release")),
        **processors(_read(f"{proc}/cpuinfo")),
        **memory(_read(f"{proc}/meminfo")),
        **addresses(proc, sys_root),
        **virtual(proc, sys_root, "" if is_own(proc) else f"{proc}/1/root"),
        "init": os.path.basename(_read(f"{proc}/1/comm").strip()) or "unknown",
        "machine_id": _read("/etc/machine-id").strip(),
    }
    core.update(host_grains.collect(proc, sys_root, core["fqdn"]))
    found: dict[str, Any] = {}
    lay(found, {name: value for name, value in core.items() if value not in ("", None) or name == DOMAIN}, opts)
    if add is not None:
        add(found)
    lay(found, static(opts), opts)
    found.update(opts["grains"])
    found["id"] = opts["id"]  # the master's word: targets and modules on this host must mean the same host
    return {name: value for name, value in found.items() if value not in ("", None) or name == DOMAIN}


def of_a_call(opts: Mapping[str, Any], loader: Loader) -> dict[str, Any]:
    """Return all grains for a program that runs beside the agent, what the functions in *loader* know too."""
    if not loader.grain_functions():
        return Plain().of(collect(opts))  # type: ignore[no-any-return]  # the plain form of a mapping is one
    loader.set_grains(collect(opts))  # what the functions see as __grains__
    own = OwnGrains(loader.grain_functions)
    return Plain().of(collect(opts, lambda found: own.add(found, opts)))  # type: ignore[no-any-return]  # likewise


def identity(minion_id: str, master: str) -> dict[str, Any]:
    """Return what names this host, its kernel and the agent."""
    uname = os.uname()
    nodename = uname.nodename
    fqdn = nodename if "." in nodename else full_name(nodename, _read("/etc/hosts"))
    host, _, domain = fqdn.partition(".")
    return {
        "id": minion_id,
        "master": master,
        "server_id": int(sha256(minion_id.encode()).hexdigest(), 16) % 2**31,
        "host": host,
        "domain": domain,
        "fqdn": fqdn,
        "nodename": nodename,
        "localhost": nodename,
        "kernel": uname.sysname,
        "kernelrelease": uname.release,
        "kernelversion": uname.version,
        "cpuarch": uname.machine,
        "osarch": uname.machine,
        "pid": os.getpid(),
        "pythonversion": list(sys.version_info),
        "pythonexecutable": sys.executable,
        "saltversion": __version__,
        "salternversion": __version__,
        "ps": "ps -efHww",
        "path": os.environ.get("PATH", ""),
    }


def full_name(name: str, hosts: str) -> str:
    """Return the full name that ``/etc/hosts`` (hosts(5)) gives to *name*, else *name*; DNS may hang."""
    for line in hosts.splitlines():
        names = line.split("#")[0].split()[1:]
        if name in names:
            return next((full for full in names if full.startswith(f"{name}.")), name)
    return name


def os_release(text: str) -> dict[str, Any]:
    """Return the distribution's grains from an ``os-release`` file (os-release(5))."""
    fields = dict(re.findall(r"^([A-Z_]+)=[\"']?(.*?)[\"']?\s*$", text, re.MULTILINE))
    ident = fields.get("ID", "").lower()
    name = NAMES.get(ident) or fields.get("NAME") or os.uname().sysname
    family = next(
        (FAMILIES[word] for word in (ident, *fields.get("ID_LIKE", "").lower().split()) if word in FAMILIES), name
    )
    release = fields.get("VERSION_ID", "") or ("rolling" if fields else "")
    grains: dict[str, Any] = {
        "os": name,
        "os_family": family,
        "osfullname": fields.get("NAME", name),
        "osrelease": release,
        "osrelease_info": [int(part) if part.isdecimal() else part for part in release.split(".") if part],
        "osmajorrelease": int(release.split(".")[0]) if release.split(".")[0].isdecimal() else "",
        "oscodename": fields.get("VERSION_CODENAME", ""),
        "osfinger": f"{name}-{release if name == 'Ubuntu' else release.split('.')[0]}",
    }
    machine = os.uname().machine
    if family == "Debian":
        grains["osarch"] = DEBIAN_ARCHES.get(machine, machine)
    return grains


def processors(cpuinfo: str) -> dict[str, Any]:
    """Return the number of processors, their model and flags from ``/proc/cpuinfo``."""
    model = re.search(r"^(?:model name|Processor|cpu model|Model)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return {
        "num_cpus": os.cpu_count() or 1,
        "cpu_model": model[1].strip() if model else "",
        "cpu_flags": flags[1].split() if flags else [],
    }


def memory(meminfo: str) -> dict[str, Any]:
    """Return the sizes of memory and swap in MiB from ``/proc/meminfo``."""
    found = {name: int(kib) // 1024 for name, kib in re.findall(r"^(MemTotal|SwapTotal):\s+(\d+) kB", meminfo, re.M)}
    return {"mem_total": found.get("MemTotal"), "swap_total": found.get("SwapTotal")}


def addresses(proc: str, sys_root: str) -> dict[str, Any]:
    """Return the interfaces' addresses, ``{'lo': ['127.0.0.1', '::1'], …}`` and the like."""
    four = ipv4_by_interface()
    six = ipv6_by_interface(_read(f"{proc}/net/if_inet6"))
    names = sorted({*four, *six, *_listed(f"{sys_root}/class/net")})
    hardware = {
        name: address
        for name in _listed(f"{sys_root}/class/net")
        if (address := _read(f"{sys_root}/class/net/{name}/address").strip())
    }
    return {
        "ipv4": sorted({address for found in four.values() for address in found}),
        "ipv6": sorted({address for found in six.values() for address in found}),
        "ip4_interfaces": {name: four.get(name, []) for name in names},
        "ip6_interfaces": {name: six.get(name, []) for name in names},
        "ip_interfaces": {name: [*four.get(name, []), *six.get(name, [])] for name in names},
        "hwaddr_interfaces": hardware,
    }


def ipv4_by_interface() -> dict[str, list[str]]:
    """Return the IPv4 addresses by interface, as the kernel lists them (netdevice(7), ``SIOCGIFCONF``)."""
    buffer = array.array("B", bytes(IFREQ_BYTES * MAX_INTERFACES))
    address, _ = buffer.buffer_info()
    found: dict[str, list[str]] = {}
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        answer = fcntl.ioctl(probe, SIOCGIFCONF, struct.pack("iP", len(buffer), address))
        length = struct.unpack("iP", answer)[0]
        for at in range(0, length, IFREQ_BYTES):
            name = bytes(buffer[at : at + 16]).split(b"\0")[0].decode("utf-8", "replace").split(":")[0]
            found.setdefault(name, []).append(socket.inet_ntoa(bytes(buffer[at + 20 : at + 24])))
    return found


def ipv6_by_interface(if_inet6: str) -> dict[str, list[str]]:
    """Return the IPv6 addresses by interface from ``/proc/net/if_inet6``: 32 hex digits first, the name last."""
    found: dict[str, list[str]] = {}
    for line in if_inet6.splitlines():
        fields = line.split()
        if len(fields) >= 6 and len(fields[0]) == 32:
            with contextlib.suppress(ValueError, OSError):
                address = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(fields[0]))
                found.setdefault(fields[-1], []).append(address)
    return found


def virtual(proc: str, sys_root: str, root: str = "") -> dict[str, str]:
    """Return what this host is: ``virtual``, and ``virtual_subtype`` where there is more to say.

    ``container`` with the kind of container (``LXC``, ``Docker``, ``kubernetes``, ``systemd-nspawn``, …), ``openvzve``,
    the name of the hypervisor, or ``physical``; in a chroot what it is without. *root* is where ``/`` is.
    """
    if subtype := _container.kind(proc, root):
        return {"virtual": "container", "virtual_subtype": subtype}
    if _container.in_openvz(proc):
        return {"virtual": "openvzve"}
    name = hypervisor(proc, sys_root)
    return {"virtual": name, **({"virtual_subtype": "chroot"} if not root and _container.in_chroot(proc) else {})}


def hypervisor(proc: str, sys_root: str) -> str:
    """Return the name of the hypervisor under this host, ``physical`` when there is none."""
    dmi = f"{sys_root}/class/dmi/id"
    words = f"{_read(f'{dmi}/sys_vendor')} {_read(f'{dmi}/product_name')}".lower()
    found = next((name for word, name in HYPERVISORS.items() if word in words), "")
    clocks = _read(f"{sys_root}/devices/system/clocksource/clocksource0/available_clocksource").split()
    found = found or next((CLOCKS[clock] for clock in clocks if clock in CLOCKS), "")
    flagged = re.search(r"^flags\s*:.*\bhypervisor\b", _read(f"{proc}/cpuinfo"), re.MULTILINE)
    return found or _read(f"{sys_root}/hypervisor/type").strip() or (UNKNOWN_HYPERVISOR if flagged else "physical")


def _read(path: str) -> str:
    """Return a small file's text, or an empty one when it can't be read."""
    try:
        with open(path, "rb") as stream:
            return stream.read(MAX_FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
