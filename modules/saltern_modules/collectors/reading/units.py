"""The folders in which systemd keeps each unit's processes, and the kernel its accounts: a source of ``services``.

A unit is a folder below the folders of the slices that it is in (``system.slice/system-getty.slice/…``, see
systemd.slice(5)). With cgroup v2 there is one such tree, and all files of a unit are in one folder; with v1 there is
one for each controller, and systemd's own, which has every unit. See the kernel's
Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from saltern_modules.collectors.source import read_once

MAX_FOLDERS = 4000
MAX_DEPTH = 8
MAX_INNER = 64
"""Folders inside a unit's own that are looked into for its processes."""

NO_FOLDERS_LINKS = 2
"""Links of a folder without folders; some file systems always say 1."""

READ_BYTES = 1 << 16
UNIT = re.compile(r"[^/*?\[\]\s]+\.(?:service|scope|slice|socket|mount|swap)")


class Cgroups:
    """The trees below ``<sys_root>/fs/cgroup``."""

    def __init__(self, sys_root: str) -> None:
        base = f"{sys_root}/fs/cgroup"
        self.unified = os.path.exists(f"{base}/cgroup.controllers")
        self.base = base
        self.units = base if self.unified else f"{base}/systemd"
        """The tree in which every unit is."""

    def likely(self, unit: str) -> str:
        """Return where *unit* is unless somebody moved it: its place below the root of a tree."""
        stem, _, kind = unit.rpartition(".")
        template, at, _ = stem.partition("@")
        if kind == "slice":
            parts = stem.split("-")
            return "/".join("-".join(parts[: n + 1]) + ".slice" for n in range(len(parts)))
        folder = unit if not needs_escape(unit) else f"_{unit}"
        if at:
            return f"system.slice/system-{template.replace('-', chr(92) + 'x2d')}.slice/{folder}"
        return f"system.slice/{folder}"

    def find(self, patterns: list[str]) -> dict[str, str]:
        """Return the units that fit one of *patterns*, with their places below the root of a tree."""
        found: dict[str, str] = {}
        for place in self._walk():
            unit = os.path.basename(place)
            unit = unit[1:] if unit.startswith("_") and needs_escape(unit[1:]) else unit
            if UNIT.fullmatch(unit) and any(fnmatchcase(unit, pattern) for pattern in patterns):
                found.setdefault(unit, place)
        return found

    def _walk(self) -> Iterator[str]:
        """Yield every unit's place: slices lie in slices, and a user's manager has a tree of its own inside."""
        room = MAX_FOLDERS
        waiting = [("", 0)]
        while waiting and room > 0:
            place, depth = waiting.pop(0)
            try:
                with os.scandir(f"{self.units}/{place}") as entries:
                    names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
            except OSError:
                continue
            for name in names[:room]:
                inner = f"{place}/{name}" if place else name
                yield inner
                if depth < MAX_DEPTH and (name.endswith(".slice") or name.startswith("user@")):
                    waiting.append((inner, depth + 1))
            room -= len(names)

    def read(self, controller: str, place: str, file: str) -> bytes | None:
        """Return a unit's *file*, None when it has none; v2 has one tree for all controllers."""
        root = self.base if self.unified else f"{self.base}/{controller}"
        try:
            return read_once(f"{root}/{place}/{file}", READ_BYTES)
        except OSError:
            return None

    def processes(self, place: str) -> frozenset[int]:
        """Return the numbers of the unit's processes, those in folders of its own too; as many as bounds allow."""
        pids: set[int] = set()
        waiting = [f"{self.units}/{place}"]
        for _ in range(MAX_INNER):
            if not waiting:
                break
            folder = waiting.pop(0)
            with contextlib.suppress(OSError):  # a threaded one has no processes to tell
                # A list that was cut ends in the middle of a number.
                listed = read_once(f"{folder}/cgroup.procs", READ_BYTES).rpartition(b"\n")[0]
                pids.update(int(pid) for pid in listed.split() if pid.isdigit())
            with contextlib.suppress(OSError):
                if os.stat(folder).st_nlink != NO_FOLDERS_LINKS:
                    with os.scandir(folder) as entries:
                        waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        return frozenset(pids)


def needs_escape(unit: str) -> bool:
    """Return whether systemd puts a ``_`` before *unit* in a folder's name: it could be a file of the kernel's."""
    return unit.startswith(("_", ".", "cgroup.", *(f"{name}." for name in CONTROLLERS)))


CONTROLLERS = ("cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids", "bpf", "hugetlb", "rdma", "misc")
