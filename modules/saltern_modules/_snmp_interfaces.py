"""A device's interfaces: ifTable and ifXTable (RFC 2863), as traffic and as a list.

Counters of 64 bits count where the device has them. Names are those of ``ifName``, else of ``ifDescr``; of several
with one name each has its number behind it.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from saltern_modules import _snmp_value as value
from saltern_modules._snmp_counters import Counted, Counters, Reading
from saltern_modules._snmp_oid import IF, IFX
from saltern_modules._snmp_pdu import COUNTERS, Bound, Oid
from saltern_modules._snmp_session import Session
from saltern_modules.collectors.segment import segment

MAX_INTERFACES = 2_000

DESCR, TYPE, MTU, SPEED, MAC, ADMIN, OPER = 2, 3, 4, 5, 6, 7, 8
NAME, HIGH_SPEED, ALIAS, DISCONTINUITY = 1, 15, 18, 19
OF_TABLE = {"rx_dropped": 13, "rx_errors": 14, "tx_dropped": 19, "tx_errors": 20}
"""Columns of ifTable that have no twin of 64 bits."""
OLD = {"rx_bytes": (10,), "rx_packets": (11, 12), "tx_bytes": (16,), "tx_packets": (17, 18)}
NEW = {"rx_bytes": (6,), "rx_packets": (7, 8, 9), "rx_multicast": (8,), "tx_bytes": (10,), "tx_packets": (11, 12, 13)}
"""Columns that make up each counter, in ifTable and in ifXTable."""
UP = 1
STATES = {1: "up", 2: "down", 3: "testing", 4: "unknown", 5: "dormant", 6: "not present", 7: "lower layer down"}

Rows = dict[Oid, dict[Oid, Bound]]


class Table:
    """ifTable (``old``) and ifXTable (``new``) as they were read: ``{column: {index: value}}``."""

    def __init__(self, old: Rows, new: Rows) -> None:
        self.old = old
        self.new = new
        indexes = {index for rows in (old, new) for column in rows.values() for index in column if len(index) == 1}
        self.indexes = sorted(indexes)[:MAX_INTERFACES]

    def of_old(self, index: Oid, column: int) -> Any:
        """Return a value of ifTable, ``None`` when it isn't there."""
        bound = self.old.get((column,), {}).get(index)
        return bound.value if bound is not None else None

    def of_new(self, index: Oid, column: int) -> Any:
        """Return a value of ifXTable, ``None`` when it isn't there."""
        bound = self.new.get((column,), {}).get(index)
        return bound.value if bound is not None else None

    def names(self) -> dict[Oid, str]:
        """Return each interface's name, by its index."""
        names = {
            index: value.text(self.of_new(index, NAME), 200)
            or value.text(self.of_old(index, DESCR), 200)
            or "interface"
            for index in self.indexes
        }
        often = Counter(names.values())
        return {index: name if often[name] == 1 else f"{name}#{index[0]}" for index, name in names.items()}

    def speed(self, index: Oid) -> int:
        """Return its speed in bits a second, 0 when it tells none."""
        high, low = self.of_new(index, HIGH_SPEED), self.of_old(index, SPEED)
        if isinstance(high, int) and high > 0:
            return high * 1_000_000
        return low if isinstance(low, int) and low > 0 else 0


async def read(session: Session, *, whole: bool = False) -> Table:
    """Return the tables of a device; *whole*: with what a list shows beside the traffic. Raises ``CommandError``."""
    columns = [DESCR, SPEED, ADMIN, OPER, *OF_TABLE.values(), *((TYPE, MTU, MAC) if whole else ())]
    more = [NAME, HIGH_SPEED, DISCONTINUITY, *((ALIAS,) if whole else ()), *_flat(NEW)]
    old = await session.columns(IF, [(column,) for column in columns], rows=MAX_INTERFACES)
    new = await session.columns(IFX, [(column,) for column in more], rows=MAX_INTERFACES)
    found = Table(old, new)
    if any(found.of_new(index, NEW[counter][0]) is None for counter in OLD for index in found.indexes):
        rest = await session.columns(IF, [(column,) for column in _flat(OLD)], rows=MAX_INTERFACES)
        found.old.update(rest)
    return found


