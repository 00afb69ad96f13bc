"""Numbers out of the kernel's text, and rates out of counters."""

from __future__ import annotations

import re
from collections.abc import Mapping

_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{1,16}")
MAX_DIGITS = 20
"""A 64-bit counter has no more; what is longer is no number of the kernel's."""


def integer(field: bytes) -> int | None:
    """Return *field* as an integer not below 0, or None when it is none."""
    return int(field) if field.isdigit() and len(field) <= MAX_DIGITS else None


def hexadecimal(field: bytes) -> int | None:
    """Return *field*, hexadecimal digits without a sign or a prefix, as an integer, or None when it is none."""
    return int(field, 16) if _HEXADECIMAL.fullmatch(field) else None


def decimal(field: bytes) -> float | None:
    """Return *field*, digits with a point or without, as a number, or None when it is none."""
    plain = field.replace(b".", b"", 1)
    return float(field) if plain.isdigit() and len(plain) <= MAX_DIGITS else None


def integers(fields: list[bytes]) -> list[int] | None:
    """Return *fields* as integers, or None when one of them is not."""
    try:
        return list(map(int, fields))
    except ValueError:
        return None


def unsigned(fields: list[bytes]) -> list[int] | None:
    """Return *fields* as integers not below 0, or None when one of them is none, or longer than any of the kernel's."""
    if not b"".join(fields).isdigit() or max(map(len, fields)) > MAX_DIGITS:
        return None
    return integers(fields)


def value_after(data: bytes, key: bytes) -> int | None:
    """Return the integer that follows *key* at the start of a line of *data*, or None.

    Looking up a dozen keys this way costs a tenth of splitting a file of two hundred lines.
    """
    at = (b"\n" + data).find(b"\n" + key + b" ")
    if at < 0:
        return None
    start = at + len(key) + 1
    end = data.find(b"\n", start)
    fields = data[start : end if end >= 0 else len(data)].split(None, 1)
    return integer(fields[0]) if fields else None


def percent(part: float, whole: float) -> float:
    """Return *part* of *whole* in percent, to two decimals; 0 when *whole* is 0."""
    return round(100.0 * part / whole, 2) if whole else 0.0


WRAP = 1 << 32
"""Where the counters of some devices, and of 32-bit kernels, begin again at 0."""


def per_second(
    now: Mapping[str, float], before: Mapping[str, float], elapsed: float, names: Mapping[str, str]
) -> dict[str, float]:
    """Return the rate of each counter in *names* (counter → name of its rate), to three decimals.

    *elapsed* is in seconds. A counter that is new, or was set back (the device came back), has no rate this time: a
    made-up number would be stored as if it were true. One that wrapped at 32 bits has its own.
    """
    rates: dict[str, float] = {}
    if elapsed <= 0:
        return rates
    spent = {counter: now[counter] - before[counter] for counter in names if counter in now and counter in before}
    wrapped = any(each < 0 for each in spent.values()) and _wrapped(spent, before)
    for counter, each in spent.items():
        if each >= 0 or wrapped:
            rates[names[counter]] = round((each if each >= 0 else each + WRAP) / elapsed, 3)
    return rates


def _wrapped(spent: Mapping[str, float], before: Mapping[str, float]) -> bool:
    """Return whether what fell began again at 2³²: it was near it, and the thing's other counters went on."""
    fallen = [counter for counter, each in spent.items() if each < 0]
    near = all(WRAP // 2 <= before[counter] < WRAP and spent[counter] < -WRAP // 2 for counter in fallen)
    return near and any(each > 0 for each in spent.values())


class Rates:
    """Remembers the counters of some things (devices, interfaces) and tells their rates."""

    def __init__(self, counters: tuple[str, ...]) -> None:
        self._names = {counter: f"{counter}_per_s" for counter in counters}
        self._before: Mapping[str, Mapping[str, float]] = {}
        self._at = 0.0

    def update(self, now: float, things: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
        """Return ``{thing: {counter_per_s: rate}}`` since the last call; *now* is monotonic seconds."""
        before, elapsed = self._before, now - self._at
        rates = {
            thing: per_second(counters, before[thing], elapsed, self._names)
            for thing, counters in things.items()
            if thing in before
        }
        self._before = {thing: dict(counters) for thing, counters in things.items()}
        self._at = now
        return rates

    def forget(self, thing: str) -> None:
        """Let *thing* be another one from now on: it has no rates before its second reading."""
        self._before = {name: counters for name, counters in self._before.items() if name != thing}

    def fell(self, things: Mapping[str, Mapping[str, float]]) -> bool:
        """Return whether one of *things* has a counter below what it was at the last call of :meth:`update`."""
        return any(
            counters[counter] < before[counter]
            for thing, before in self._before.items()
            if (counters := things.get(thing))
            for counter in self._names
            if counter in before and counter in counters
        )
