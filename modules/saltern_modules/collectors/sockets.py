"""Sockets: totals from ``/proc/net/sockstat``, TCP by state from the kernel's socket table.

``/proc/net/tcp`` walks the kernel's whole hash of connections, which is sized by memory, not by use: 2.5 ms
for an idle host with 24 GB, and as much again for ``tcp6``. The netlink dump (``inet_dump``) answers for
both families in a tenth of it and is used first; the files are the way where netlink is not allowed.
Neither is asked when there are more than ``max_scanned`` sockets; ``sockets.tcp.scanned`` is then 0.

The dump is asked for all but what may be thousands, for ``sockstat`` counts these for nothing. ``inuse`` is all
sockets in the kernel's tables, but for requests that are none yet (``syn_recv``): what of them the dump doesn't have is
established. ``tw`` is the memories of sockets that were closed here, in ``TIME_WAIT`` or still in ``FIN_WAIT2``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, gauge
from saltern_modules.collectors.numbers import integer
from saltern_modules.collectors.reading import inet_dump
from saltern_modules.collectors.reading.host import is_own, network
from saltern_modules.collectors.source import Source, read_whole

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

STATES = (
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
    "syn_recv",
)
"""The kernel's numbers 1 to 12 (include/net/tcp_states.h); 12 is a request that is not yet a socket."""

TABLE_LINE_BYTES = 200
"""No line of ``/proc/net/tcp`` or ``tcp6`` is longer."""

_NAMES = {
    "used": "used",
    "inuse": "in_use",
    "orphan": "orphan",
    "tw": "time_wait",
    "alloc": "allocated",
    "mem": "memory_bytes",
    "memory": "memory_bytes",
}


def parse_sockstat(data: bytes) -> dict[str, dict[str, int]]:
    """Return ``{'tcp': {'in_use': …, 'memory_bytes': …}, …}`` from lines like ``TCP: inuse 1 mem 183``.

    ``sockstat6`` has the same form; ``TCP6`` becomes ``tcp6``. ``mem`` counts pages, a fragment queue's
    ``memory`` bytes.
    """
    protocols: dict[str, dict[str, int]] = {}
    for line in data.split(b"\n"):
        protocol, colon, rest = line.partition(b":")
        fields = rest.split()
        if not colon or not protocol.isalnum() or len(fields) % 2:
            continue
        values: dict[str, int] = {}
        for key, value in zip(fields[::2], fields[1::2], strict=True):
            name = _NAMES.get(key.decode("ascii", "replace"))
            number = integer(value)
            if name and number is not None:
                values[name] = number * (PAGE_BYTES if key == b"mem" else 1)
        if values:
            protocols[protocol.decode().lower()] = values
    return protocols


def parse_table(data: bytes) -> list[int]:
    """Return the state of each socket in ``/proc/net/tcp``'s text: the fourth column, in hexadecimal."""
    states = []
    for line in data.split(b"\n")[1:]:
        fields = line.split(None, 4)
        if len(fields) == 5:
            try:
                states.append(int(fields[3], 16))
            except ValueError:
                continue
    return states


def count_states(states: Sequence[int]) -> dict[str, int]:
    """Return how many of *states* (the kernel's numbers) are each state; unknown ones are left out."""
    counts = dict.fromkeys(STATES, 0)
    for number, name in enumerate(STATES, 1):
        counts[name] += states.count(number)
    return counts


def count_dump(rare: inet_dump.States, in_use: int, closed: int) -> dict[str, int]:
    """Return how many sockets are in each state, from a dump of the rare ones and ``sockstat``'s ``inuse`` and ``tw``.

    They are not of the very same moment, so what would be below 0 is 0.
    """
    counts = count_states(rare.sockets)
    counts["established"] = max(0, in_use - (len(rare.sockets) - counts["syn_recv"]))
    counts["time_wait"] = max(0, closed - len(rare.memories))
    for name, count in count_states(rare.memories).items():
        counts[name] += count
    return counts


