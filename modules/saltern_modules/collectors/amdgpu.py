"""AMD's graphics processors, from ``/sys/class/drm/card*/device`` (the kernel's Documentation/gpu/amdgpu/)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, gauge
from saltern_modules.collectors.numbers import integer, percent
from saltern_modules.collectors.reading.card import CARD
from saltern_modules.collectors.source import Source, read_once

SEARCH_EVERY_S = 600.0
MAX_CARDS = 64
_CARD = re.compile(r"card\d+")
FILES = {
    "gpu_busy_percent": ("percent", 1.0),
    "mem_busy_percent": ("memory_busy_percent", 1.0),
    "mem_info_vram_used": ("memory_used_bytes", 1.0),
    "mem_info_vram_total": ("memory_total_bytes", 1.0),
}
HWMON = {
    "temp1_input": ("temperature", 1000.0),
    "power1_average": ("power_watts", 1e6),
    "power1_input": ("power_watts", 1e6),
    "fan1_input": ("fan_rpm", 1.0),
}
"""The file, our name, and what its number is to be divided by."""


class Amdgpu(Collector):
    """``amdgpu.<card>.percent``, ``.memory_percent``, ``.temperature``, ``.power_watts``, …"""

    name = "amdgpu"
    description = "AMD's graphics processors"
    numbers: ClassVar[Mapping[str, Number]] = {
        **CARD,
        "*.fan_rpm": gauge("1/min", "how fast its fan turns"),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._cards: dict[str, dict[str, tuple[str, float]]] = {}
        """For each card the files to read, with our name and divisor."""

        self._search_at = float("-inf")

    def collect(self, now: float) -> Metrics:
        """Return what each card says; a number that can't be read now is left out."""
        if now >= self._search_at:
            self._cards = self._search()
            self._search_at = now + SEARCH_EVERY_S
        metrics: Metrics = {}
        for card, files in self._cards.items():
            told: dict[str, float] = {}
            for path, (name, divisor) in files.items():
                try:
                    value = integer(read_once(path, 32).strip())
                except OSError:
                    continue  # it sleeps
                if value is not None:
                    told[name] = value if divisor == 1.0 else value / divisor
            if "memory_used_bytes" in told and told.get("memory_total_bytes"):
                told["memory_percent"] = percent(told["memory_used_bytes"], told["memory_total_bytes"])
            if told:
                metrics[card] = told
        return metrics

    def _search(self) -> dict[str, dict[str, tuple[str, float]]]:
        drm = f"{self.files.sys_root}/class/drm"
        found = {}
        for card in [name for name in sorted(os.listdir(drm)) if _CARD.fullmatch(name)][:MAX_CARDS]:
            device = f"{drm}/{card}/device"
            if not os.path.exists(f"{device}/gpu_busy_percent"):
                continue
            places = {f"{device}/{file}": what for file, what in FILES.items()}
            if os.path.isdir(f"{device}/hwmon"):
                for sensor in sorted(os.listdir(f"{device}/hwmon"))[:1]:
                    places |= {f"{device}/hwmon/{sensor}/{file}": what for file, what in HWMON.items()}
            found[card] = {path: what for path, what in places.items() if os.path.exists(path)}
        return found
