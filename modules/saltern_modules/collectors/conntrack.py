"""How full the firewall's table of connections is; a full one drops every new connection.

``nf_conntrack_count`` and ``nf_conntrack_max`` are in ``/proc/sys/net/netfilter`` (the kernel's
Documentation/networking/nf_conntrack-sysctl.rst), what was dropped in ``/proc/net/stat/nf_conntrack``, in
hexadecimal, a line a processor; its first column is the count, in every line the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter, gauge
from saltern_modules.collectors.network_files import read_net, rows_in_hex
from saltern_modules.collectors.numbers import integer, percent

DROPS = {b"insert_failed": "insert_failed", b"drop": "dropped", b"early_drop": "early_dropped"}


def parse_stat(data: bytes) -> dict[str, float]:
    """Return ``count`` and what was dropped, summed over the processors; ``{}`` for something else."""
    rows = rows_in_hex(data, b"entries")
    if not rows:
        return {}
    sums = {ours: sum(row.get(theirs, 0) for row in rows) for theirs, ours in DROPS.items()}
    return {"count": rows[0][b"entries"], **sums}


class Conntrack(Collector):
    """``conntrack.count``, ``.max``, ``.percent``, ``.dropped``, …"""

    name = "conntrack"
    description = "connections that the firewall keeps track of, near its limit"
    numbers: ClassVar[Mapping[str, Number]] = {
        "count": gauge("connections", "connections that are kept track of"),
        "max": gauge("connections", "as many as there may be"),
        "percent": gauge("%", "connections kept track of, of as many as there may be"),
        "insert_failed": counter("connections", "connections that could not be added", rated=False),
        "dropped": counter("packets", "packets dropped since a connection could not be added", rated=False),
        "early_dropped": counter("connections", "connections forgotten since the table was full", rated=False),
    }

    def collect(self, now: float) -> Metrics:
        """Return the table's use."""
        metrics: Metrics = dict(parse_stat(read_net(self.files, "stat/nf_conntrack")))
        # /proc/sys/net is the network of whoever reads it, so its count is not the host's in a container.
        count = integer(self.files.read("sys/net/netfilter/nf_conntrack_count", optional=True).strip())
        if count is not None and (self.files.proc_root == "/proc" or "count" not in metrics):
            metrics["count"] = count
        limit = integer(self.files.read("sys/net/netfilter/nf_conntrack_max", optional=True).strip())
        if limit and "count" in metrics:
            metrics.update({"max": limit, "percent": percent(metrics["count"], limit)})
        return metrics
