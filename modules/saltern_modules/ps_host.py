"""``ps``: what the whole host uses, counted since it booted or now."""

from __future__ import annotations

from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules._needed import psutil_loaded

__virtualname__ = "ps"

__powers__ = {
    "cpu_percent": "reads",
    "cpu_times": "reads",
    "virtual_memory": "reads",
    "swap_memory": "reads",
    "disk_partitions": "reads",
    "disk_usage": "reads",
    "disk_partition_usage": "reads",
    "total_physical_memory": "reads",
    "num_cpus": "reads",
    "boot_time": "reads",
    "network_io_counters": "reads",
    "disk_io_counters": "reads",
    "get_users": "reads",
}

MAX_INTERVAL_S = 600


def cpu_percent(interval: float = 0.1, per_cpu: bool = False) -> float | list[float]:
    """Return how busy the processors are, in percent, over *interval* seconds; a list of each with *per_cpu*.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.cpu_percent
    """
    if not 0 <= interval <= MAX_INTERVAL_S:
        raise ArgumentError(f"ps.cpu_percent: the interval is from 0 to {MAX_INTERVAL_S} seconds, not {interval!r}")
    percent: float | list[float] = psutil_loaded().cpu_percent(interval, per_cpu)
    return percent


def cpu_times(per_cpu: bool = False) -> dict[str, float] | list[dict[str, float]]:
    """Return the seconds that processors spent: ``{'user', 'nice', 'system', 'idle', …}``; a list with *per_cpu*.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.cpu_times
    """
    times = psutil_loaded().cpu_times(per_cpu)
    return [dict(each._asdict()) for each in times] if per_cpu else dict(times._asdict())


def virtual_memory() -> dict[str, Any]:
    """Return the use of memory in bytes: ``{'total', 'available', 'percent', 'used', 'free', …}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.virtual_memory
    """
    return dict(psutil_loaded().virtual_memory()._asdict())


def swap_memory() -> dict[str, Any]:
    """Return the use of swap in bytes: ``{'total', 'used', 'free', 'percent', 'sin', 'sout'}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.swap_memory
    """
    return dict(psutil_loaded().swap_memory()._asdict())


def disk_partitions(all: bool = False) -> list[dict[str, Any]]:
    """Return what is mounted: ``[{'device', 'mountpoint', 'fstype', 'opts'}]``; with *all* what has no device too.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.disk_partitions
    """
    return [dict(partition._asdict()) for partition in psutil_loaded().disk_partitions(all)]


def disk_usage(path: str) -> dict[str, Any]:
    """Return the use of the file system that *path* is in, in bytes: ``{'total', 'used', 'free', 'percent'}``.

    Raises ``CommandError`` when there is no such path.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.disk_usage /home
    """
    try:
        return dict(psutil_loaded().disk_usage(path)._asdict())
    except OSError as error:
        raise CommandError(str(error)) from None


def disk_partition_usage(all: bool = False) -> list[dict[str, Any]]:
    """Return what :func:`disk_partitions` does, each with what :func:`disk_usage` says of it.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.disk_partition_usage
    """
    partitions = disk_partitions(all)
    for partition in partitions:
        partition.update(disk_usage(partition["mountpoint"]))
    return partitions


def total_physical_memory() -> int:
    """Return the bytes of memory that this host has.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.total_physical_memory
    """
    return int(psutil_loaded().virtual_memory().total)


def num_cpus() -> int | None:
    """Return how many processors there are, hyper-threads counted.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.num_cpus
    """
    count: int | None = psutil_loaded().cpu_count()
    return count


def boot_time(time_format: str | None = None) -> int | str:
    """Return when this host booted: seconds since the epoch, or local time in strftime(3)'s *time_format*.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.boot_time
        saltern '*' ps.boot_time time_format='%c'
    """
    import time

    booted = int(psutil_loaded().boot_time())
    if not time_format:
        return booted
    try:
        return time.strftime(time_format, time.localtime(booted))
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"Invalid format string: {error}") from None


def network_io_counters(interface: str | None = None) -> dict[str, int] | bool:
    """Return what went over the networks, or over *interface* (``False`` when there is none).

    ``{'bytes_sent', 'bytes_recv', 'packets_sent', 'packets_recv', 'errin', 'errout', 'dropin', 'dropout'}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.network_io_counters
        saltern '*' ps.network_io_counters interface=eth0
    """
    return _counters(psutil_loaded().net_io_counters, "pernic", interface)


def disk_io_counters(device: str | None = None) -> dict[str, int] | bool:
    """Return what was read from and written to disks, or to *device* (``False`` when there is none).

    ``{'read_count', 'write_count', 'read_bytes', 'write_bytes', 'read_time', 'write_time', …}``, times in ms.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.disk_io_counters
        saltern '*' ps.disk_io_counters device=sda1
    """
    return _counters(psutil_loaded().disk_io_counters, "perdisk", device)


def get_users() -> list[dict[str, Any]]:
    """Return who is logged in: ``[{'name', 'terminal', 'host', 'started', 'pid'}]``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.get_users
    """
    return [dict(user._asdict()) for user in psutil_loaded().users()]


def _counters(ask: Any, each: str, name: str | None) -> dict[str, int] | bool:
    found = ask(**{each: True}).get(name) if name else ask()
    if found is None:  # no such one, or a host without any
        return False if name else {}
    return dict(found._asdict())
