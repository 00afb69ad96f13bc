"""What chosen systemd units use, from their control groups: nothing is asked of systemd, and no program is run.

``up`` is 1 while the unit has a process. ``starts`` counts how often all of its processes were others than before,
since the agent began to look: a restart, whether somebody asked for it or systemd did. What the kernel doesn't
account for (no such controller for the unit) is absent; ``systemctl set-property UNIT MemoryAccounting=yes`` and its
like change that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter, gauge
from saltern_modules.collectors.numbers import Rates, integer, percent
from saltern_modules.collectors.reading.cgroup_files import UNLIMITED, parse_flat, parse_io
from saltern_modules.collectors.reading.units import UNIT, Cgroups
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import Source

SEARCH_EVERY_S = 60.0
MAX_UNITS = 200
WITH_PROCESSES = (".service", ".scope", ".slice", ".socket", ".mount", ".swap")
WITHOUT = (".timer", ".target", ".path", ".device", ".automount")
_UNIT_OR_PATTERN = re.compile(r"[A-Za-z0-9:_.@\\*?\[\]!-]{1,255}")
"""What a unit's name may be made of (systemd.unit(5)), and a glob's own characters. A unit can't be given another."""


def label(unit: str) -> str:
    """Return a unit's segment: ``nginx`` for ``nginx.service``, ``nginx_socket`` for ``nginx.socket``.

    ``postgresql@15-main.service`` is ``postgresql_15-main``.
    """
    stem = unit.removesuffix(".service")
    if "." in stem:
        return segment(unit, ".")
    template, _, instance = stem.rpartition("@")
    # Two that would be called as another unit, or as a number of ours, are told apart by a digest.
    taken = f".{instance}" in WITH_PROCESSES or (template, instance) == ("left", "out")
    return segment(stem, "." if taken or not template else "@")


def unit_of(entry: str) -> str:
    """Return the whole name of the unit that *entry* means: ``nginx`` is ``nginx.service``, as for systemctl(1)."""
    return entry if entry.endswith((*WITH_PROCESSES, "*")) else f"{entry}.service"


