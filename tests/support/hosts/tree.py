"""A folder with the ``/proc`` and ``/sys`` of one host, whose counters go on when told."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

Files = Mapping[str, str]


class Kind(NamedTuple):
    """A kind of host: its files, what changes in *seconds*, and the numbers that are right before and after."""

    files: Files
    later: Files
    first: Mapping[str, Any]
    second: Mapping[str, Any]
    absent: tuple[str, ...] = ()
    """Numbers, or all of a collector's, that it must not have."""

    links: Mapping[str, str] = {}
    """Symbolic links, by their place."""

    seconds: float = 10.0
    """Between the two samples."""

    space: Mapping[str, tuple[int, int]] = {}
    """What statvfs(2) says of each mount: blocks of 4096 bytes, and how many of them are free."""


class Tree:
    """The files of a :class:`Kind` at a *root*."""

    def __init__(self, root: Path, kind: Kind) -> None:
        self.root = root
        self.kind = kind
        self.write(kind.files)
        for place, target in kind.links.items():
            path = root / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target)

    @property
    def opts(self) -> dict[str, Any]:
        """The agent's options to look at this host."""
        return {"proc_root": str(self.root / "proc"), "sys_root": str(self.root / "sys")}

    def write(self, files: Files) -> None:
        """Write what changed."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def statvfs(self) -> Callable[..., os.statvfs_result]:
        """Return what stands in for statvfs(2) there."""

        def asked(mount: Any, *_: object) -> os.statvfs_result:
            if mount.point not in self.kind.space:
                raise FileNotFoundError(mount.point)
            blocks, free = self.kind.space[mount.point]
            return os.statvfs_result((4096, 4096, blocks, free, free, 1000, 900, 900, 0, 255))

        return asked
