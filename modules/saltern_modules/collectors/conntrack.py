"""How full the firewall's table of connections is; a full one drops every new connection.

``nf_conntrack_count`` and ``nf_conntrack_max`` are in ``/proc/sys/net/netfilter`` (the kernel's
Documentation/networking/nf_conntrack-sysctl.rst), what was dropped in ``/proc/net/stat/nf_conntrack``, in
hexadecimal, a line a processor; its first column is the count, in every line the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter, gauge
from saltern_modules.collectors.numbers import integer, percent
from saltern_modules.collectors.reading.network_files import read_net, rows_in_hex
from saltern_modules.collectors.source import Source

LIMIT_EVERY_S = 60.0
"""How often it is read how many there may be."""

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
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "count": gauge("connections", "connections that are kept track of"),
        "max": gauge("connections", "as many as there may be"),
        "percent": gauge("%", "connections kept track of, of as many as there may be"),
        "insert_failed": counter("connections", "connections that could not be added", rated=False),
        "dropped": counter("packets", "packets dropped since a connection could not be added", rated=False),
        "early_dropped": counter("connections", "connections forgotten since the table was full", rated=False),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._max: int | None = None
        self._max_at = float("-inf")

    def collect(self, now: float) -> Metrics:
        """Return the table's use."""
        metrics: Metrics = {**parse_stat(read_net(self.files, "stat/nf_conntrack"))}
        # /proc/sys/net is the network of whoever reads it, so its count is not the host's in a container.
        if "count" not in metrics and (count := self._setting("nf_conntrack_count")) is not None:
            metrics["count"] = count
        if now >= self._max_at + LIMIT_EVERY_S:
            self._max, self._max_at = self._setting("nf_conntrack_max"), now
        if self._max and "count" in metrics:
            metrics.update({"max": self._max, "percent": percent(metrics["count"], self._max)})
        return metrics

    def _setting(self, name: str) -> int | None:
        return integer(self.files.read(f"sys/net/netfilter/{name}", optional=True).strip())
