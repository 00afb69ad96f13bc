"""Temperatures in degrees Celsius, from ``/sys/class/hwmon`` or, without it, ``/sys/class/thermal``.

Both give thousandths of a degree (the kernel's Documentation/hwmon/sysfs-interface.rst). The sensors
are looked for again every ten minutes or so; between, only their values are read, and of those that are
slow to answer not even these.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics
from saltern_modules.collectors.numbers import integer, segment
from saltern_modules.collectors.source import Source, read_once

SEARCH_EVERY_S = 600.0
SLOW_S = 0.2
"""A sensor that takes this long twice running (a busy host may do it once) is left out until the next search: the
other collectors wait behind it."""

ABSOLUTE_ZERO = -273.15
"""Degrees Celsius. Drivers give it, to the thousandth, for what they have no reading of."""


def parse_millidegrees(data: bytes) -> float | None:
    """Return degrees Celsius, or None when *data* is no temperature (a sensor that is not wired)."""
    text = data.strip()
    thousandths = integer(text.removeprefix(b"-"))
    if thousandths is None:
        return None
    degrees = (-thousandths if text.startswith(b"-") else thousandths) / 1000.0
    return degrees if ABSOLUTE_ZERO < degrees <= 1000.0 else None


def find_sensors(sys_root: str, exclude: Sequence[str] = ()) -> dict[str, str]:
    """Return the files to read, by the segment that names the sensor: ``coretemp_Core_0``.

    Chips, and zones without any, whose names one of the globs *exclude* matches are left out.
    """
    sensors: dict[str, str] = {}
    seen: set[str] = set()
    for folder in _folders(f"{sys_root}/class/hwmon", "hwmon"):
        chip = _text(f"{folder}/name") or _text(f"{folder}/device/name") or os.path.basename(folder)
        if _matches(chip, exclude):
            continue
        # Before Linux 3.13 a chip's files were in the folder of its device.
        for path in _inputs(folder) or _inputs(f"{folder}/device"):
            if (real := os.path.realpath(path)) not in seen:
                seen.add(real)
                label = _text(f"{path[: -len('input')]}label") or os.path.basename(path)[: -len("_input")]
                _add(sensors, segment(f"{chip}_{label}"), path)
    if not sensors:
        for folder in _folders(f"{sys_root}/class/thermal", "thermal_zone"):
            kind = _text(f"{folder}/type") or os.path.basename(folder)
            if not _matches(kind, exclude):
                _add(sensors, segment(kind), f"{folder}/temp")
    return sensors


def _add(sensors: dict[str, str], name: str, path: str) -> None:
    """Add a sensor; a second of the same name (two processors) gets a number."""
    number = 2
    unique = name
    while unique in sensors:
        unique, number = f"{name}_{number}", number + 1
    sensors[unique] = path


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _inputs(folder: str) -> list[str]:
    """Return the files of a chip's temperatures; none when it has left."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [f"{folder}/{name}" for name in names if name.startswith("temp") and name.endswith("_input")]


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
    settings: ClassVar[Mapping[str, Any]] = {"exclude": ["w1_slave_temp"]}
    """Globs of chips' names. 1-wire sensors take a second to answer, and one reader disturbs another."""

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._sensors: dict[str, str] = {}
        self._slow: set[str] = set()
        self._search_at = float("-inf")

    def collect(self, now: float) -> Metrics:
        """Return what each sensor says; one that can't be read now is left out."""
        if now >= self._search_at:
            self._sensors = find_sensors(self.files.sys_root, self.options["exclude"])
            self._slow.clear()
            self._search_at = now + SEARCH_EVERY_S
        metrics: Metrics = {}
        for name, path in list(self._sensors.items()):
            started = perf_counter()
            try:
                degrees = parse_millidegrees(read_once(path, 32))
            except OSError:
                degrees = None
            if degrees is not None:
                metrics[name] = degrees
            if perf_counter() - started < SLOW_S:
                self._slow.discard(name)
            elif name in self._slow:
                del self._sensors[name]
            else:
                self._slow.add(name)
        return metrics
