"""What the agent's own control group may use and uses: in a container, the container's part of the host.

From control groups of version 1 or 2 (the kernel's Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst). Limits of
groups further out count as well: what is told is that of the group which limits most. What has no limit has no number
for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter, gauge
from saltern_modules.collectors.numbers import Rates, integer, percent, value_after
from saltern_modules.collectors.reading.cgroup_files import parse_io
from saltern_modules.collectors.reading.own_groups import Groups, places
from saltern_modules.collectors.source import Source

FIND_EVERY_S = 60.0
US_PER_MS, NS_PER_MS = 1000, 1_000_000


def cpu_counters(stat: bytes, usage_ns: bytes) -> dict[str, float]:
    """Return a group's counters from ``cpu.stat``, which in version 1 has no use: that is ``cpuacct.usage``'s."""
    # Version 2 has microseconds, version 1 nanoseconds.
    readings = (
        ("used_ms", value_after(stat, b"usage_usec"), US_PER_MS),
        ("used_ms", integer(usage_ns.strip()), NS_PER_MS),
        ("periods", value_after(stat, b"nr_periods"), 1),
        ("throttled_periods", value_after(stat, b"nr_throttled"), 1),
        ("throttled_ms", value_after(stat, b"throttled_usec"), US_PER_MS),
        ("throttled_ms", value_after(stat, b"throttled_time"), NS_PER_MS),
    )
    return {
        name: round(value / scale, 3) if scale > 1 else value for name, value, scale in readings if value is not None
    }


class Container(Collector):
    """``container.memory.limit``, ``.used``, ``.percent``, ``container.cpu.limit``, ``.throttled_percent``, …"""

    name = "container"
    description = "what the agent's container, or control group, may use and uses"
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "memory.limit": gauge("B", "memory that the group may have"),
        "memory.used": gauge("B", "memory that it has, files' contents among it"),
        "memory.working_set": gauge("B", "of this, what can't be taken at once: without files not used lately"),
        "memory.cached": gauge("B", "of this, contents of files"),
        "memory.percent": gauge("%", "the working set, of the limit"),
        "memory.limit_hits": counter("times", "times that the limit was reached", rated=False),
        "memory.oom_kills": counter("processes", "processes killed for want of memory", rated=False),
        "cpu.limit": gauge("processors", "processors' time that the group may use"),
        "cpu.used_ms": counter("ms", "processor time that it has used", rated=False),
        "cpu.cores": gauge("processors", "processors' time that it used, since the sample before"),
        "cpu.percent": gauge("%", "processors' time used, of the limit"),
        "cpu.periods": counter("periods", "periods in which it ran under a limit", rated=False),
        "cpu.throttled_periods": counter("periods", "periods in which it was stopped at the limit", rated=False),
        "cpu.throttled_ms": counter("ms", "time for which it was stopped, of all processors", rated=False),
        "cpu.throttled_percent": gauge("%", "periods in which it was stopped, since the sample before"),
        "pids.used": gauge("threads", "processes and threads in the group"),
        "pids.limit": gauge("threads", "processes and threads that it may have"),
        "pids.percent": gauge("%", "processes and threads, of the limit"),
        "io.read_bytes": counter("B", "bytes read from devices"),
        "io.write_bytes": counter("B", "bytes written to devices"),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._places = places({"proc": files.proc_root, "sys": files.sys_root})
        self._groups = Groups(*self._places)
        self._find_at = 0.0
        self._kept = Source("")
        self._rates = Rates(("used_ms", "periods", "throttled_periods", "read_bytes", "write_bytes"))

    def collect(self, now: float) -> Metrics:
        """Return what the group may use and uses now."""
        if now >= self._find_at:
            self._groups, self._find_at = Groups(*self._places), now + FIND_EVERY_S
        self._kept.begin()
        metrics: Metrics = {"memory": self._memory(), "cpu": self._cpu(), "pids": self._pids(), "io": self._io()}
        rates = self._rates.update(now, {name: metrics[name] for name in ("cpu", "io")})
        metrics["io"].update(rates.get("io", {}))
        self._add_shares(metrics["cpu"], rates.get("cpu", {}))
        return {name: part for name, part in metrics.items() if part}

    def _memory(self) -> Metrics:
        group, folder = self._groups.memory, self._groups.memory_folder
        if group is None:
            return {}
        second = group.version == 2
        used = integer(self._file(folder, "memory.current" if second else "memory.usage_in_bytes").strip())
        stat = self._file(folder, "memory.stat")
        idle = value_after(stat, b"inactive_file" if second else b"total_inactive_file")
        events = self._file(folder, "memory.events" if second else "memory.oom_control")
        hits = value_after(events, b"max") if second else integer(self._file(folder, "memory.failcnt").strip())
        found: dict[str, float | None] = {
            "limit": self._groups.memory_limit,
            "used": used,
            "working_set": None if used is None else max(used - (idle or 0), 0),
            "cached": value_after(stat, b"file" if second else b"total_cache"),
            "limit_hits": hits,
            "oom_kills": value_after(events, b"oom_kill"),
        }
        metrics = {name: value for name, value in found.items() if value is not None}
        if "limit" in metrics and "working_set" in metrics:
            metrics["percent"] = percent(metrics["working_set"], metrics["limit"])
        return metrics

    def _cpu(self) -> Metrics:
        groups = self._groups
        if groups.cpu is None and not groups.cpuacct_folder:
            return {}
        stat = self._file(groups.cpu_folder, "cpu.stat") if groups.cpu_folder else b""
        second = groups.cpu is not None and groups.cpu.version == 2
        usage = b"" if second else self._file(groups.cpuacct_folder, "cpuacct.usage")
        metrics: Metrics = dict(cpu_counters(stat, usage))
        if groups.cpu_limit is not None:
            metrics["limit"] = groups.cpu_limit
        return metrics

    def _add_shares(self, cpu: Metrics, rates: Mapping[str, float]) -> None:
        """Add what is of the time since the sample before."""
        if "used_ms_per_s" in rates:
            cpu["cores"] = round(rates["used_ms_per_s"] / 1000.0, 4)
            if "limit" in cpu:
                cpu["percent"] = percent(cpu["cores"], cpu["limit"])
        if "periods_per_s" in rates and "throttled_periods_per_s" in rates:
            cpu["throttled_percent"] = min(percent(rates["throttled_periods_per_s"], rates["periods_per_s"]), 100.0)

    def _pids(self) -> Metrics:
        folder = self._groups.pids_folder
        if not folder:
            return {}
        used, limit = (integer(self._file(folder, f"pids.{name}").strip()) for name in ("current", "max"))
        metrics: Metrics = {} if used is None else {"used": used}
        if limit is not None:
            metrics["limit"] = limit
            if used is not None:
                metrics["percent"] = percent(used, limit)
        return metrics

    def _io(self) -> Metrics:
        group = self._groups.io
        if group is None:
            return {}
        name = "io.stat" if group.version == 2 else "blkio.throttle.io_service_bytes"
        return dict(parse_io(self._file(group.folders[0], name)))

    def _file(self, folder: str, name: str) -> bytes:
        return self._kept.read(f"{folder}/{name}".lstrip("/"), optional=True)
