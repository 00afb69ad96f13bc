"""Which control groups this process is in, and which of them limit it.

``/proc/self/cgroup`` (cgroups(7)) has a line a hierarchy; version 2 has one, without controllers::

    4:memory:/docker/0123        12:cpu,cpuacct:/docker/0123        0::/system.slice/x.service

A container is often shown its own group as if it were the root: the path of the line is then not there, and what is
mounted is the group.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from saltern.named import NamedTuple
from saltern_modules import _container
from saltern_modules.collectors.numbers import integer
from saltern_modules.collectors.reading.cgroup_files import UNLIMITED
from saltern_modules.collectors.reading.host import OWN, own_proc
from saltern_modules.collectors.source import read_once

MAX_LEVELS = 16


class Group(NamedTuple):
    """The groups of one controller that hold this process, from its own one outwards."""

    version: int
    folders: tuple[str, ...]


def parse_cgroup(data: bytes) -> dict[str, tuple[str, str]]:
    """Return ``{controller: (hierarchy, path)}`` from ``/proc/<pid>/cgroup``; version 2's controller is ``""``."""
    found = {}
    for line in data.decode("utf-8", "surrogateescape").split("\n"):
        number, _, rest = line.partition(":")
        hierarchy, colon, path = rest.partition(":")
        if number.isdecimal() and colon and path.startswith("/"):
            for controller in hierarchy.split(","):
                found[controller] = (hierarchy, path)
    return found


def find(data: bytes, sys_root: str, controller: str, file: str) -> Group | None:
    """Return the groups of *controller*, those that have the *file*; None when there is none.

    *data* is what ``/proc/self/cgroup`` says; *file* has its names in versions 1 and 2: ``cpu.shares|cpu.stat``.
    """
    groups = parse_cgroup(data)
    first, _, second = file.partition("|")
    top = f"{sys_root}/fs/cgroup"
    if controller in groups:
        hierarchy, path = groups[controller]
        for name in (controller, hierarchy):
            if folders := _levels(f"{top}/{name}", path, first):
                return Group(1, folders)
    if "" in groups:
        for mounted in (top, f"{top}/unified"):
            if folders := _levels(mounted, groups[""][1], second):
                return Group(2, folders)
    return None


def _levels(mounted: str, path: str, file: str) -> tuple[str, ...]:
    """Return the folders from *path* up to where its hierarchy is *mounted* that have the *file*."""
    parts = [part for part in path.split("/") if part]
    if ".." in parts or not os.path.isdir(f"{mounted}/{'/'.join(parts)}"):
        parts = []
    paths = ["/".join((mounted, *parts[:end])) for end in range(len(parts), -1, -1)]
    return tuple(folder for folder in paths[:MAX_LEVELS] if os.path.exists(f"{folder}/{file}"))


def limiting(group: Group, limit: Callable[[str, int], float | None]) -> str:
    """Return the folder of the group with the lowest *limit* (of a folder and its version), else the own one."""
    limits = {folder: limit(folder, group.version) for folder in group.folders}
    known = {folder: value for folder, value in limits.items() if value is not None}
    return min(known, key=lambda folder: known[folder]) if known else group.folders[0]


def count_cpus(text: str) -> int:
    """Return how many processors a list of the kernel's names: ``0-3,8`` are 5; 0 for what is no list."""
    count = 0
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        begin, end = integer(first.encode("ascii", "replace")), integer((last or first).encode("ascii", "replace"))
        if begin is None or end is None or end < begin:
            return 0
        count += end - begin + 1
    return count


def memory_limit(folder: str, version: int) -> int | None:
    """Return a group's limit in bytes, None when it has none."""
    limit = integer(_read(folder, "memory.max" if version == 2 else "memory.limit_in_bytes").strip())
    return limit if limit is not None and limit < UNLIMITED else None


