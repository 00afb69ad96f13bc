"""The files in which the kernel keeps a control group's accounts, of version 1 and of version 2.

See the kernel's Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst.
"""

from __future__ import annotations

import re

from saltern_modules.collectors.numbers import integer

UNLIMITED = 1 << 60
"""What a limit of version 1 is at least where there is none (a number near 2⁶³, by the size of a page)."""

_OF_A_DEVICE = re.compile(rb"\d+:\d+")
_BYTES = {b"rbytes": "read_bytes", b"wbytes": "write_bytes", b"Read": "read_bytes", b"Write": "write_bytes"}


def parse_flat(data: bytes) -> dict[bytes, int]:
    """Return a file of ``name value`` lines, such as ``cpu.stat``; other lines are left out."""
    found = {}
    for line in data.split(b"\n"):
        fields = line.split()
        if len(fields) == 2 and (value := integer(fields[1])) is not None:
            found[fields[0]] = value
    return found


def parse_io(data: bytes) -> dict[str, int]:
    """Return ``read_bytes`` and ``write_bytes``, summed over the devices, of which there may be none.

    Version 2 has a line a device in ``io.stat``, version 1 a few in ``blkio.throttle.io_service_bytes``::

        8:0 rbytes=1 wbytes=2 rios=3 …        8:0 Read 1
                                              8:0 Write 2
    """
    sums = {"read_bytes": 0, "write_bytes": 0}
    for line in data.split(b"\n"):
        device, *fields = line.split() or [b""]
        if not _OF_A_DEVICE.fullmatch(device):
            continue
        pairs = [fields] if len(fields) == 2 and b"=" not in fields[0] else [field.split(b"=", 1) for field in fields]
        for key, *value in pairs:
            number = integer(value[0]) if value else None
            if key in _BYTES and number is not None:
                sums[_BYTES[key]] += number
    return sums
