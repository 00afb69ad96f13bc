"""Space and inodes of file systems.

Those on a block device (their type has no ``nodev`` in ``/proc/filesystems``), or of one of the few types that are
stored without one, or the root; others when an option includes them. A file system is told once, however often it is
mounted. One that doesn't answer, because its server or its daemon is away, or its device is dying, costs its own
numbers and no others: ``disk.<mount>.hung`` is 1.

A mount that autofs made counts like any other, and being asked keeps it from expiring: exclude it where it should.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from saltern_modules.collectors.asking.questions import Questions
from saltern_modules.collectors.base import Collector, Metrics, NoReading, Number, gauge
from saltern_modules.collectors.numbers import percent
from saltern_modules.collectors.reading.host import mount_tables, roots_of
from saltern_modules.collectors.reading.mounts import (
    Mount,
    above,
    choose,
    parse_filesystems,
    parse_mountinfo,
    parse_mounts,
)
from saltern_modules.collectors.source import Source

AT_ONCE = frozenset(
    {
        *("ext2", "ext3", "ext4", "xfs", "f2fs", "jfs", "vfat", "exfat", "msdos"),
        *("squashfs", "iso9660", "udf", "erofs", "cramfs"),
        *("tmpfs", "ramfs", "rootfs", "devtmpfs", "proc", "sysfs", "devpts", "cgroup", "cgroup2", "securityfs"),
        *("debugfs", "tracefs", "configfs", "mqueue", "hugetlbfs", "pstore", "bpf"),
    }
)
"""Types whose statvfs(2) only looks at memory: they are asked without a thread of their own."""

GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP})
"""Answers that say nothing of the file system: it was unmounted since, or isn't for us to see. Others say it is ill."""


MAX_AT_A_PLACE = 3
"""Mounts at one place, one after another, that gave no answer and each keep a thread."""

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
        "hung": 0,
    }
    if status.f_files:
        used = max(status.f_files - status.f_ffree, 0)
        metrics["inodes_total"] = status.f_files
        metrics["inodes_used"] = used
        metrics["inodes_free"] = status.f_ffree
        metrics["inodes_percent"] = percent(used, used + (status.f_favail if status.f_favail < BELOW_0 else 0))
    return metrics


def told(mount: Mount, status: os.statvfs_result | OSError | None) -> Metrics:
    """Return the metrics of *mount* by the kernel's answer, ``{}`` when there is nothing to tell of it."""
    if status is None:
        return {"hung": 1}
    if isinstance(status, OSError):
        return {} if status.errno in GONE else {"hung": 1}
    return usage(status, mount.readonly) if status.f_blocks else {}


def asked(mount: Mount, roots: Sequence[str] = ()) -> os.statvfs_result:
    """Return what the kernel says of *mount*: below the first of *roots* where it is to be seen, else at its own place.

    Below another root there may be only the folder, and not what the host has mounted on it. Raises ``OSError``.
    """
    if not roots:
        return os.statvfs(mount.point)
    for root in roots:
        path = root + mount.point
        with contextlib.suppress(PermissionError, FileNotFoundError, NotADirectoryError):
            device = os.stat(path).st_dev
            # A subvolume of btrfs has a number of its own here.
            if f"{os.major(device)}:{os.minor(device)}" == mount.number or (root and mount.fstype == "btrfs"):
                return os.statvfs(path)
    raise FileNotFoundError(errno.ENOENT, "the host's mount is not to be seen here", mount.point)


