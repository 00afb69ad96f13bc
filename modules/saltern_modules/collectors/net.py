"""Traffic of network interfaces, from ``/proc/net/dev`` (proc_pid_net(5)).

A line is ``name:`` and sixteen numbers, eight received and eight sent::

    bytes packets errs drop fifo frame compressed multicast | bytes packets errs drop fifo colls carrier compressed
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter
from saltern_modules.collectors.numbers import Rates, unsigned
from saltern_modules.collectors.reading.host import network
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import Source, read_once

COLUMNS = (
    ("rx_bytes", 0),
    ("rx_packets", 1),
    ("rx_errors", 2),
    ("rx_dropped", 3),
    ("rx_multicast", 7),
    ("tx_bytes", 8),
    ("tx_packets", 9),
    ("tx_errors", 10),
    ("tx_dropped", 11),
)
RATES = tuple(name for name, _ in COLUMNS if name != "rx_multicast")


def parse_dev(data: bytes) -> dict[str, dict[str, float]]:
    """Return each interface's counters by our names; lines of another form are left out."""
    interfaces: dict[str, dict[str, float]] = {}
    for line in data.split(b"\n"):
        # From the right: an alias's name has a colon in it.
        name, colon, rest = line.rpartition(b":")
        fields = rest.split()
        if colon and len(fields) >= 16:
            values = unsigned(fields)
            if values is not None:
                label = name.strip().decode("utf-8", "surrogateescape")
                interfaces[label] = {column: values[at] for column, at in COLUMNS}
    return interfaces


HEX = "[0-9a-f]"


class Net(Collector):
    """``net.<interface>.rx_bytes`` and so on as counters, ``…_per_s`` as rates."""

    name = "net"
    description = "traffic of network interfaces, as counters and rates"
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.rx_bytes": counter("B", "bytes received"),
        "*.rx_packets": counter("packets", "packets received"),
        "*.rx_errors": counter("packets", "packets received with an error"),
        "*.rx_dropped": counter("packets", "packets received and dropped"),
        "*.rx_multicast": counter("packets", "multicast packets received", rated=False),
        "*.tx_bytes": counter("B", "bytes sent"),
        "*.tx_packets": counter("packets", "packets sent"),
        "*.tx_errors": counter("packets", "packets that could not be sent for an error"),
        "*.tx_dropped": counter("packets", "packets dropped instead of being sent"),
    }
    settings: ClassVar[Mapping[str, Any]] = {
        "exclude": [
            *("veth*", "cali*", "ifb*", "tap*"),
            # libvirt, Proxmox (each guest has three beside its tap), Cilium and OVN; their bridges are measured.
            *("vnet[0-9]*", "fwbr[0-9]*", "fwpr[0-9]*", "fwln[0-9]*", f"lxc{HEX * 10}*", HEX * 15),
        ]
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._file = f"{network(files.proc_root)}/dev"
        self._rates = Rates(RATES)
        self._names: dict[str, str] = {}
        self._indexes: dict[str, bytes] = {}

    def read(self) -> dict[str, dict[str, float]]:
        """Return the counters of every interface, by its own name."""
        return parse_dev(self.files.read(self._file, optional=True))

    def collect(self, now: float) -> Metrics:
        """Return the traffic of every interface that is not excluded."""
        interfaces = self.read()
        changed = interfaces.keys() != self._names.keys()
        if changed:
            self._names = {name: self._label(name) for name in interfaces}
        metrics: Metrics = {label: interfaces[name] for name, label in self._names.items() if label}
        if changed or self._rates.fell(metrics):
            self._forget_renamed()
        for label, rates in self._rates.update(now, metrics).items():
            metrics[label].update(rates)
        return metrics

    def _forget_renamed(self) -> None:
        """Let an interface that has the name of another one now begin anew: the kernel's number says which it is."""
        before = self._indexes
        self._indexes = {name: self._index(name) for name, label in self._names.items() if label}
        for name, index in self._indexes.items():
            if before.get(name, index) != index:
                self._rates.forget(self._names[name])

    def _index(self, name: str) -> bytes:
        try:
            return read_once(f"{self.files.sys_root}/class/net/{name}/ifindex", 16)
        except OSError:
            return b""

    def _label(self, name: str) -> str:
        """Return the interface's segment, empty when it is excluded."""
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in self.options["exclude"]):
            return ""
        return segment(name, ".")