def traffic(table: Table, counters: Counters, now: float, *, restarted: bool, exclude: Sequence[str]) -> dict[str, Any]:
    """Return ``{interface: {rx_bytes, rx_bytes_per_s, …, up, admin_up, speed_bits_per_s}}``, named as collectors do.

    *counters* remembers this device's; *now* is monotonic seconds; *exclude* are patterns of names.
    """
    names = {
        index: name
        for index, name in table.names().items()
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in exclude)
    }
    made: dict[int, tuple[str, str]] = {}
    readings: dict[int, Reading] = {}
    for index, name in names.items():
        epoch = (name, table.of_new(index, DISCONTINUITY))  # another name: another interface has its number now
        speed = table.speed(index) / 8
        for counter, column, bound in _counters(table, index):
            key = index[0] << 8 | column << 1 | (counter == "rx_multicast")  # that is a part of rx_packets as well
            made[key] = (name, counter)
            most = speed if speed and counter.endswith("_bytes") else None
            readings[key] = Reading(bound.value, value.bits(bound), epoch, most)
    metrics: dict[str, Any] = {name: _state(table, index) for index, name in names.items()}
    _add(metrics, made, counters.update(now, readings, restarted=restarted))
    return {segment(name, "."): told for name, told in metrics.items() if told}


def listed(table: Table) -> dict[str, dict[str, Any]]:
    """Return ``{name: {index, descr, alias, type, mtu, mac, speed_bits_per_s, admin, oper, rx_bytes, …}}``."""
    found: dict[str, dict[str, Any]] = {}
    for index, name in table.names().items():
        row: dict[str, Any] = {
            "index": index[0],
            "descr": value.text(table.of_old(index, DESCR)),
            "alias": value.text(table.of_new(index, ALIAS)),
            "type": table.of_old(index, TYPE),
            "mtu": table.of_old(index, MTU),
            "mac": value.mac(table.of_old(index, MAC)),
            "speed_bits_per_s": table.speed(index),
            "admin": STATES.get(table.of_old(index, ADMIN), ""),
            "oper": STATES.get(table.of_old(index, OPER), ""),
        }
        for counter, _, bound in _counters(table, index):
            row[counter] = row.get(counter, 0) + bound.value
        found[name] = row
    return found


def _flat(columns: Mapping[str, tuple[int, ...]]) -> list[int]:
    return sorted({column for each in columns.values() for column in each})


def _counters(table: Table, index: Oid) -> list[tuple[str, int, Bound]]:
    """Return the counters that an interface has, each with the columns that make it up."""
    found: list[tuple[str, int, Bound]] = []
    for counter, column in OF_TABLE.items():
        _take(found, counter, column, table.old.get((column,), {}).get(index))
    for counter in ("rx_bytes", "rx_packets", "rx_multicast", "tx_bytes", "tx_packets"):
        first = NEW[counter][0]
        has_new = index in table.new.get((first,), {})
        for column in NEW[counter] if has_new else OLD.get(counter, ()):
            rows = (table.new if has_new else table.old).get((column,), {})
            _take(found, counter, column + (100 if has_new else 0), rows.get(index))
    return found


def _take(found: list[tuple[str, int, Bound]], counter: str, column: int, bound: Bound | None) -> None:
    if bound is not None and bound.type in COUNTERS:
        found.append((counter, column, bound))


def _state(table: Table, index: Oid) -> dict[str, float]:
    oper, admin, speed = table.of_old(index, OPER), table.of_old(index, ADMIN), table.speed(index)
    told: dict[str, float] = {}
    if oper is not None:
        told["up"] = int(oper == UP)
    if admin is not None:
        told["admin_up"] = int(admin == UP)
    if speed:
        told["speed_bits_per_s"] = speed
    return told


def _add(metrics: dict[str, Any], made: Mapping[int, tuple[str, str]], counted: Mapping[int, Counted]) -> None:
    """Add up the parts of each counter, and of its rate where all of them have one."""
    without: set[tuple[str, str]] = set()
    for key, part in counted.items():
        name, counter = made[key]
        row = metrics[name]
        row[counter] = row.get(counter, 0) + part.total
        rate = f"{counter}_per_s"
        if part.per_s is None or counter == "rx_multicast":
            without.add((name, rate))
        else:
            row[rate] = round(row.get(rate, 0.0) + part.per_s, 3)
    for name, rate in without:
        metrics[name].pop(rate, None)
