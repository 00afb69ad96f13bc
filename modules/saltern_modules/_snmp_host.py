"""What a device tells of itself as a computer: HOST-RESOURCES-MIB (RFC 2790), and the load averages of net-snmp.

Names are those of a host's collectors where they mean the same: ``cpu``, ``load``, ``disk``. What isn't a disk of the
storage table (memory, swap, buffers) is below ``storage``.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from saltern_modules import _snmp_value as value
from saltern_modules._snmp_oid import HOST, PROCESSOR_LOAD, STORAGE, UCD_LOAD
from saltern_modules._snmp_pdu import Oid
from saltern_modules._snmp_session import Session
from saltern_modules.collectors.numbers import percent
from saltern_modules.collectors.segment import segment

MAX_STORAGES = 1_000
MAX_PROCESSORS = 1_024
TYPE, DESCR, UNIT, SIZE, USED = 2, 3, 4, 5, 6
FIXED_DISK: Oid = (*HOST, 2, 1, 4)
AVERAGES = {1: "1m", 2: "5m", 3: "15m"}


async def storage(session: Session) -> dict[str, Any]:
    """Return ``{disk: {/: {total, used, free, percent}}, storage: {…}}``, in bytes. Raises ``CommandError``."""
    columns = [(column,) for column in (TYPE, DESCR, UNIT, SIZE, USED)]
    table = await session.columns(STORAGE, columns, rows=MAX_STORAGES)
    labels = {index: value.text(bound.value, 200) for index, bound in table[(DESCR,)].items()}
    often = Counter(labels.values())
    found: dict[str, Any] = {"disk": {}, "storage": {}}
    for index, label in sorted(labels.items()):
        unit, size, used = (value.number(table[(column,)].get(index)) for column in (UNIT, SIZE, USED))
        if unit is None or size is None or used is None or not size or not label:
            continue
        total, taken = (int(each % 2**32 * unit) for each in (size, used))  # beyond 31 bits some devices go below 0
        kind = table[(TYPE,)].get(index)
        place = "disk" if kind is not None and kind.value == FIXED_DISK else "storage"
        name = label if often[label] == 1 else f"{label}#{'.'.join(map(str, index))}"
        found[place][segment(name, "/" if place == "disk" else " ")] = {
            "total": total,
            "used": taken,
            "free": max(0, total - taken),
            "percent": percent(taken, total),
        }
    return {place: rows for place, rows in found.items() if rows}


async def processors(session: Session) -> dict[str, Any]:
    """Return ``{cpu: {count, total: {percent}, 0: {percent}, …}}``, over the last minute. Raises ``CommandError``."""
    table = await session.columns(PROCESSOR_LOAD, [()], rows=MAX_PROCESSORS)
    loads = [load for _, bound in sorted(table[()].items()) if (load := value.number(bound)) is not None]
    if not loads:
        return {}
    told: dict[str, Any] = {str(at): {"percent": load} for at, load in enumerate(loads)}
    return {"cpu": {"count": len(loads), "total": {"percent": round(sum(loads) / len(loads), 2)}, **told}}


async def load(session: Session) -> dict[str, Any]:
    """Return ``{load: {1m, 5m, 15m}}``. Raises ``CommandError``."""
    oids: list[Oid] = [(*UCD_LOAD, 5, row) for row in AVERAGES]
    told = {}
    for name, bound in zip(AVERAGES.values(), await session.get(oids), strict=True):
        hundredths = value.number(bound)
        if hundredths is not None:
            told[name] = hundredths / 100
    return {"load": told} if told else {}
