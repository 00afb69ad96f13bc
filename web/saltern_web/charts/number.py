"""What a collector's number is: its kind, unit and a line of help, by its name.

``numbers.json`` beside this holds what the collectors say of themselves; a test compares the two.
"""

from __future__ import annotations

import functools
import json
import re
from importlib.resources import files
from typing import NamedTuple

FILE = "numbers.json"
RATE = "_per_s"
_GUESSES = (
    ("_bytes_per_s", "B/s"),
    ("_kib_per_s", "KiB/s"),
    (RATE, "/s"),
    ("percent", "%"),
    ("bytes", "B"),
    ("_kib", "KiB"),
    ("_ms", "ms"),
    ("_us", "µs"),
    ("seconds", "s"),
    ("_s", "s"),
    ("temperature", "°C"),
)


class Number(NamedTuple):
    """``counter``: what grows from boot on; ``known``: a collector says so, and it isn't guessed."""

    counter: bool
    unit: str
    help: str
    known: bool


def number_of(path: str) -> Number:
    """Return what the number at *path* is, below a collection: ``disk.root.percent``; its unit guessed if need be."""
    exact, patterns = _known()
    found = exact.get(path) or next((number for pattern, number in patterns if pattern.fullmatch(path)), None)
    if found is not None:
        return found
    return Number(False, next((unit for end, unit in _GUESSES if path.endswith(end)), ""), "", False)


@functools.cache
def _known() -> tuple[dict[str, Number], list[tuple[re.Pattern[str], Number]]]:
    told = json.loads(files(__package__).joinpath(FILE).read_text(encoding="utf-8"))
    exact: dict[str, Number] = {}
    patterns = []
    for name, (kind, unit, help_) in told.items():
        number = Number(kind == "counter", unit, help_, True)
        if "*" in name:
            patterns.append((re.compile(re.escape(name).replace(r"\*", r"[^.]+")), number))
        else:
            exact[name] = number
    return exact, patterns
