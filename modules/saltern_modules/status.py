"""The state of the host, for people; ``stats`` has it for charts."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError, os_errors
from saltern_modules import _agent
from saltern_modules._netstat import parse_netstat
from saltern_modules.collectors.disk import Disk, told
from saltern_modules.collectors.host import network
from saltern_modules.collectors.load import parse_loadavg
from saltern_modules.collectors.mounts import Mount
from saltern_modules.collectors.source import Source
from saltern_modules.collectors.uptime import parse_uptime

__opts__: Mapping[str, Any]
__context__: dict[str, Any]

__powers__ = {
    "uptime": "reads",
    "loadavg": "reads",
    "meminfo": "reads",
    "cpuinfo": "reads",
    "diskusage": "reads",
    "procs": "reads",
    "pid": "reads",
    "w": "reads",
    "netstats": "reads",
    "version": "reads",
    "master": "reads",
}

READ_BYTES = 1 << 20


def uptime() -> dict[str, Any]:
    """Return how long the host is up.

    ``{'seconds': int, 'since_t': seconds since the epoch, 'since_iso': UTC, 'days': int, 'time': 'H:MM', 'users':
    int}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.uptime
    """
    seconds = int(_parsed("uptime", parse_uptime(_read("uptime")))["seconds"])
    since = int(time.time()) - seconds
    hours, minutes = divmod(seconds // 60, 60)
    return {
        "seconds": seconds,
        "since_t": since,
        "since_iso": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since)),
        "days": hours // 24,
        "time": f"{hours % 24}:{minutes:02}",
        "users": len({session["user"] for session in w()}),
    }


def loadavg() -> dict[str, float]:
    """Return the load averages: ``{'1-min': …, '5-min': …, '15-min': …}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.loadavg
    """
    averages = _parsed("loadavg", parse_loadavg(_read("loadavg")))
    return {f"{name.removesuffix('m')}-min": value for name, value in averages.items()}


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
    """Return ``/proc/cpuinfo`` of the last processor, its ``flags`` as a list, and ``count``, how many there are.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.cpuinfo
    """
    pairs = _pairs("cpuinfo")
    info: dict[str, Any] = dict(pairs)
    for name in ("flags", "Features"):
        if name in info:
            info[name] = info[name].split()
    info["count"] = sum(name == "processor" for name, _ in pairs)
    return info


def diskusage(*args: str) -> dict[str, dict[str, Any]]:
    """Return the use of real file systems by mount point, in bytes and percent.

    ``{'/': {'total', 'used', 'free', 'available', 'percent', …}}``; of one that gives no answer only ``{'hung': 1}``.
    With *args* only those mount points or file system types (globs) are told.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.diskusage
        saltern '*' status.diskusage / 'ext*'
    """
    import fnmatch

    report = {}
    for _, mount, status in _statuses():
        names = (mount.point, mount.fstype)
        if args and not any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in args):
            continue
        if row := told(mount, status):
            report[mount.point] = row
    return report


def procs() -> dict[str, dict[str, Any]]:
    """Return the processes: ``{pid: {'user': name, 'cmd': command line, 'start': seconds since the epoch}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.procs
    """
    return {
        str(process.pid): {
            "user": process.info["username"],
            "cmd": " ".join(process.info["cmdline"] or ()) or f"[{process.info['name']}]",
            "start": process.info["create_time"],
        }
        for process in _psutil("status.procs").process_iter(["username", "cmdline", "name", "create_time"])
    }


def pid(sig: str) -> str:
    """Return the ids of the processes whose command line contains *sig*, one a line.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.pid sshd
    """
    found = [number for number, process in procs().items() if sig in process["cmd"] and int(number) != os.getpid()]
    return "\n".join(found)


def w() -> list[dict[str, Any]]:
    """Return who is logged in: ``[{'user', 'tty', 'login': seconds since the epoch, 'from': host}]``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.w
    """
    return [
        {
            "user": session.name,
            "tty": session.terminal or "",
            "login": session.started,
            "from": session.host or "",
        }
        for session in _psutil("status.w").users()
    ]


def netstats() -> dict[str, dict[str, int]]:
    """Return the counters of ``/proc/net/netstat`` and ``/proc/net/snmp``: ``{'TcpExt': {…}, 'Tcp': {…}, …}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.netstats
    """
    net = network(_proc_root())
    return {**parse_netstat(_read(f"{net}/netstat")), **parse_netstat(_read(f"{net}/snmp"))}


def version() -> str:
    """Return the kernel's version, as ``/proc/version`` has it.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.version
    """
    return _read("version").decode("utf-8", "replace").strip()


def master() -> bool:
    """Return whether the agent's channel to the master is up.

    CLI Example:

    .. code-block:: bash

        saltern-call status.master
    """
    return _agent.connected(__opts__, "status.master").connected()


def _statuses() -> list[tuple[str, Mount, os.statvfs_result | OSError | None]]:
    """Return what the kernel says of each mount now.

    The collector is kept from call to call: it remembers which mounts hang, and leaves no second thread with one.
    """
    if "status.disk" not in __context__:
        disk = Disk(Source(_proc_root()), (__opts__.get("stats") or {}).get("disk", {}))
        __context__.setdefault("status.disk", (threading.Lock(), disk))
    lock, disk = __context__["status.disk"]
    with lock:
        disk.files.begin()
        return list(disk.statuses())


def _proc_root() -> str:
    return str(__opts__.get("proc_root") or "/proc")


def _read(name: str) -> bytes:
    path = f"{_proc_root()}/{name}"
    with os_errors(CommandError, path, f"can't read {path}", called="status"), open(path, "rb") as file:
        return file.read(READ_BYTES)


def _pairs(name: str) -> list[tuple[str, str]]:
    """Return the ``name: value`` lines of a file of ``/proc``."""
    lines = _read(name).decode("utf-8", "replace").split("\n")
    split = (line.partition(":") for line in lines)
    return [(key.strip(), value.strip()) for key, colon, value in split if colon]


def _parsed(name: str, found: dict[str, Any]) -> dict[str, Any]:
    if not found:
        raise CommandError(f"status: /proc/{name} is not of the form that Linux gives it")
    return found


def _psutil(function: str) -> Any:
    """Return psutil, loaded by the first who needs it: it costs 2 MB."""
    try:
        import psutil
    except ImportError:
        raise CommandError(f"{function} needs psutil: install saltern[agent]") from None
    return psutil
