"""A ``/proc`` and a ``/sys`` made of what a test says is in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from saltern_modules.collectors.options import chosen
from saltern_modules.collectors.source import Source


def plant(root: Path, files: Mapping[str, str | bytes]) -> Source:
    """Write *files* (``proc/stat``, ``sys/block/…``) below *root* and return what reads them anew each time."""
    for folder in ("proc", "sys"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    source = Source(str(root / "proc"), str(root / "sys"))
    source.begin()
    return source


def options(root: Path, stats: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return an agent's options for the host below *root*."""
    return {"proc_root": str(root / "proc"), "sys_root": str(root / "sys"), "stats": dict(stats or {})}


def fault_of(root: Path, stats: Mapping[str, Any]) -> str:
    """Return what is wrong with the one collector in *stats* whose options are."""
    (fault,) = chosen(options(root, stats)["stats"]).faults.values()
    return fault
