"""The plugin *disks*: how full file systems are, by bytes and by inodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError
from saltern_modules import _plugin

__salt__: Mapping[str, Callable[..., Any]]

__version__ = "1.0"
__powers__ = {"run": "reads"}

NO_DISKS = ("tmpfs", "devtmpfs", "udev", "overlay", "shm", "none", "cgroup", "cgroup2", "efivarfs")
KIB = 1024


def run(parameters: Any = None, version: str = "", configuration: Any = None) -> dict[str, Any]:
    """Return how full file systems are; from ``warning`` percent in *configuration* on it is one, as from ``error``.

    ``data``: ``{"fullest": 25.0, "disks": [{"mount": "/", "device": "/dev/vda", "bytes": …, "used": …, "percent": 25,
    "inodes_percent": 4}]}``, the fullest first. *parameters* aren't looked at.

    CLI Example:

    .. code-block:: bash

        saltern '*' plugin_disks.run configuration='{warning: 85, error: 95}'
    """
    limits = {"warning": 85, "error": 95, **_plugin.given("plugin_disks.run", configuration)}
    if any(isinstance(limits[key], bool) or not isinstance(limits[key], int | float) for key in ("warning", "error")):
        raise ArgumentError("plugin_disks.run: warning and error must be percents")
    inodes = __salt__["disk.inodeusage"]()
    disks = []
    for mount, usage in __salt__["disk.usage"]().items():
        blocks = _number(usage["1K-blocks"])
        if usage["filesystem"] in NO_DISKS or blocks <= 0:
            continue
        disks.append(
            {
                "mount": mount,
                "device": usage["filesystem"],
                "bytes": blocks * KIB,
                "used": _number(usage["used"]) * KIB,
                "percent": _number(usage["capacity"]),
                "inodes_percent": _number(inodes.get(mount, {}).get("use", "")),
            }
        )
    disks.sort(key=lambda disk: (-max(disk["percent"], disk["inodes_percent"]), disk["mount"]))
    fullest = max((max(disk["percent"], disk["inodes_percent"]) for disk in disks), default=0)
    if not disks:
        status = _plugin.UNKNOWN
    elif fullest >= limits["error"]:
        status = _plugin.ERROR
    else:
        status = _plugin.WARNING if fullest >= limits["warning"] else _plugin.OK
    return _plugin.answer(status, {"fullest": fullest, "disks": disks[: _plugin.MAX_ROWS]}, __version__)


def _number(text: str) -> int:
    """Return a number as ``df`` writes it; ``-`` is none."""
    digits = text.removesuffix("%")
    return int(digits) if digits.isdecimal() else 0
