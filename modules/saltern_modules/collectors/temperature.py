"""Temperatures in degrees Celsius, from ``/sys/class/hwmon`` or, without it, ``/sys/class/thermal``.

Both give thousandths of a degree (the kernel's Documentation/hwmon/sysfs-interface.rst). The sensors
are looked for again every ten minutes or so; between, only their values are read, and of those that are
slow to answer not even these.

A chip is called as lm-sensors does, by its driver and the place on its bus, since the kernel's numbers (``hwmon3``) are
those of the order in which drivers were loaded: ``coretemp-isa-0000``, ``nvme-pci-0400``, ``jc42-i2c-0-18``.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, gauge
from saltern_modules.collectors.numbers import integer
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import Source, read_once

SEARCH_EVERY_S = 600.0
SLOW_S = 0.2
"""A sensor that takes this long twice running (a busy host may do it once) is left out until the next search: the
other collectors wait behind it."""

ABSOLUTE_ZERO = -273.15
"""Degrees Celsius. Drivers give it, to the thousandth, for what they have no reading of."""

_INPUT = re.compile(r"(temp\d+)_input")
_PCI = re.compile(r"([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])")
_I2C = re.compile(r"(\d+)-([0-9a-f]{4})")
_NUMBERED = re.compile(r".*\.(\d+)")
_UNFIT = re.compile(r"[^A-Za-z0-9]+")


def parse_millidegrees(data: bytes) -> float | None:
    """Return degrees Celsius, or None when *data* is no temperature (a sensor that is not wired)."""
    text = data.strip()
    thousandths = integer(text.removeprefix(b"-"))
    if thousandths is None:
        return None
    degrees = (-thousandths if text.startswith(b"-") else thousandths) / 1000.0
    return degrees if ABSOLUTE_ZERO < degrees <= 1000.0 else None


def address(bus: str, device: str) -> str:
    """Return where the *device* of a *bus* of the kernel's is, in the words of lm-sensors: ``pci-0400``."""
    if bus == "pci" and (at := _PCI.fullmatch(device)):
        domain, number, slot, function = (int(part, 16) for part in at.groups())
        return f"pci-{(domain << 16) + (number << 8) + (slot << 3) + function:04x}"
    if bus == "i2c" and (at := _I2C.fullmatch(device)):
        return f"i2c-{int(at[1])}-{int(at[2], 16):02x}"
    if bus == "platform":
        at = _NUMBERED.fullmatch(device)
        return f"isa-{int(at[1]):04x}" if at else f"isa-{_UNFIT.sub('-', device)}"
    return f"{bus}-{_UNFIT.sub('-', device)}"


def find_sensors(sys_root: str, exclude: Sequence[str] = ()) -> dict[str, str]:
    """Return the files to read, by the segment that names the sensor: ``coretemp-isa-0000_Core_0``.

    Chips, and zones without any, whose names one of the globs *exclude* matches are left out.
    """
    sensors: dict[str, str] = {}
    seen: set[str] = set()
    for folder in _folders(f"{sys_root}/class/hwmon", "hwmon"):
        name = _text(f"{folder}/name") or _text(f"{folder}/device/name") or "hwmon"
        if _matches(name, exclude):
            continue
        chip = f"{name}-{_place(folder)}"
        # Before Linux 3.13 a chip's files were in the folder of its device.
        inputs = _inputs(folder) or _inputs(f"{folder}/device")
        fresh = {sensor: path for sensor, path in inputs.items() if os.path.realpath(path) not in seen}
        seen.update(map(os.path.realpath, fresh.values()))
        labels = {sensor: _text(f"{path[: -len('input')]}label") or sensor for sensor, path in fresh.items()}
        times = Counter(labels.values())
        for sensor, label in labels.items():
            own = label if times[label] == 1 else f"{label} {sensor}"
            sensors[segment(f"{chip} {own}", " ")] = fresh[sensor]
    if not sensors:
        for folder in _folders(f"{sys_root}/class/thermal", "thermal_zone"):
            number = folder.rpartition("thermal_zone")[2]
            kind = _text(f"{folder}/type")
            if not _matches(kind, exclude):
                sensors[segment(f"{kind}-{number}" if kind else f"thermal_zone{number}", " ")] = f"{folder}/temp"
    return sensors


def has_chips(sys_root: str) -> bool:
    """Return whether the kernel knows of anything that may have a sensor."""
    return bool(_folders(f"{sys_root}/class/hwmon", "hwmon") or _folders(f"{sys_root}/class/thermal", "thermal_zone"))


def _place(folder: str) -> str:
    """Return where the device of a chip is, its own number where it has none.

    A device may lie within another: an NVMe's own number depends on order, the PCI address that it is at doesn't.
    """
    device = os.path.realpath(f"{folder}/device")
    if not os.path.isdir(device):
        return os.path.basename(folder)
    bus = _bus(device)
    if bus == "nvme":
        above = os.path.dirname(os.path.dirname(device))
        device, bus = (above, "pci") if _bus(above) == "pci" else (device, bus)
    return address(bus, os.path.basename(device))


def _bus(device: str) -> str:
    link = f"{device}/subsystem"
    return os.path.basename(os.path.realpath(link)) if os.path.lexists(link) else "device"


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _inputs(folder: str) -> dict[str, str]:
    """Return the files of a chip's temperatures, ``{'temp1': path}``; none when it has left."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return {}
    return {match[1]: f"{folder}/{name}" for name in names if (match := _INPUT.fullmatch(name))}


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
    numbers: ClassVar[Mapping[str, Number]] = {"*": gauge("°C", "what this sensor measures now")}
    settings: ClassVar[Mapping[str, Any]] = {"exclude": ["w1_slave_temp"]}
    """Globs of chips' names. 1-wire sensors take a second to answer, and one reader disturbs another."""

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._sensors: dict[str, str] = {}
        self._slow: set[str] = set()
        self._search_at = float("-inf")

    def may_wait(self, now: float) -> bool:
        """Return whether there is a sensor to ask, or may be: a virtual machine has none."""
        return bool(self._sensors) or (now >= self._search_at and has_chips(self.files.sys_root))

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