def cpu_limit(folder: str, version: int) -> float | None:
    """Return how many processors' time a group may use, None when it has no limit."""
    if version == 2:
        fields = _read(folder, "cpu.max").split()
    else:
        fields = [_read(folder, "cpu.cfs_quota_us").strip(), _read(folder, "cpu.cfs_period_us").strip()]
    quota, period = (integer(field) for field in fields) if len(fields) == 2 else (None, None)
    return round(quota / period, 3) if quota and period else None


def pids_limit(folder: str, version: int) -> int | None:
    """Return how many processes and threads a group may have, None when it has no limit; either *version*'s."""
    return integer(_read(folder, "pids.max").strip())


class Groups:
    """The groups of each controller, and of each the folder that limits most."""

    def __init__(self, proc: str, sys_root: str) -> None:
        data = _read(proc, "self/cgroup")
        self.memory = find(data, sys_root, "memory", "memory.usage_in_bytes|memory.current")
        self.cpu = find(data, sys_root, "cpu", "cpu.cfs_quota_us|cpu.stat")
        self.cpuacct = find(data, sys_root, "cpuacct", "cpuacct.usage|cpu.stat")
        self.pids = find(data, sys_root, "pids", "pids.current|pids.current")
        self.pids_folder = limiting(self.pids, pids_limit) if self.pids else ""
        self.io = find(data, sys_root, "blkio", "blkio.throttle.io_service_bytes|io.stat")
        self.memory_folder = limiting(self.memory, memory_limit) if self.memory else ""
        self.memory_limit = memory_limit(self.memory_folder, self.memory.version) if self.memory else None
        """In bytes."""

        self.cpu_folder = limiting(self.cpu, cpu_limit) if self.cpu else ""
        self.cpuacct_folder = self._beside(self.cpuacct)
        cpuset = find(data, sys_root, "cpuset", "cpuset.cpus|cpuset.cpus.effective")
        limits = (
            cpu_limit(self.cpu_folder, self.cpu.version) if self.cpu else None,
            self._cpus(cpuset, _read(sys_root, "devices/system/cpu/online")),
        )
        self.cpu_limit = min((limit for limit in limits if limit is not None), default=None)
        """How many processors' time it may use, by a quota or because it may run on some of them only."""

    def limited(self) -> bool:
        """Return whether there is a limit on memory or processors."""
        return self.memory_limit is not None or self.cpu_limit is not None

    def _beside(self, cpuacct: Group | None) -> str:
        """Return the folder with the use of the group that limits processor time."""
        if cpuacct is None or self.cpu is None:
            return cpuacct.folders[0] if cpuacct else ""
        at = self.cpu.folders.index(self.cpu_folder)
        return cpuacct.folders[at if len(cpuacct.folders) == len(self.cpu.folders) else 0]

    def _cpus(self, cpuset: Group | None, online: bytes) -> int | None:
        """Return how many processors it may run on, None when on all."""
        if cpuset is None:
            return None
        name = "cpuset.cpus" if cpuset.version == 1 else "cpuset.cpus.effective"
        count = count_cpus(_read(cpuset.folders[0], name).decode("ascii", "replace"))
        return count if 0 < count < count_cpus(online.decode("ascii", "replace")) else None


def places(roots: Mapping[str, str]) -> tuple[str, str]:
    """Return the ``/proc`` and the ``/sys`` that tell of this process, and not of a host around it."""
    proc = own_proc(roots["proc"])
    return proc, "/sys" if proc == OWN else roots["sys"]


def lacking(roots: Mapping[str, str]) -> str:
    """Return why there is nothing to measure, ``""`` when there is."""
    proc, sys_root = places(roots)
    if _container.kind(proc, "" if proc == OWN else f"{proc}/1/root"):
        return ""
    groups = Groups(proc, sys_root)
    return "" if groups.limited() else "the agent is in no container, and its control group has no limit"


def _read(folder: str, name: str) -> bytes:
    try:
        return read_once(f"{folder}/{name}")
    except OSError:
        return b""
