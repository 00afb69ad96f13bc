"""The same metrics by way of psutil, for systems without Linux's ``/proc``: macOS, the BSDs.

Each class stands in for the collector that it derives from and reads another way; what the system does not
tell is absent. psutil is loaded by this file alone: it costs 2 MB, which an agent on Linux keeps.
"""

from __future__ import annotations

import os
import time
from typing import Any

import psutil

from saltern_modules.collectors.agent import Agent
from saltern_modules.collectors.base import Collector, Metrics
from saltern_modules.collectors.cpu import MODES, TICKS_PER_S, Cpu
from saltern_modules.collectors.disk import Disk
from saltern_modules.collectors.diskio import DiskIO
from saltern_modules.collectors.load import Load
from saltern_modules.collectors.memory import Memory, with_use
from saltern_modules.collectors.net import Net
from saltern_modules.collectors.processes import Processes
from saltern_modules.collectors.reading.mounts import Mount
from saltern_modules.collectors.swap import Swap
from saltern_modules.collectors.uptime import Uptime

MEMORY = ("total", "free", "available", "buffers", "cached", "active", "inactive", "shared")
DISKIO = {
    "reads": "read_count",
    "read_bytes": "read_bytes",
    "read_ms": "read_time",
    "writes": "write_count",
    "write_bytes": "write_bytes",
    "write_ms": "write_time",
}
NET = {
    "rx_bytes": "bytes_recv",
    "rx_packets": "packets_recv",
    "rx_errors": "errin",
    "rx_dropped": "dropin",
    "tx_bytes": "bytes_sent",
    "tx_packets": "packets_sent",
    "tx_errors": "errout",
    "tx_dropped": "dropout",
}
STATES = {
    psutil.STATUS_RUNNING: "running",
    psutil.STATUS_SLEEPING: "sleeping",
    psutil.STATUS_DISK_SLEEP: "blocked",
    psutil.STATUS_IDLE: "idle",
    psutil.STATUS_ZOMBIE: "zombie",
    psutil.STATUS_STOPPED: "stopped",
}


def _named(values: Any, names: dict[str, str]) -> dict[str, Any]:
    """Return the attributes of *values* that it has, by our names (ours → psutil's)."""
    return {ours: getattr(values, theirs) for ours, theirs in names.items() if hasattr(values, theirs)}


class PortableCpu(Cpu, register=False):
    """psutil counts seconds."""

    def read(self) -> dict[str, list[int]]:
        """Return the ticks of each processor and their total."""
        each = {str(number): times for number, times in enumerate(psutil.cpu_times(percpu=True))}
        return {
            name: [int(getattr(times, mode, 0.0) * TICKS_PER_S) for mode in MODES]
            for name, times in {"total": psutil.cpu_times(), **each}.items()
        }


class PortableLoad(Load, register=False):
    """The C library knows the averages."""

    def collect(self, now: float) -> Metrics:
        """Return the three averages."""
        return dict(zip(("1m", "5m", "15m"), (round(value, 2) for value in os.getloadavg()), strict=True))


class PortableMemory(Memory, register=False):
    """psutil's fields differ from system to system."""

    def collect(self, now: float) -> Metrics:
        """Return the memory of this instant."""
        return with_use(_named(psutil.virtual_memory(), {name: name for name in MEMORY}))


class PortableSwap(Swap, register=False):
    """psutil counts bytes."""

    def read(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return the space, and the traffic since boot."""
        swap = psutil.swap_memory()
        return {"total": swap.total, "free": swap.free}, {"in_bytes": swap.sin, "out_bytes": swap.sout}


class PortableDisk(Disk, register=False):
    """psutil leaves out what is on no device."""

    def chosen(self) -> dict[str, Mount]:
        """Return the mounts to measure."""
        mounts = [
            Mount(part.device, part.mountpoint, part.fstype, "ro" in part.opts.split(","))
            for part in psutil.disk_partitions()
        ]
        return self.choose(mounts, frozenset(mount.fstype for mount in mounts))


class PortableDiskIO(DiskIO, register=False):
    """psutil counts bytes and milliseconds."""

    def read(self, now: float) -> dict[str, dict[str, float]]:
        """Return the counters of every disk that is wanted, by its segment."""
        devices = psutil.disk_io_counters(perdisk=True) or {}
        return {label: _named(devices[name], DISKIO) for name, label in self.wanted(devices, now).items()}


class PortableNet(Net, register=False):
    """psutil has no count of multicast packets."""

    def read(self) -> dict[str, dict[str, float]]:
        """Return the counters of every interface."""
        return {name: _named(values, NET) for name, values in psutil.net_io_counters(pernic=True).items()}


class PortableProcesses(Processes, register=False):
    """psutil asks for each process one by one, at far more than 10 µs: the bound matters more here."""

    def collect(self, now: float) -> Metrics:
        """Return the counts of this instant."""
        pids = psutil.pids()
        metrics: Metrics = {"total": len(pids), "scanned": int(len(pids) <= self.options["max_scanned"])}
        if metrics["scanned"]:
            metrics.update(dict.fromkeys((*STATES.values(), "other"), 0))
            for process in psutil.process_iter(["status"]):
                metrics[STATES.get(process.info["status"], "other")] += 1
        return metrics


class PortableUptime(Uptime, register=False):
    """psutil tells when the system was booted."""

    def collect(self, now: float) -> Metrics:
        """Return the time since boot."""
        return {"seconds": round(time.time() - psutil.boot_time(), 2)}


class PortableAgent(Agent, register=False):
    """psutil knows what only ``/proc/self`` tells elsewhere."""

    def collect(self, now: float) -> Metrics:
        """Return this process's cost."""
        process = psutil.Process()
        memory = process.memory_info()
        own = {
            "threads": process.num_threads(),
            "rss_bytes": memory.rss,
            "vms_bytes": memory.vms,
            "fds": process.num_fds(),
        }
        return {**super().collect(now), **own}


COLLECTORS: dict[str, type[Collector]] = {
    collector.name: collector
    for collector in (
        PortableAgent,
        PortableCpu,
        PortableDisk,
        PortableDiskIO,
        PortableLoad,
        PortableMemory,
        PortableNet,
        PortableProcesses,
        PortableSwap,
        PortableUptime,
    )
}
