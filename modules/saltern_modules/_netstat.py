"""The kernel's network counters, as ``/proc/net/netstat`` and ``/proc/net/snmp`` have them (proc_pid_net(5))."""

from __future__ import annotations


def parse_netstat(data: bytes) -> dict[str, dict[str, int]]:
    """Return the counters in *data*, where two lines belong together: ``Tcp: names…`` and ``Tcp: numbers…``.

    Lines that are not such a pair are left out.
    """
    lines = data.decode("ascii", "replace").split("\n")
    groups: dict[str, dict[str, int]] = {}
    for names, numbers in zip(lines[::2], lines[1::2], strict=False):
        group, _, keys = names.partition(":")
        same, _, values = numbers.partition(":")
        if group and group == same:
            pairs = zip(keys.split(), values.split(), strict=False)
            groups[group] = {key: int(value) for key, value in pairs if _is_integer(value)}
    return groups


def _is_integer(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 40
