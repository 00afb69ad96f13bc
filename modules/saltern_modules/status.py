"""The state of the host, for people; ``stats`` has it for charts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError, os_errors
from saltern_modules import _status_texts as texts
from saltern_modules._needed import psutil_loaded
from saltern_modules._netstat import parse_netstat
from saltern_modules.collectors.load import parse_loadavg
from saltern_modules.collectors.reading.host import network
from saltern_modules.collectors.uptime import parse_uptime

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]

__func_alias__ = {"time_": "time"}

__powers__ = {
    "uptime": "reads",
    "loadavg": "reads",
    "cpustats": "reads",
    "meminfo": "reads",
    "cpuinfo": "reads",
    "diskstats": "reads",
    "vmstats": "reads",
    "nproc": "reads",
    "netstats": "reads",
    "netdev": "reads",
    "version": "reads",
    "time": "reads",
    "all_status": "reads",
    "custom": "reads",
}

READ_BYTES = 4 << 20
TIME_FORMAT = "%A, %d. %B %Y %I:%M%p"
OF_ALL = (
    "cpuinfo",
    "cpustats",
    "diskstats",
    "diskusage",
    "loadavg",
    "meminfo",
    "netdev",
    "netstats",
    "uptime",
    "vmstats",
    "w",
)


def uptime() -> dict[str, Any]:
    """Return how long the host is up.

    ``{'seconds': int, 'since_t': seconds since the epoch, 'since_iso': UTC, 'days': int, 'time': 'H:M', 'users': how
    many sessions there are}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.uptime
    """
    now = time.time()
    seconds = int(_parsed("uptime", parse_uptime(_read("uptime")))["seconds"])
    minutes = seconds // 60
    return {
        "seconds": seconds,
        "since_t": int(now - seconds),
        "since_iso": _iso(now - seconds),
        "days": minutes // (24 * 60),
        "time": f"{minutes // 60 % 24}:{minutes % 60}",
        "users": len(psutil_loaded().users()),
    }


def loadavg() -> dict[str, float]:
    """Return the load averages: ``{'1-min': …, '5-min': …, '15-min': …}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.loadavg
    """
    averages = _parsed("loadavg", parse_loadavg(_read("loadavg")))
    return {f"{name.removesuffix('m')}-min": value for name, value in averages.items()}


def cpustats() -> dict[str, Any]:
    """Return ``/proc/stat``: ``{'cpu': {'user', 'nice', 'system', 'idle', …}, 'ctxt', 'btime', 'processes', …}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.cpustats
    """
    return texts.parse_stat(_text("stat"))


def meminfo() -> dict[str, dict[str, str]]:
    """Return ``/proc/meminfo``: ``{'MemTotal': {'value': '24684092', 'unit': 'kB'}, …}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.meminfo
    """
    fields = {}
    for name, value in _pairs("meminfo"):
        number, _, unit = value.partition(" ")
        fields[name] = {"value": number, **({"unit": unit} if unit else {})}
    return fields


def cpuinfo() -> dict[str, Any]:
    """Return ``/proc/cpuinfo`` of the last processor, its ``flags`` as a list.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.cpuinfo
    """
    return {name: value.split() if name == "flags" else value for name, value in _pairs("cpuinfo")}


def diskstats() -> dict[str, dict[str, Any]]:
    """Return ``/proc/diskstats``: ``{'sda': {'major', 'minor', 'device', 'reads_issued', 'sectors_read', …}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.diskstats
    """
    return texts.parse_diskstats(_text("diskstats"))


def vmstats() -> dict[str, Any]:
    """Return ``/proc/vmstat``: ``{'nr_free_pages': …, 'pgfault': …, …}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.vmstats
    """
    return texts.parse_vmstat(_text("vmstat"))


def nproc() -> int:
    """Return how many processors the agent may use.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.nproc
    """
    return len(os.sched_getaffinity(0))


def netstats() -> dict[str, dict[str, int]]:
    """Return the counters of ``/proc/net/netstat``: ``{'TcpExt': {…}, 'IpExt': {…}, …}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.netstats
    """
    return parse_netstat(_read(f"{network(_proc_root())}/netstat"))


def netdev() -> dict[str, dict[str, Any]]:
    """Return the counters of network interfaces: ``{'eth0': {'iface': 'eth0', 'rx_bytes': …, 'tx_errs': …, …}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.netdev
    """
    return texts.parse_dev(_text(f"{network(_proc_root())}/dev"))


def version() -> str:
    """Return the kernel's version, as ``/proc/version`` has it.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.version
    """
    return _text("version").strip()


def time_(format: str = TIME_FORMAT) -> str:
    """Return the local time of this host in strftime(3)'s *format*.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.time
        saltern '*' status.time '%s'
    """
    return time.strftime(format)


def all_status() -> dict[str, Any]:
    """Return what many functions of this module do, by their names: ``{"loadavg": {…}, "meminfo": {…}, …}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.all_status
    """
    return {name: __salt__[f"status.{name}"]() for name in OF_ALL}


def custom() -> dict[str, Any]:
    """Return the values that this minion is configured to: ``status.cpustats.custom: [cpu, ctxt]`` and its like.

    A name that the function doesn't tell is ``UNKNOWN``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.custom
    """
    found: dict[str, Any] = {}
    for option, names in __salt__["config.dot_vals"]("status").items():
        function = option.rpartition(".")[0]
        if function not in ("status.custom", "status") and function in __salt__ and isinstance(names, list):
            values = __salt__[function]()
            found.update({name: values.get(name, "UNKNOWN") for name in names})
    return found


def _iso(seconds: float) -> str:
    """Return a time in UTC, with its fraction, as ISO 8601 has it."""
    import datetime

    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).replace(tzinfo=None).isoformat()


def _proc_root() -> str:
    return str(__opts__.get("proc_root") or "/proc")


def _read(name: str) -> bytes:
    path = f"{_proc_root()}/{name}"
    with os_errors(CommandError, path, f"can't read {path}", called="status"), open(path, "rb") as file:
        return file.read(READ_BYTES)


def _text(name: str) -> str:
    return _read(name).decode("utf-8", "replace")


def _pairs(name: str) -> list[tuple[str, str]]:
    """Return the ``name: value`` lines of a file of ``/proc``."""
    split = (line.partition(":") for line in _text(name).split("\n"))
    return [(key.strip(), value.strip()) for key, colon, value in split if colon]


def _parsed(name: str, found: dict[str, Any]) -> dict[str, Any]:
    if not found:
        raise CommandError(f"status: /proc/{name} is not of the form that Linux gives it")
    return found
