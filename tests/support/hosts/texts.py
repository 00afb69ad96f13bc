"""What a kernel writes into ``/proc`` and ``/sys``, from facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

NET_HEADER = (
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls"
    " carrier compressed\n"
)


def stat(
    processors: Sequence[Sequence[int]], *, columns: int = 10, numbers: Iterable[int] = (), **counters: int
) -> str:
    """Return ``/proc/stat``: the ticks of each processor by mode, *columns* of them; *numbers* name the processors."""
    rows = [[*ticks, *([0] * columns)][:columns] for ticks in processors]
    total = [sum(column) for column in zip(*rows, strict=True)]
    names = [f"cpu{number}" for number in numbers or range(len(rows))]
    lines = [f"cpu  {_joined(total)}", *(f"{name} {_joined(row)}" for name, row in zip(names, rows, strict=True))]
    facts = {"ctxt": 1000, "btime": 1700000000, "processes": 500, "procs_running": 1, "procs_blocked": 0} | counters
    interrupts = facts.pop("intr", 100)
    return "\n".join([*lines, f"intr {interrupts} 1 2 0", *(f"{name} {value}" for name, value in facts.items()), ""])


def meminfo(**kib: int) -> str:
    """Return ``/proc/meminfo``: its fields in KiB."""
    return "".join(f"{name + ':':16}{value:8} kB\n" for name, value in kib.items())


def vmstat(**counters: int) -> str:
    return "".join(f"{name} {value}\n" for name, value in counters.items())


def net_dev(**interfaces: Sequence[int]) -> str:
    """Return ``/proc/net/dev``: of each interface bytes and packets received, bytes and packets sent."""
    return NET_HEADER + "".join(
        f"{name:>6}: {rx} {rx_packets} 0 0 0 0 0 0 {tx} {tx_packets} 0 0 0 0 0 0\n"
        for name, (rx, rx_packets, tx, tx_packets) in interfaces.items()
    )


def diskstats(devices: Mapping[str, Sequence[int]], *, fields: int = 17, major: int = 8) -> str:
    """Return ``/proc/diskstats``: of each device reads, sectors read, writes, sectors written, ms at work."""
    lines = []
    for minor, (name, (reads, read, writes, written, busy)) in enumerate(devices.items()):
        values = [reads, 0, read, 3, writes, 0, written, 4, 0, busy, busy, 0, 0, 0, 0, 0, 0][:fields]
        lines.append(f"{major:4} {minor:7} {name} {_joined(values)}\n")
    return "".join(lines)


def mountinfo(*mounts: str) -> str:
    """Return ``mountinfo`` of ``device point type source`` lines, each on the one that it lies below."""
    lines: list[str] = []
    points: dict[str, int] = {}
    for ident, mount in enumerate(mounts, 20):
        device, point, kind, source = mount.split(" ")
        below = [other for other in points if other in ("/", point) or point.startswith(f"{other}/")]
        parent = points[max(below, key=len)] if below else 1
        points[point] = ident
        lines.append(f"{ident} {parent} {device} / {point} rw,relatime shared:{ident} - {kind} {source} rw\n")
    return "".join(lines)


def process(pid: int, name: str, state: str, *, kernel: bool = False) -> str:
    """Return ``/proc/<pid>/stat``."""
    return f"{pid} ({name}) {state} 1 1 1 0 -1 {0x00200040 if kernel else 0x00400000} 0 0 0 0 1 2\n"


def pressure(some: tuple[float, int], full: tuple[float, int] | None = None) -> str:
    """Return a file of ``/proc/pressure``: the average over 10 s in percent, and the total in microseconds."""
    lines = [("some", some), *([("full", full)] if full else [])]
    return "".join(f"{kind} avg10={average:.2f} avg60=0.00 avg300=0.00 total={us}\n" for kind, (average, us) in lines)


def _joined(values: Iterable[int]) -> str:
    return " ".join(map(str, values))
