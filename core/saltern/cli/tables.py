"""What some runner functions answer, as people read it: an item a line. Programs ask for ``--out json`` instead."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from saltern.visible import visible

MAX_CELL_CHARS = 60

SUITES = ("suite", "minion", "passed", "failed", "error", "skipped", "seconds", "when", "job")
ACCOUNT = ("expected", "received", "missing", "lost", "dropped", "skipped", "failed", "late", "completeness")


def as_table(function: str, result: Any) -> str | None:
    """Return the text that stands for the *result* of *function*; ``None`` for one that is shown as it is."""
    make = _TABLES.get(function)
    if make is None or not result:
        return None
    try:
        return make(result)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):  # another master's form
        return None


def _alerts(rules: list[dict[str, Any]]) -> str:
    lines = []
    for rule in rules:
        levels = [f"{level} {rule[level]}" for level in ("warn", "crit") if rule[level]]
        state = "" if rule["enabled"] else " (off)"
        target = f": {rule['target']}" if rule["target"] else ""
        lines.append(visible(f"{rule['name']}{state}{target}{''.join(f', {level}' for level in levels)}"))
        if rule["error"]:
            lines.append(f"    error: {visible(rule['error'])}")
        rows = [
            (one["state"], _number(one["value"]), f"since {one['since']}", f"{one['series']}{_seen_to(one)}")
            for one in rule["series"]
        ]
        lines += [f"    {line}" for line in _rows(rows)]
    return "\n".join(lines)


def _seen_to(series: dict[str, Any]) -> str:
    """Return who knows of a series, and what silences it, behind its name."""
    known, silenced = series.get("acknowledged"), series.get("silenced")
    said = f"  known to {known['by']}: {known['comment']}".rstrip(": ") if known else ""
    until = f"  silenced until {_time(silenced['until'])} by {silenced['by']}: {silenced['reason']}" if silenced else ""
    return said + until


def _account(minions: dict[str, dict[str, dict[str, float]]]) -> str:
    rows = [
        (minion_id, name, *(_number(numbers.get(key)) for key in ACCOUNT))
        for minion_id, schedules in sorted(minions.items())
        for name, numbers in sorted(schedules.items())
    ]
    return "\n".join(_rows([("minion", "schedule", *ACCOUNT[:-1], "complete %"), *rows]))


def _suites(runs: list[dict[str, Any]]) -> str:
    rows = [
        (*(run[name] for name in SUITES[:6]), _number(run["seconds"]), _time(run["received"]), run["jid"])
        for run in runs
    ]
    return "\n".join(_rows([SUITES, *rows]))


def _time(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 2):.12g}" if abs(value) >= 1 else f"{value:.3g}"


def _rows(rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return rows as lines, their columns below one another; the last is as long as it is."""
    cells = [[_cut(visible(str(cell))) for cell in row[:-1]] + [visible(str(row[-1]))] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CELL_CHARS else f"{text[: MAX_CELL_CHARS - 1]}…"


_TABLES: dict[str, Callable[[Any], str]] = {
    "alerts.list": _alerts,
    "metrics.account": _account,
    "suite.list": _suites,
}
