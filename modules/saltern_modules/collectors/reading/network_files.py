"""The kernel's files on the host's network, and their grammar."""

from __future__ import annotations

from saltern_modules.collectors.numbers import MAX_DIGITS, hexadecimal
from saltern_modules.collectors.reading.host import network
from saltern_modules.collectors.source import Source


def read_net(files: Source, name: str) -> bytes:
    """Return ``net/<name>`` of the host, ``b""`` when it has none."""
    return files.read(f"{network(files.proc_root)}/{name}", optional=True)


def counters_of(data: bytes, group: bytes, names: dict[bytes, str]) -> dict[str, float]:
    """Return the counters in *names* (the kernel's name, ours) of one *group* of ``/proc/net/snmp`` or ``netstat``.

    Both are pairs of lines, ``Tcp: RtoMin InSegs`` and ``Tcp: 200 74237`` (proc_pid_net(5)). A kernel has more names
    or fewer; those that it lacks are left out.
    """
    start = (b"\n" + data).find(b"\n" + group + b": ")
    if start < 0:
        return {}
    lines = data[start:].split(b"\n", 2)
    if len(lines) < 2 or not lines[1].startswith(group + b": "):
        return {}
    found: dict[str, float] = {}
    for name, value in zip(lines[0].split()[1:], lines[1].split()[1:], strict=False):
        if name in names and value.isdigit() and len(value) <= MAX_DIGITS:
            found[names[name]] = int(value)
    return found


def rows_in_hex(data: bytes, first: bytes = b"") -> list[dict[bytes, int]]:
    """Return the rows of a file in ``/proc/net/stat``: a line of names, then hexadecimal numbers, a line a processor.

    With *first*, only when the first name is that one.
    """
    head, *lines = data.split(b"\n")
    names = head.split()
    if not names or (first and names[0] != first):
        return []
    rows = []
    for line in lines:
        values = [hexadecimal(field) for field in line.split()]
        known = {name: value for name, value in zip(names, values, strict=False) if value is not None}
        if values and len(known) == min(len(names), len(values)):
            rows.append(known)
    return rows