class Services(Collector):
    """``services.<unit>.up``, ``.cpu_percent``, ``.memory_bytes``, ``.tasks``, ``.starts``, …"""

    name = "services"
    description = "what chosen systemd units use"
    settings: ClassVar[Mapping[str, Any]] = {"units": []}
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.up": gauge("", "1 while the unit has a process"),
        "*.starts": counter("starts", "times that it was seen to start or restart, since the agent did", rated=False),
        "*.tasks": gauge("threads", "its threads"),
        "*.processes": gauge("processes", "its processes"),
        "*.cpu_ms": counter("ms", "processor time that it has used", rated=False),
        "*.cpu_percent": gauge("%", "processor time since the sample before, of one processor"),
        "*.throttled_ms": counter("ms", "time that it waited since its processor quota was used up", rated=False),
        "*.memory_bytes": gauge("B", "memory that counts as its own, its files' cache too"),
        "*.memory_limit_bytes": gauge("B", "memory that it may use; absent without a limit"),
        "*.memory_percent": gauge("%", "memory, of what it may use"),
        "*.swap_bytes": gauge("B", "its memory that is in the swap"),
        "*.oom_kills": counter("processes", "its processes that were killed for want of memory", rated=False),
        "*.read_bytes": counter("B", "bytes that it read from disks"),
        "*.write_bytes": counter("B", "bytes that it wrote to disks"),
        "left_out": gauge("units", "units that fit a pattern and are not measured, there being more than 200"),
    }

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Raise ``ValueError`` for an entry that can't be a unit's name or a pattern of one."""
        for entry in options["units"]:
            if not _UNIT_OR_PATTERN.fullmatch(entry):
                raise ValueError(f"units: {entry!r} is no unit: name one such as 'nginx.service' or 'postgresql@*'")
            if entry.endswith(WITHOUT):
                raise ValueError(f"units: {entry!r} has no processes of its own: name the service that it is for")

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        wanted = [unit_of(entry) for entry in self.options["units"]]
        self._patterns = [unit for unit in wanted if not UNIT.fullmatch(unit)]
        self._exact = [unit for unit in wanted if UNIT.fullmatch(unit)]
        self._cgroups = Cgroups(files.sys_root)
        self._places: dict[str, str] = {}
        self._left_out = 0
        self._search_at = float("-inf")
        self._rates = Rates(("cpu_ms", "read_bytes", "write_bytes"))
        self._processes: dict[str, frozenset[int]] = {}
        self._starts: dict[str, int] = {}

    def collect(self, now: float) -> Metrics:
        """Return the use of every unit; one that is named and isn't there has ``up`` 0."""
        if now >= self._search_at:
            self._search()
            self._search_at = now + SEARCH_EVERY_S
        used: dict[str, dict[str, float]] = {}
        for unit, place in self._places.items():
            pids = self._cgroups.processes(place)
            told: dict[str, float] = {"up": int(bool(pids)), "starts": self._started(unit, pids)}
            if pids:
                told |= {"processes": len(pids), **self._used(place)}
            used[label(unit)] = told
        for name, rates in self._rates.update(now, used).items():
            if "cpu_ms_per_s" in rates:
                used[name]["cpu_percent"] = round(rates.pop("cpu_ms_per_s") / 10.0, 2)
            used[name].update(rates)
        metrics: Metrics = {**used}
        if self._patterns:
            metrics["left_out"] = self._left_out
        return metrics

    def _search(self) -> None:
        """Look for the units: those that fit a pattern, and those that aren't where they would usually be."""
        found = self._cgroups.find([*self._patterns, *self._exact])
        exact = {unit: found.get(unit) or self._cgroups.likely(unit) for unit in self._exact}
        # One that fitted once and is gone is down, not unknown.
        known = {unit: found.get(unit, place) for unit, place in self._places.items()}
        places = {**exact, **known, **found}
        self._places = dict(list(places.items())[:MAX_UNITS])
        self._left_out = len(places) - len(self._places)

    def _started(self, unit: str, pids: frozenset[int]) -> int:
        """Return how often the unit was seen to start: none of its processes is one that it had before."""
        before = self._processes.get(unit)
        starts = self._starts.setdefault(unit, 0)
        if before is None:
            self._processes[unit] = pids
        elif pids:
            if not pids & before:
                self._starts[unit] = starts = starts + 1
            self._processes[unit] = pids
        return starts

    def _used(self, place: str) -> dict[str, float]:
        both = {**self._tasks(place), **self._io(place)}
        if self._cgroups.unified:
            return {**self._cpu_v2(place), **self._memory_v2(place), **both}
        return {**self._cpu_v1(place), **self._memory_v1(place), **both}

    def _number(self, controller: str, place: str, file: str) -> int | None:
        data = self._cgroups.read(controller, place, file)
        return None if data is None else integer(data.strip())

    def _flat(self, controller: str, place: str, file: str) -> dict[bytes, int]:
        return parse_flat(self._cgroups.read(controller, place, file) or b"")

    def _tasks(self, place: str) -> dict[str, float]:
        tasks = self._number("pids", place, "pids.current")
        return {} if tasks is None else {"tasks": tasks}

    def _cpu_v2(self, place: str, controller: str = "") -> dict[str, float]:
        stat = self._flat(controller, place, "cpu.stat")
        names = {b"usage_usec": "cpu_ms", b"throttled_usec": "throttled_ms"}
        return {ours: stat[theirs] / 1000.0 for theirs, ours in names.items() if theirs in stat}

    def _cpu_v1(self, place: str) -> dict[str, float]:
        used = self._number("cpuacct", place, "cpuacct.usage")
        stat = self._flat("cpu", place, "cpu.stat")
        told = {"throttled_ms": stat[b"throttled_time"] / 1e6} if b"throttled_time" in stat else {}
        if used is not None:
            return {**told, "cpu_ms": round(used / 1e6, 3)}
        # A host of both versions has the processor time of every unit in the tree of version 2.
        return {**told, **self._cpu_v2(place, "unified")}

    def _memory_v2(self, place: str) -> dict[str, float]:
        used = self._number("", place, "memory.current")
        told = memory(used, self._number("", place, "memory.max"))
        if (swap := self._number("", place, "memory.swap.current")) is not None:
            told["swap_bytes"] = swap
        events = self._flat("", place, "memory.events")
        return {**told, "oom_kills": events[b"oom_kill"]} if b"oom_kill" in events else told

    def _memory_v1(self, place: str) -> dict[str, float]:
        used = self._number("memory", place, "memory.usage_in_bytes")
        told = memory(used, self._number("memory", place, "memory.limit_in_bytes"))
        both = self._number("memory", place, "memory.memsw.usage_in_bytes")
        if both is not None and used is not None:
            told["swap_bytes"] = max(both - used, 0)
        control = self._flat("memory", place, "memory.oom_control")
        return {**told, "oom_kills": control[b"oom_kill"]} if b"oom_kill" in control else told

    def _io(self, place: str) -> dict[str, float]:
        file = "io.stat" if self._cgroups.unified else "blkio.throttle.io_service_bytes"
        data = self._cgroups.read("blkio", place, file)
        return {} if data is None else {**parse_io(data)}


def memory(used: int | None, limit: int | None) -> dict[str, float]:
    """Return ``memory_bytes``, with ``memory_limit_bytes`` and ``memory_percent`` where there is a limit."""
    if used is None:
        return {}
    if not limit or limit >= UNLIMITED:
        return {"memory_bytes": used}
    return {"memory_bytes": used, "memory_limit_bytes": limit, "memory_percent": percent(used, limit)}
