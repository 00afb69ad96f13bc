"""Which collectors there are, when each is on, and what a host must have for it.

A collector's file is imported only when it runs, or when somebody asks what there is: what a host has no use for costs
its agent nothing. So what decides that is here, and not in the collectors.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any

from saltern.named import NamedTuple
from saltern_modules.collectors.base import Collector


class Listed(NamedTuple):
    """A row: the collector in the file of that name."""

    name: str
    on: bool = True
    """Whether it is on when the configuration does not say; a dear one isn't."""

    needs: tuple[str, ...] = ()
    """Files or folders of which the host must have one: ``proc/mdstat`` below ``proc_root``, ``sys/…`` below
    ``sys_root``, ``/…`` anywhere."""

    asks: str = ""
    """The file here whose function ``lacking(roots)`` says why there is nothing to measure, where files alone don't."""

    option: str = ""
    """The option of its own without which there is nothing to measure: what to watch is for the user to say."""


LINUX = (
    Listed("agent"),
    Listed("amdgpu", needs=("sys/module/amdgpu",)),
    Listed("certificates", option="targets"),
    Listed("clock", on=False),
    Listed("conntrack", needs=("proc/sys/net/netfilter/nf_conntrack_max",)),
    Listed("container", asks="reading.own_groups"),
    Listed("cpu"),
    Listed("disk"),
    Listed("diskio", needs=("proc/diskstats",)),
    Listed("edac", needs=("sys/devices/system/edac/mc/mc0",)),
    Listed("entropy", needs=("proc/sys/kernel/random/entropy_avail",)),
    Listed("ext4", needs=("sys/fs/ext4",)),
    Listed("files", needs=("proc/sys/fs/file-nr",)),
    Listed("forecast"),
    Listed("limits", needs=("proc/sys/kernel/pid_max",)),
    Listed("load"),
    Listed("logs", option="files"),
    Listed("memory"),
    Listed("neighbours", needs=("proc/net/stat/arp_cache", "proc/1/net/stat/arp_cache")),
    Listed("net", needs=("proc/net/dev", "proc/1/net/dev")),
    Listed("nvidia", on=False, needs=("proc/driver/nvidia/version", "/usr/lib/wsl/lib/libnvidia-ml.so.1")),
    Listed("ports", option="targets"),
    Listed("pressure", needs=("proc/pressure",)),
    Listed("processes"),
    Listed("procs", option="match"),
    Listed("raid", needs=("proc/mdstat",)),
    Listed("scsi", needs=("sys/class/scsi_device",)),
    Listed("services", option="units", needs=("sys/fs/cgroup",)),
    Listed("smart", on=False, needs=("sys/class/nvme", "sys/class/scsi_disk")),
    Listed("sockets"),
    Listed("softnet", needs=("proc/net/softnet_stat", "proc/1/net/softnet_stat")),
    Listed("swap"),
    Listed("tcp", needs=("proc/net/snmp", "proc/1/net/snmp")),
    Listed("temperature", needs=("sys/class/hwmon", "sys/class/thermal")),
    Listed("udp", needs=("proc/net/snmp", "proc/1/net/snmp")),
    Listed("uptime"),
    Listed("vmstat"),
    Listed("zfs", needs=("proc/spl/kstat/zfs",)),
)


def listed() -> dict[str, Listed]:
    """Return the collectors for this system, by name."""
    if sys.platform != "linux":
        from saltern_modules.collectors import portable

        return {name: Listed(name) for name in portable.COLLECTORS}
    return {row.name: row for row in LINUX}


def load(name: str) -> type[Collector]:
    """Return the collector *name* for this system, importing its file. Raises ``KeyError``."""
    if sys.platform != "linux":
        from saltern_modules.collectors import portable

        return portable.COLLECTORS[name]
    importlib.import_module(f"{__package__}.{name}")
    return Collector.registry[name]


def lacking(row: Listed, roots: Mapping[str, str], options: Mapping[str, Any]) -> str:
    """Return why there is nothing to measure for *row* on this host, ``""`` when there is.

    *roots* maps ``proc`` and ``sys`` to where the host's are, *options* are the collector's own.
    """
    if row.option and not options.get(row.option):
        return f"nothing is named in stats: {row.name}: {row.option}"
    if row.asks:
        module = importlib.import_module(f"{__package__}.{row.asks}")
        return str(module.lacking(roots))
    if not row.needs or any(os.path.exists(_place(need, roots)) for need in row.needs):
        return ""
    return f"this host has no {' and no '.join(_place(need, roots) for need in row.needs)}"


def _place(need: str, roots: Mapping[str, str]) -> str:
    root, _, rest = need.partition("/")
    return f"{roots[root]}/{rest}" if root else need
