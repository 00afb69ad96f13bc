"""The floor: the CPU time of asking psutil for what a sample of the host holds, and of nothing else."""

from __future__ import annotations

import time

import psutil

PEER = f"psutil {psutil.__version__} alone"
ROUNDS = 200


def sample() -> None:
    """Ask for what ``stats.collect`` reports, as far as psutil knows it without walking processes."""
    psutil.cpu_times()
    psutil.cpu_times(percpu=True)
    psutil.cpu_stats()
    psutil.getloadavg()
    psutil.virtual_memory()
    psutil.swap_memory()
    for partition in psutil.disk_partitions():
        psutil.disk_usage(partition.mountpoint)
    psutil.disk_io_counters(perdisk=True)
    psutil.net_io_counters(pernic=True)
    psutil.boot_time()


def cpu_s() -> float:
    """Return the CPU seconds of one sample, mean of many."""
    sample()
    began = time.process_time()
    for _ in range(ROUNDS):
        sample()
    return (time.process_time() - began) / ROUNDS