RARE_EVERY_S = 29.0
"""For so long the rare states are told again. Asking for them is the dearest thing in a sample, on an idle host too:
every other sample of 15 s does."""


class Sockets(Collector):
    """``sockets.used``, ``sockets.<protocol>.in_use``, ``sockets.tcp.<state>``, …"""

    name = "sockets"
    description = "sockets by protocol, TCP by state"
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "used": gauge("sockets", "sockets of all kinds"),
        "*.in_use": gauge("sockets", "sockets of this protocol that are in use"),
        "*.orphan": gauge("sockets", "sockets that no program has any more"),
        "*.time_wait": gauge("sockets", "closed connections that wait for late packets"),
        "*.allocated": gauge("sockets", "sockets of this protocol that there are, bound or not"),
        "*.memory_bytes": gauge("B", "memory for what is being sent and received"),
        "tcp.scanned": gauge("", "1 when the states were looked at, 0 when there are too many connections"),
        "tcp.established": gauge("sockets", "connections that are open"),
        "tcp.syn_sent": gauge("sockets", "connections that were asked for"),
        "tcp.syn_recv": gauge("sockets", "connections that others asked for"),
        "tcp.fin_wait1": gauge("sockets", "connections closed here, not yet acknowledged"),
        "tcp.fin_wait2": gauge("sockets", "connections closed here, not yet at the other end"),
        "tcp.close": gauge("sockets", "sockets without a connection"),
        "tcp.close_wait": gauge("sockets", "connections closed at the other end, not yet here"),
        "tcp.last_ack": gauge("sockets", "connections closed at both ends, not yet acknowledged"),
        "tcp.listen": gauge("sockets", "sockets that wait for connections"),
        "tcp.closing": gauge("sockets", "connections closed at both ends at once"),
    }
    settings: ClassVar[Mapping[str, Any]] = {"max_scanned": 5000}

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        # The kernel's answer is about the host's own network, not about another /proc that we may be shown.
        self._dump = inet_dump.InetDump() if is_own(files.proc_root) else None
        self._net = network(files.proc_root)
        self._rare = inet_dump.States(b"", b"")
        self._rare_until = float("-inf")

    def collect(self, now: float) -> Metrics:
        """Return the counts of this instant."""
        protocols = parse_sockstat(self.files.read(f"{self._net}/sockstat", optional=True))
        protocols.update(parse_sockstat(self.files.read(f"{self._net}/sockstat6", optional=True)))
        metrics: Metrics = {**protocols.pop("sockets", {}), **protocols}
        tcp = metrics.setdefault("tcp", {})
        known = tcp.get("in_use", 0) + protocols.get("tcp6", {}).get("in_use", 0)
        tcp["scanned"] = int(known <= self.options["max_scanned"])
        if tcp["scanned"]:
            tcp.update(self._states(now, known, tcp.get("time_wait", 0)))
        return metrics

    def _states(self, now: float, in_use: int, closed: int) -> dict[str, int]:
        """Return how many TCP sockets are in each state; ``sockstat`` has so many in use, and so many ``tw``."""
        limit = self.options["max_scanned"]
        if self._dump is not None:
            try:
                if now >= self._rare_until:
                    self._rare = self._dump.tcp_states(inet_dump.RARE_STATES, limit)
                    self._rare_until = now + RARE_EVERY_S
            except OSError:
                self._dump = None  # refused once (a container's filter), refused always
            else:
                return count_dump(self._rare, in_use, closed)
        states: list[int] = []
        for table in ("tcp", "tcp6"):
            path = f"{self.files.proc_root}/{self._net}/{table}"
            if os.path.exists(path):
                states += parse_table(read_whole(path, limit * TABLE_LINE_BYTES))
        counts = count_states(states)
        counts["time_wait"] = max(counts["time_wait"], closed - counts["fin_wait2"])  # those that were cut off
        return counts
