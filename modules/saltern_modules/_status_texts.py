"""The kernel's files in ``/proc`` as maps, in the shapes that people know from Salt (proc(5))."""

from __future__ import annotations

from typing import Any

Number = int | float | str

CPU_TIMES = {"idle": 4, "iowait": 5, "irq": 6, "nice": 2, "softirq": 7, "steal": 8, "system": 3, "user": 1}
"""Columns of the line ``cpu`` in ``stat``."""

DISK_COLUMNS = (
    "major",
    "minor",
    "device",
    "reads_issued",
    "reads_merged",
    "sectors_read",
    "ms_spent_reading",
    "writes_completed",
    "writes_merged",
    "sectors_written",
    "ms_spent_writing",
    "io_in_progress",
    "ms_spent_in_io",
    "weighted_ms_spent_in_io",
)
RECEIVED = ("bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast")
SENT = ("bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed")
NETWORK_COLUMNS = (*(f"rx_{name}" for name in RECEIVED), *(f"tx_{name}" for name in SENT))


def number(text: str) -> Number:
    """Return *text* as a whole number or a float, as it is when it is neither."""
    if text.isascii() and text.isdigit() and len(text) < 40:
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def parse_stat(text: str) -> dict[str, Any]:
    """Return ``{'cpu': {'user', …}, 'cpu0': its user time, 'intr': {'total', 'irqs'}, 'softirq': …, 'ctxt': …}``."""
    found: dict[str, Any] = {}
    for words in map(str.split, text.split("\n")):
        if len(words) < 2:
            continue
        name, values = words[0], [number(word) for word in words]
        if name == "cpu":
            found[name] = {key: values[at] for key, at in CPU_TIMES.items() if at < len(values)}
        elif name in ("intr", "softirq"):
            found[name] = {"total": values[1], "irqs" if name == "intr" else "softirqs": values[2:]}
        else:
            found[name] = values[1]
    return found


def parse_vmstat(text: str) -> dict[str, Number]:
    """Return ``{name: value}``."""
    lines = (line.split() for line in text.split("\n"))
    return {words[0]: number(words[1]) for words in lines if len(words) > 1}


def parse_diskstats(text: str) -> dict[str, dict[str, Number]]:
    """Return ``{device: {'major', 'minor', 'device', 'reads_issued', …}}``."""
    lines = (line.split() for line in text.split("\n"))
    rows = (words for words in lines if len(words) >= len(DISK_COLUMNS))
    return {words[2]: {key: number(word) for key, word in zip(DISK_COLUMNS, words, strict=False)} for words in rows}


def parse_dev(text: str) -> dict[str, dict[str, Number]]:
    """Return ``{interface: {'iface', 'rx_bytes', …, 'tx_compressed'}}`` by the text of ``net/dev``."""
    found: dict[str, dict[str, Number]] = {}
    for line in text.split("\n"):
        name, colon, counts = line.partition(":")
        words = counts.split()
        if colon and len(words) >= len(NETWORK_COLUMNS):
            name = name.strip()
            found[name] = {"iface": name, **{key: number(w) for key, w in zip(NETWORK_COLUMNS, words, strict=False)}}
    return found


def parse_w(text: str) -> list[dict[str, str]]:
    """Return the sessions that ``w -fh`` prints: ``[{'user', 'tty', 'login', 'idle', 'jcpu', 'pcpu', 'what'}]``."""
    names = ("user", "tty", "login", "idle", "jcpu", "pcpu", "what")
    lines = (line.split(None, 6) for line in text.split("\n"))
    return [dict(zip(names, [*words, ""][:7], strict=True)) for words in lines if len(words) >= 6]
