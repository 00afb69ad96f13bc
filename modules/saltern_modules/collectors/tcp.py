"""How well TCP gets through: what had to be sent again, and what was turned away.

From the groups ``Tcp`` of ``/proc/net/snmp`` and ``TcpExt`` of ``/proc/net/netstat`` (the kernel's
Documentation/networking/snmp_counter.rst), counted since boot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter, gauge
from saltern_modules.collectors.numbers import Rates
from saltern_modules.collectors.reading.network_files import counters_of, read_net
from saltern_modules.collectors.source import Source

TCP = {
    b"ActiveOpens": "opens_out",
    b"PassiveOpens": "opens_in",
    b"AttemptFails": "opens_failed",
    b"EstabResets": "resets",
    b"OutRsts": "resets_sent",
    b"InSegs": "segments_in",
    b"OutSegs": "segments_out",
    b"RetransSegs": "retransmits",
    b"InErrs": "bad_segments",
}
TCP_EXT = {
    b"ListenOverflows": "listen_overflows",
    b"ListenDrops": "listen_drops",
    b"TCPBacklogDrop": "backlog_drops",
    b"TCPTimeouts": "timeouts",
    b"TCPSynRetrans": "syn_retransmits",
    b"TCPAbortOnMemory": "aborts_on_memory",
    b"SyncookiesSent": "syn_cookies_sent",
    b"SyncookiesFailed": "syn_cookies_failed",
    b"TCPReqQFullDrop": "syn_queue_drops",
}
RATES = ("opens_out", "opens_in", "segments_in", "segments_out", "retransmits")


def parse_tcp(snmp: bytes, netstat: bytes) -> dict[str, float]:
    """Return the counters by our names; those that the kernel doesn't have are left out."""
    return {**counters_of(snmp, b"Tcp", TCP), **counters_of(netstat, b"TcpExt", TCP_EXT)}


def retransmit_percent(rates: Mapping[str, float]) -> float | None:
    """Return the share of segments that were sent again, of all that were sent; None when none was.

    The kernel doesn't count a segment that is sent again among ``OutSegs``.
    """
    again, first = rates.get("retransmits_per_s"), rates.get("segments_out_per_s")
    if again is None or first is None or not again + first:
        return None
    return round(100.0 * again / (again + first), 3)


class Tcp(Collector):
    """``tcp.retransmits``, ``.retransmit_percent``, ``.listen_overflows``, …, the rates as ``…_per_s``."""

    name = "tcp"
    description = "TCP segments sent again, connections reset and turned away"
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "opens_out": counter("connections", "connections begun by this host"),
        "opens_in": counter("connections", "connections begun by others"),
        "opens_failed": counter("connections", "connections that were never established", rated=False),
        "resets": counter("connections", "established connections that ended by a reset", rated=False),
        "resets_sent": counter("segments", "resets sent by this host", rated=False),
        "segments_in": counter("segments", "segments received"),
        "segments_out": counter("segments", "segments sent, without those sent again"),
        "retransmits": counter("segments", "segments sent again"),
        "retransmit_percent": gauge("%", "segments sent again, of all sent since the sample before"),
        "bad_segments": counter("segments", "segments received damaged", rated=False),
        "listen_overflows": counter("connections", "connections that no program accepted in time", rated=False),
        "listen_drops": counter("connections", "connections that a listening socket refused", rated=False),
        "backlog_drops": counter("segments", "segments dropped since a socket's backlog was full", rated=False),
        "timeouts": counter("timeouts", "times that an acknowledgement did not come in time", rated=False),
        "syn_retransmits": counter("segments", "SYNs and their answers sent again", rated=False),
        "aborts_on_memory": counter("connections", "connections ended for want of memory", rated=False),
        "syn_cookies_sent": counter("segments", "SYN cookies sent, the queue of requests being full", rated=False),
        "syn_cookies_failed": counter("segments", "answers that held no right SYN cookie", rated=False),
        "syn_queue_drops": counter("connections", "requests dropped, their queue being full", rated=False),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._rates = Rates(RATES)

    def collect(self, now: float) -> Metrics:
        """Return the counters and their rates."""
        counters = parse_tcp(read_net(self.files, "snmp"), read_net(self.files, "netstat"))
        rates = self._rates.update(now, {"": counters}).get("", {})
        metrics: Metrics = {**counters, **rates}
        if (share := retransmit_percent(rates)) is not None:
            metrics["retransmit_percent"] = share
        return metrics
