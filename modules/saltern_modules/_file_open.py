"""Which process has which file open, from ``/proc``."""

from __future__ import annotations

import os
from typing import Any


def open_files(by_pid: bool = False, proc: str = "/proc") -> dict[Any, list[Any]]:
    """Return ``{path: [pids]}``, or ``{pid: [paths]}``, sorted; what isn't at its path any more is left out."""
    pids: dict[int, list[str]] = {int(name): [] for name in os.listdir(proc) if name.isdigit()}
    for pid, paths in pids.items():
        found = {_real(os.path.join(proc, str(pid), "exe"))}
        folder = os.path.join(proc, str(pid), "fd")
        try:
            found |= {_real(os.path.join(folder, name)) for name in os.listdir(folder)}
        except OSError:
            continue  # it has ended, or isn't ours to look into
        paths += sorted(path for path in found if path and os.path.exists(path))
    if by_pid:
        return dict(pids)
    files: dict[str, list[int]] = {}
    for pid, paths in pids.items():
        for path in paths:
            files.setdefault(path, []).append(pid)
    return {path: sorted(users) for path, users in files.items()}


def _real(link: str) -> str:
    try:
        return os.path.realpath(os.readlink(link))
    except OSError:
        return ""
