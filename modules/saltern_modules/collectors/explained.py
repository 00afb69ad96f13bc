"""What a sampler does on this host, in words: for ``stats.explain`` and ``stats.numbers``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from saltern_modules.collectors.base import Number
from saltern_modules.collectors.catalogue import Listed, listed, load
from saltern_modules.collectors.sampler import Sampler


def explained(sampler: Sampler) -> dict[str, dict[str, Any]]:
    """Return each collector's row of ``stats.explain``."""
    return {name: _row(row, sampler) for name, row in listed().items()}


def numbers(name: str) -> dict[str, dict[str, Any]]:
    """Return ``{name: {'kind', 'unit', 'help'}}`` of every number of the collector *name*."""
    return {f"{name}.{key}": _told(number) for key, number in load(name).described().items()}


def count(metrics: Mapping[str, Any]) -> int:
    """Return how many numbers *metrics* holds."""
    return sum(count(value) if isinstance(value, Mapping) else 1 for value in metrics.values())


def unnamed(name: str, metrics: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of those numbers in *metrics* that the collector *name* doesn't describe."""
    patterns = [tuple(key.split(".")) for key in load(name).described()]
    for path in _paths(metrics):
        if not any(_fits(path, pattern) for pattern in patterns):
            yield ".".join(path)


def _row(row: Listed, sampler: Sampler) -> dict[str, Any]:
    told: dict[str, Any] = {"on": False, "why": _why(row, sampler), "description": load(row.name).description}
    running = sampler.running.get(row.name)
    if running is not None:
        told["on"] = True
        told["metrics"] = count(running.last)
        if running.runs:
            told["cost_ms"] = round(running.spent_ms / running.runs, 3)
        if running.failed:
            told["failed"] = running.failed
    return told


def _why(row: Listed, sampler: Sampler) -> str:
    """Return why the collector runs, or why not."""
    asked = row.name in sampler.chosen.asked
    if not sampler.chosen.switches[row.name]:
        return "switched off in stats: collectors" if asked else "off unless switched on in stats: collectors"
    if row.name in sampler.chosen.faults:
        return sampler.chosen.faults[row.name]
    if row.name in sampler.lacking:
        return sampler.lacking[row.name]
    return "switched on in stats: collectors" if asked else "on by itself"


def _told(number: Number) -> dict[str, Any]:
    return {"kind": number.kind, "unit": number.unit, "help": number.help}


def _paths(metrics: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _paths(value, (*above, key))
        else:
            yield (*above, key)


def _fits(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    return len(path) == len(pattern) and all(part in ("*", own) for own, part in zip(path, pattern, strict=True))
