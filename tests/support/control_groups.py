"""Control groups as systemd makes them, real ones, for a process that a test starts."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path("/sys/fs/cgroup")
SECOND = (ROOT / "cgroup.controllers").exists()
V1_TREES = {"": "systemd", "memory": "memory", "cpu": "cpuacct", "pids": "pids", "io": "blkio"}
"""Where version 1 keeps each account."""

TREES = [ROOT] if SECOND else [ROOT / name for name in V1_TREES.values() if (ROOT / name).exists()]
MAY_MAKE = os.geteuid() == 0 and bool(TREES) and all(os.access(tree, os.W_OK) for tree in TREES)
WHY_NOT = "control groups can be made by root alone, where they are writable"


class Unit(NamedTuple):
    """A unit with one process, which keeps 8 MiB."""

    name: str
    pid: int


def accounted(controller: str) -> bool:
    """Return whether a unit of :func:`unit` has the files of *controller* (``memory``, ``io``, ``cpu``, ``pids``)."""
    if not SECOND:
        return MAY_MAKE and ROOT / V1_TREES[controller] in TREES
    above = ROOT / "system.slice/cgroup.subtree_control"
    given = above.read_text().split() if above.exists() else []
    return MAY_MAKE and (controller in ("", "cpu") or controller in given)


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


@contextlib.contextmanager
def unit(name: str) -> Iterator[Unit]:
    """Make the folders of the unit *name*, with a process in them; both go at the end."""
    code = "import sys; kept = bytearray(8 << 20); print('ready', flush=True); sys.stdin.read()"
    with contextlib.ExitStack() as stack:
        for tree in TREES:
            slice_ = tree / "system.slice"  # it may come and go: a test beside us has it too
            if not slice_.exists():
                stack.callback(_remove_empty, slice_)
            (slice_ / name).mkdir(parents=True)
            stack.callback((slice_ / name).rmdir)

        def join() -> None:
            for tree in TREES:
                (tree / "system.slice" / name / "cgroup.procs").write_text(str(os.getpid()))

        argv = [sys.executable, "-P", "-c", code]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=join)
        with process:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
            yield Unit(name, process.pid)
            process.communicate()
