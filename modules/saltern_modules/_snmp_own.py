"""The values that a user names in ``oids:`` of a device, as metrics below ``oids``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from saltern_modules import _snmp_value as value
from saltern_modules._snmp_counters import Counters, Reading
from saltern_modules._snmp_pdu import Bound, Oid
from saltern_modules._snmp_session import Session
from saltern_modules._snmp_settings import OwnOid
from saltern_modules.collectors.segment import segment

MAX_ROWS = 1_000
"""Of one of the user's columns."""


async def read(session: Session, oids: Mapping[str, OwnOid]) -> dict[str, dict[str, Bound]]:
    """Return ``{name: {row: value}}``, the row empty for what isn't walked. Raises ``CommandError``."""
    single = [name for name, own in oids.items() if not own.walk]
    answers = await session.get([oids[name].oid for name in single])
    found: dict[str, dict[str, Bound]] = {
        name: {"": bound} for name, bound in zip(single, answers, strict=True) if bound.value is not None
    }
    for name, own in oids.items():
        if own.walk:
            rows = (await session.columns(own.oid, [()], rows=MAX_ROWS))[()]
            labels = (await session.columns(own.label, [()], rows=MAX_ROWS))[()] if own.label else {}
            found[name] = _labelled(rows, labels)
    return found


def metrics(
    found: Mapping[str, Mapping[str, Bound]],
    oids: Mapping[str, OwnOid],
    counters: Counters,
    now: float,
    *,
    restarted: bool,
) -> dict[str, Any]:
    """Return ``{name: number}``, or ``{name: {row: number}}``; counters with their rates as ``name_per_s``."""
    told: dict[str, dict[str, int | float]] = {name: {} for name in found}
    readings: dict[str, Reading] = {}
    for name, rows in found.items():
        for row, bound in rows.items():
            number = value.number(bound)
            width = _bits(oids[name], bound)
            if number is None:
                continue
            if width:
                readings[f"{name}\0{row}"] = Reading(int(number), width)
            else:
                told[name][row] = _scaled(number, oids[name].scale)
    for key, counted in counters.update(now, readings, restarted=restarted).items():
        name, _, row = key.partition("\0")
        told[name][row] = _scaled(counted.total, oids[name].scale)
        if counted.per_s is not None:
            told.setdefault(f"{name}_per_s", {})[row] = _scaled(counted.per_s, oids[name].scale)
    return {name: rows[""] if "" in rows else _segments(rows) for name, rows in told.items() if rows}


def _labelled(rows: Mapping[Oid, Bound], labels: Mapping[Oid, Bound]) -> dict[str, Bound]:
    texts = {index: str(value.plain(labels[index])) if index in labels else "" for index in rows}
    often = Counter(texts.values())
    return {
        text if (text := texts[index]) and often[text] == 1 else _behind(text, index): bound
        for index, bound in rows.items()
    }


def _behind(text: str, index: Oid) -> str:
    return f"{text}#{value.index_text(index)}" if text else value.index_text(index) or "value"


def _bits(own: OwnOid, bound: Bound) -> int:
    """Return how many bits a counter has, 0 when it counts as what is so now."""
    if own.type in ("", "counter"):
        return value.bits(bound) or (64 if own.type else 0)
    return {"counter32": 32, "counter64": 64}.get(own.type, 0)


def _scaled(number: int | float, scale: float) -> int | float:
    return number if scale == 1.0 else round(number * scale, 9)


def _segments(rows: Mapping[str, int | float]) -> dict[str, int | float]:
    return {segment(row, "."): number for row, number in rows.items()}
