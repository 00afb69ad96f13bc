"""What traceroute(8) prints, in the forms of its makers."""

from __future__ import annotations

import re
from typing import Any

_VERSION = re.compile(r"[Vv]ersion (\d+)\.(\d+)\.?(\d*)")


def parse_traceroute(text: str, version: str) -> list[dict[str, Any]]:
    """Return the hops, ``{}`` for a line of another form; *version* is what the program says of itself."""
    match = _VERSION.search(version)
    numbers = tuple(int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    parse = _modern if numbers[0] >= 2 and (numbers[1] > 0 or numbers[2] >= 14) else _old
    lines = text.split("\n")
    return [parse(line) for line in lines if " " in line and not line.startswith("traceroute")]


def _modern(line: str) -> dict[str, Any]:
    """Traceroute for Linux from 2.0.14 on: `` 1  gateway (10.0.0.1)  0.1 ms  0.2 ms  0.3 ms``."""
    parts = line.split("  ")
    try:
        if len(parts) >= 2 and parts[1] == "* * *":
            return {"count": int(parts[0]), "hostname": "*"}
        name, ip = parts[1].split()[:2]
        times = {f"ms{number}": float(parts[number + 1].split()[0]) for number in (1, 2, 3)}
        return {"count": int(parts[0]), "hostname": name, "ip": ip.strip("()"), **times}
    except (ValueError, IndexError):
        return {}


def _old(line: str) -> dict[str, Any]:
    words = line.split()
    if len(words) < 9:
        return {}
    names = ("count", "hostname", "ip", "ping1", "ms1", "ping2", "ms2", "ping3", "ms3")
    return dict(zip(names, words, strict=False))
