"""Temperatures in degrees Celsius, from ``/sys/class/hwmon`` or, without it, ``/sys/class/thermal``.

Both give thousandths of a degree (the kernel's Documentation/hwmon/sysfs-interface.rst). The sensors
are looked for again every ten minutes or so; between, only their values are read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from saltern_modules.collectors.base import Collector, Metrics
from saltern_modules.collectors.numbers import integer
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import Source, read_once

SEARCH_EVERY_S = 600.0
ABSOLUTE_ZERO = -273.15


def parse_millidegrees(data: bytes) -> float | None:
    """Return degrees Celsius, or None when *data* is no temperature (a sensor that is not wired)."""
    text = data.strip()
    thousandths = integer(text.removeprefix(b"-"))
    if thousandths is None:
        return None
    degrees = (-thousandths if text.startswith(b"-") else thousandths) / 1000.0
    return degrees if ABSOLUTE_ZERO <= degrees <= 1000.0 else None


def find_sensors(sys_root: str) -> dict[str, str]:
    """Return the files to read, by the segment that names the sensor: ``coretemp_Core_0``."""
    sensors: dict[str, str] = {}
    for folder in _folders(f"{sys_root}/class/hwmon", "hwmon"):
        chip = _text(f"{folder}/name") or os.path.basename(folder)
        for entry in sorted(os.listdir(folder)):
            if entry.startswith("temp") and entry.endswith("_input"):
                label = _text(f"{folder}/{entry[: -len('input')]}label") or entry[: -len("_input")]
                _add(sensors, segment(f"{chip} {label}", " "), f"{folder}/{entry}")
    if not sensors:
        for folder in _folders(f"{sys_root}/class/thermal", "thermal_zone"):
            kind = _text(f"{folder}/type") or os.path.basename(folder)
            _add(sensors, segment(kind, " "), f"{folder}/temp")
    return sensors


def _add(sensors: dict[str, str], name: str, path: str) -> None:
    """Add a sensor; a second of the same name (two processors) gets a number."""
    number = 2
    unique = name
    while unique in sensors:
        unique, number = f"{name}_{number}", number + 1
    sensors[unique] = path


def _folders(parent: str, prefix: str) -> list[str]:
    try:
        names = [name for name in os.listdir(parent) if name.startswith(prefix)]
    except OSError:
        return []
    return [f"{parent}/{name}" for name in sorted(names, key=lambda name: (len(name), name))]


def _text(path: str) -> str:
    try:
        return read_once(path, 128).decode("ascii", "replace").strip()
    except OSError:
        return ""


class Temperature(Collector):
    """``temperature.<chip>_<label>`` in degrees Celsius."""

    name = "temperature"
    description = "temperatures where the host has sensors"

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._sensors: dict[str, str] = {}
        self._search_at = float("-inf")

    def collect(self, now: float) -> Metrics:
        """Return what each sensor says; one that can't be read now is left out."""
        if now >= self._search_at:
            self._sensors = find_sensors(self.files.sys_root)
            self._search_at = now + SEARCH_EVERY_S
        metrics: Metrics = {}
        for name, path in self._sensors.items():
            try:
                degrees = parse_millidegrees(read_once(path, 32))
            except OSError:
                continue
            if degrees is not None:
                metrics[name] = degrees
        return metrics
