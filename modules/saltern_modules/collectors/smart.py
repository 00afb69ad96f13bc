"""What drives say of their own health (SMART): NVMe and SATA, without running ``smartctl``. The agent must be root.

The drives are asked every ten minutes, aside from the sample; a SATA disk that stands still is let sleep, and what it
said last is told again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.asking.errand import Errand
from saltern_modules.collectors.base import Collector, Metrics, Number, counter, gauge
from saltern_modules.collectors.reading import ata, nvme
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import Source, read_once

ASK_EVERY_S = 600.0
MAX_DRIVES = 256
DEVICES = "/dev"


def ask_nvme(path: str) -> dict[str, float]:
    """Return what an NVMe drive says. Raises ``OSError``."""
    return nvme.parse_health(nvme.read_health(path))


def ask_ata(path: str) -> dict[str, float] | None:
    """Return what a SATA disk says, None while it sleeps. Raises ``OSError``."""
    disk = ata.Disk(path)
    try:
        if disk.sleeps():
            return None
        told = disk.attributes()
        healthy = disk.healthy()
        return told if healthy is None else {**told, "healthy": int(healthy)}
    finally:
        disk.close()


class Smart(Collector):
    """``smart.<drive>.healthy``, ``.temperature``, ``.used_percent``, ``.reallocated_sectors``, …"""

    name = "smart"
    description = "what NVMe and SATA drives say of their own health"
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.read": gauge("", "1 when the drive answered the last time; the agent must be root"),
        "*.sleeping": gauge("", "1 while the disk stands still and isn't asked"),
        "*.healthy": gauge("", "1 while the drive finds nothing wrong with itself"),
        "*.temperature": gauge("°C", "its temperature"),
        "*.power_on_hours": counter("h", "hours that it has been on", rated=False),
        "*.power_cycles": counter("times", "times that it was switched on", rated=False),
        "*.critical_warning": gauge("", "NVMe: a sum of 1 spare, 2 heat, 4 unreliable, 8 read-only, 16 backup, 32 PMR"),
        "*.spare_percent": gauge("%", "NVMe: spare blocks that are left"),
        "*.spare_threshold_percent": gauge("%", "NVMe: below this the maker calls it worn out"),
        "*.used_percent": gauge("%", "NVMe: how much of its life is used, which may go beyond 100"),
        "*.bytes_read": counter("B", "NVMe: what was read from it in its life", rated=False),
        "*.bytes_written": counter("B", "NVMe: what was written to it in its life", rated=False),
        "*.unsafe_shutdowns": counter("times", "NVMe: times that its power went without a word", rated=False),
        "*.media_errors": counter("errors", "NVMe: data that it could not get back", rated=False),
        "*.error_log_entries": counter("entries", "NVMe: commands that failed, wrong questions too", rated=False),
        "*.reallocated_sectors": counter("sectors", "SATA: bad sectors that others stand in for", rated=False),
        "*.pending_sectors": gauge("sectors", "SATA: sectors that could not be read and wait to be written"),
        "*.unreadable_sectors": counter("sectors", "SATA: sectors that its own check could not read", rated=False),
        "*.uncorrectable_errors": counter("errors", "SATA: errors that it could not correct", rated=False),
        "*.cable_errors": counter("errors", "SATA: errors on the way, so by the cable", rated=False),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._found: dict[str, dict[str, float]] = {}
        self._errand = Errand("smart", self._ask)
        self._ask_at = float("-inf")

    def collect(self, now: float) -> Metrics:
        """Return what each drive said last."""
        if now >= self._ask_at and self._errand.go():
            self._ask_at = now + ASK_EVERY_S
        return {segment(name): dict(told) for name, told in list(self._found.items())}

    def drives(self) -> dict[str, Any]:
        """Return how to ask each drive, by its device's name: NVMe controllers, and disks that speak ATA."""
        found: dict[str, Any] = {}
        for name in _listed(f"{self.files.sys_root}/class/nvme"):
            found[name] = ask_nvme
        for name in _listed(f"{self.files.sys_root}/block"):
            try:
                vendor = read_once(f"{self.files.sys_root}/block/{name}/device/vendor", 32)
            except OSError:
                continue
            if vendor.strip() == b"ATA":
                found[name] = ask_ata
        return dict(list(found.items())[:MAX_DRIVES])

    def _ask(self) -> None:
        drives = self.drives()
        for name in [name for name in self._found if name not in drives]:
            del self._found[name]
        for name, ask in drives.items():
            try:
                told = ask(f"{DEVICES}/{name}")
            except OSError:
                self._found[name] = {"read": 0}
                continue
            if told is None:
                self._found[name] = {**self._found.get(name, {}), "sleeping": 1}
            elif ask is ask_ata:
                self._found[name] = {**told, "read": int(bool(told)), "sleeping": 0}
            else:
                self._found[name] = {**told, "read": int(bool(told))}


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