class Disk(Collector):
    """``disk.<mount>.total``, ``.used``, ``.percent``, ``.inodes_percent``, ``.hung``, …"""

    name = "disk"
    description = "space and inodes of file systems"
    waits = False  # a thread of its own asks what may
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.total": gauge("B", "size of the file system"),
        "*.used": gauge("B", "space in use"),
        "*.free": gauge("B", "space not in use, root's reserve included"),
        "*.available": gauge("B", "space that users may still fill"),
        "*.percent": gauge("%", "space in use, of what users may fill"),
        "*.readonly": gauge("", "1 when it is mounted read-only"),
        "*.hung": gauge("", "1 when it gives no answer, or an error for one: its other numbers are missing then"),
        "*.inodes_total": gauge("inodes", "inodes of the file system: how many files it can have"),
        "*.inodes_used": gauge("inodes", "inodes in use"),
        "*.inodes_free": gauge("inodes", "inodes not in use"),
        "*.inodes_percent": gauge("%", "inodes in use, of what users may have"),
    }
    settings: ClassVar[Mapping[str, Any]] = {
        "include_fstype": [],
        "include_mount": [],
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
        "root": "",
    }

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Raise ``ValueError`` for a root that is no whole path."""
        root = options["root"]
        if root and not root.startswith("/"):
            raise ValueError(f"root: {root!r} is no whole path: write where the host's / is, such as '/host'")

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        # What a user excludes by his own list stays out; only the lists above yield to what he includes.
        self._kept_out = {name: settings.get(name, []) for name in ("exclude_fstype", "exclude_mount")}
        self._questions = Questions("statvfs")
        self._table = b""
        self._roots: tuple[str, ...] = ()
        """Where the host's root file system may be, none when it is this process's own."""

        self._chosen: dict[str, Mount] = {}
        self._at_once: frozenset[str] = frozenset()
        """The names of those chosen that never keep whoever asks."""

    def chosen(self) -> dict[str, Mount]:
        """Return the mounts to measure, by their segments; chosen anew when the table of mounts changes."""
        name, table = self._read_table()
        if table != self._table:
            mounts = parse_mountinfo(table) if name.endswith("info") else parse_mounts(table)
            root = self.options["root"].rstrip("/")
            self._roots = (root,) if root else roots_of(self.files.proc_root, name)
            on_device = parse_filesystems(self.files.read("filesystems", optional=True))
            self._chosen = self.choose(mounts, on_device)
            self._at_once = frozenset(key for key, mount in self._chosen.items() if self._is_at_once(mount, mounts))
            self._table = table
        return self._chosen

    def choose(self, mounts: Sequence[Mount], on_device: frozenset[str]) -> dict[str, Mount]:
        """Return those of *mounts* that are wanted by the options."""
        options = self.options
        return choose(
            mounts,
            on_device,
            options["exclude_fstype"],
            options["exclude_mount"],
            options["include_fstype"],
            options["include_mount"],
            self._is_file,
            self._kept_out["exclude_fstype"],
            self._kept_out["exclude_mount"],
        )

    def statuses(self) -> Iterator[tuple[str, Mount, os.statvfs_result | OSError | None]]:
        """Yield each mount's name, itself, and the kernel's answer: None when there is none."""
        chosen = self.chosen()
        questions = {
            key: functools.partial(asked, mount, self._roots)
            for name, mount in chosen.items()
            if name not in self._at_once and (key := self._key(name, mount))
        }
        answers = self._questions.ask(questions) if questions else {}
        for name, mount in chosen.items():
            if name not in self._at_once:
                yield name, mount, answers.get(self._key(name, mount))
                continue
            try:
                yield name, mount, asked(mount)
            except OSError as error:
                yield name, mount, error

    def _key(self, name: str, mount: Mount) -> str:
        """Return what *mount* is asked under: another one at the same place is another question.

        Empty when so many at that place gave no answer that one more would only keep one more thread.
        """
        key = f"{name} {mount.ident} {mount.number}"
        waiting = self._questions.unanswered
        if waiting and key not in waiting and sum(each.startswith(f"{name} ") for each in waiting) >= MAX_AT_A_PLACE:
            return ""
        return key

    def collect(self, now: float) -> Metrics:
        """Return the use of each mount; one that went away meanwhile is left out."""
        metrics: Metrics = {}
        for name, mount, status in self.statuses():
            if row := told(mount, status):
                metrics[name] = row
        if self._roots and not metrics:
            raise NoReading(f"none of the host's mounts can be seen below {self._roots[0]}: set stats: disk: root")
        return metrics

    def _read_table(self) -> tuple[str, bytes]:
        """Return the name and the text of the table of mounts."""
        for name in mount_tables(self.files.proc_root):
            if table := self.files.read(name, optional=True):
                return name, table
        raise NoReading(f"{self.files.proc_root} has no table of mounts")

    def _is_at_once(self, mount: Mount, mounts: Sequence[Mount]) -> bool:
        """Return whether neither *mount* nor what is on the way to it ever keeps whoever asks."""
        return not self._roots and all(other.fstype in AT_ONCE for other in above(mount, mounts))

    def _is_file(self, mount: Mount) -> bool:
        """Return whether a file is mounted there, and not a folder; what gives no answer is none."""
        key = f"{mount.ident} {mount.point}"
        path = (self._roots[0] if self._roots else "") + mount.point
        mode = self._questions.ask({key: lambda: os.stat(path).st_mode}).get(key)
        return isinstance(mode, int) and not stat.S_ISDIR(mode)
