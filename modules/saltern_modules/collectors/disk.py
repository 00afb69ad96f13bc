"""Space and inodes of real file systems.

Real means: on a block device (its type has no ``nodev`` in ``/proc/filesystems``), or one of the few
types that are stored without one, or the root. Network file systems are left out: asking one whose
server is away hangs for minutes.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from saltern_modules.collectors.base import Collector, Metrics
from saltern_modules.collectors.numbers import percent, segment
from saltern_modules.collectors.source import Source

STORED_WITHOUT_DEVICE = frozenset({"zfs", "overlay", "bcachefs", "ubifs"})
_OCTAL = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """A line of ``/proc/mounts``."""

    device: str
    point: str
    fstype: str
    readonly: bool


def parse_mounts(data: bytes) -> list[Mount]:
    """Return the mounts in *data*, lines of another form left out.

    The kernel writes blanks, tabs, newlines and backslashes as ``\\040`` and so on (fstab(5)).
    """
    mounts = []
    for line in data.decode("utf-8", "surrogateescape").split("\n"):
        fields = line.split(" ")
        if len(fields) < 4 or not fields[1].startswith("/"):
            continue
        device, point = (_OCTAL.sub(lambda m: chr(int(m[1], 8)), field) for field in fields[:2])
        mounts.append(Mount(device, point, fields[2], "ro" in fields[3].split(",")))
    return mounts


def parse_filesystems(data: bytes) -> frozenset[str]:
    """Return the file system types that live on a block device."""
    lines = data.decode("ascii", "replace").split("\n")
    return frozenset(line.strip() for line in lines if line.startswith("\t") and line.strip())


def choose(
    mounts: Sequence[Mount],
    on_device: frozenset[str],
    exclude_fstype: Sequence[str],
    exclude_mount: Sequence[str],
) -> dict[str, Mount]:
    """Return the mounts worth measuring, by the segment that names them: ``/var/lib`` is ``var_lib``.

    A device mounted in several places (bind mounts, subvolumes) is measured once, at its shortest path;
    of two mounts stacked on one path the later is the one that is seen.
    """
    seen = {mount.point: mount for mount in mounts}
    by_device: dict[str, Mount] = {}
    for mount in sorted(seen.values(), key=lambda mount: (len(mount.point), mount.point)):
        stored = mount.fstype in on_device or mount.fstype in STORED_WITHOUT_DEVICE or mount.point == "/"
        if (
            stored
            and not any(fnmatch.fnmatchcase(mount.fstype, pattern) for pattern in exclude_fstype)
            and not any(fnmatch.fnmatchcase(mount.point, pattern) for pattern in exclude_mount)
        ):
            by_device.setdefault(mount.device, mount)
    chosen: dict[str, Mount] = {}
    for mount in by_device.values():
        name = base = segment(mount.point)
        number = 2
        while name in chosen:
            name, number = f"{base}_{number}", number + 1
        chosen[name] = mount
    return chosen


BELOW_0 = 1 << 63
"""A BSD whose reserve is touched has less than nothing for users, which is read as a number near 2⁶⁴ (gnulib's df)."""


def usage(status: os.statvfs_result, readonly: bool) -> Metrics:
    """Return a file system's metrics in bytes and percent, counted as df(1) does.

    ``percent`` is of what users may fill: root's reserve is in ``free`` but not in ``available``.
    """
    total = status.f_blocks * status.f_frsize
    free = status.f_bfree * status.f_frsize
    used = max(total - free, 0)  # quotas, and some servers, say that more is free than there is
    available = (status.f_bavail if status.f_bavail < BELOW_0 else 0) * status.f_frsize
    metrics: Metrics = {
        "total": total,
        "used": used,
        "free": free,
        "available": available,
        "percent": percent(used, used + available),
        "readonly": int(readonly),
    }
    if status.f_files:
        used = max(status.f_files - status.f_ffree, 0)
        metrics["inodes_total"] = status.f_files
        metrics["inodes_used"] = used
        metrics["inodes_free"] = status.f_ffree
        metrics["inodes_percent"] = percent(used, used + (status.f_favail if status.f_favail < BELOW_0 else 0))
    return metrics


class Disk(Collector):
    """``disk.<mount>.total``, ``.used``, ``.percent``, ``.inodes_percent``, …"""

    name = "disk"
    description = "space and inodes of real file systems"
    settings: ClassVar[Mapping[str, Any]] = {
        "exclude_fstype": ["squashfs", "iso9660", "udf", "erofs", "cramfs"],
        "exclude_mount": [
            "/dev/*",
            "/proc/*",
            "/sys/*",
            "/run/*",
            "/snap/*",
            "/var/lib/docker/*",
            "/var/lib/containerd/*",
            "/var/lib/containers/*",
            "/var/lib/kubelet/pods/*",
        ],
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._table = b""
        self._chosen: dict[str, Mount] = {}

    def chosen(self) -> dict[str, Mount]:
        """Return the mounts to measure, by their segments; chosen anew when the table of mounts changes."""
        table = self.files.read("self/mounts")
        if table != self._table:
            on_device = parse_filesystems(self.files.read("filesystems", optional=True))
            self._chosen = self.choose(parse_mounts(table), on_device)
            self._table = table
        return self._chosen

    def choose(self, mounts: Sequence[Mount], on_device: frozenset[str]) -> dict[str, Mount]:
        """Return those of *mounts* that are wanted by the options."""
        return choose(mounts, on_device, self.options["exclude_fstype"], self.options["exclude_mount"])

    def collect(self, now: float) -> Metrics:
        """Return the use of each mount; one that went away meanwhile is left out."""
        metrics: Metrics = {}
        for name, mount in self.chosen().items():
            try:
                status = os.statvfs(mount.point)
            except OSError:
                continue
            if status.f_blocks:
                metrics[name] = usage(status, mount.readonly)
        return metrics
