"""UDP datagrams, and those that were lost on this host.

From the groups ``Udp`` of ``/proc/net/snmp`` and of the names ``Udp6…`` in ``/proc/net/snmp6`` (proc_pid_net(5)),
counted since boot, IPv4 and IPv6 together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter
from saltern_modules.collectors.numbers import Rates, value_after
from saltern_modules.collectors.reading.network_files import counters_of, read_net
from saltern_modules.collectors.source import Source

UDP = {
    b"InDatagrams": "in",
    b"OutDatagrams": "out",
    b"InErrors": "errors",
    b"NoPorts": "no_port",
    b"RcvbufErrors": "receive_buffer_errors",
    b"SndbufErrors": "send_buffer_errors",
}


def parse_udp(snmp: bytes, snmp6: bytes) -> dict[str, float]:
    """Return the counters by our names, of both families."""
    counters = counters_of(snmp, b"Udp", UDP)
    if counters:
        for theirs, ours in UDP.items():
            counters[ours] = counters.get(ours, 0) + (value_after(snmp6, b"Udp6" + theirs) or 0)
    return counters


class Udp(Collector):
    """``udp.in``, ``.out``, ``.errors``, ``.receive_buffer_errors``, … and their rates as ``…_per_s``."""

    name = "udp"
    description = "UDP datagrams, and those lost on this host"
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "in": counter("datagrams", "datagrams given to programs"),
        "out": counter("datagrams", "datagrams sent"),
        "errors": counter("datagrams", "datagrams that could not be given to a program"),
        "no_port": counter("datagrams", "datagrams for a port that nobody listens at", rated=False),
        "receive_buffer_errors": counter("datagrams", "datagrams lost since a program read too slowly", rated=False),
        "send_buffer_errors": counter("datagrams", "datagrams lost since they were sent too fast", rated=False),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._rates = Rates(("in", "out", "errors"))

    def collect(self, now: float) -> Metrics:
        """Return the counters and their rates."""
        counters = parse_udp(read_net(self.files, "snmp"), read_net(self.files, "snmp6"))
        return {**counters, **self._rates.update(now, {"": counters}).get("", {})}
