"""A panel: what it asks the store for, and how it is shown. Scripts get it as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

KINDS = ("chart", "number", "bars", "table")
ROW = "row"
"""A heading above the panels that follow."""
MAX_TITLE, MAX_HELP, MAX_UNIT = 200, 1000, 40
MAX_TARGETS, MAX_TARGET = 26, 4000
MAX_STEPS = 20
COLUMNS = 24
UNITS = ("B", "B/s", "%", "s", "ms", "/s", "percentunit", "°C", "h", "d", "packets/s")
"""Those that are offered; any other word is shown as it is."""


@dataclass(frozen=True)
class Panel:
    """One panel; ``$minion`` and other variables in its targets are filled in by the page."""

    title: str
    targets: tuple[str, ...] = ()
    unit: str = ""
    kind: str = "chart"
    stacked: bool = False
    min: float | None = None
    max: float | None = None
    help: str = ""
    width: int = 8
    """Of 24 columns."""
    steps: tuple[dict[str, Any], ...] = ()
    """``{"value": least or null, "color"}``: from where on a value is how bad."""
    words: dict[str, str] = field(default_factory=dict)
    """Words that stand for values: ``{"0": "fails"}``."""

    def shown(self) -> dict[str, Any]:
        """Return it for a script, or to be kept, without what says nothing."""
        said = {name: value for name, value in asdict(self).items() if value not in (None, "", False, (), {}, [])}
        return {**said, "title": self.title, "targets": list(self.targets), "kind": self.kind}


def read_panel(given: Mapping[str, Any]) -> Panel:
    """Return the panel that *given* says, as :meth:`Panel.shown` has it. Raises ``ValueError``, in one line."""
    title = str(given.get("title") or "")[:MAX_TITLE]
    kind = given.get("kind", "chart")
    if kind not in (*KINDS, ROW):
        raise ValueError(f"{title!r}: its kind must be one of {', '.join(KINDS)}, not {str(kind)[:40]!r}")
    targets = tuple(str(target).strip() for target in given.get("targets") or () if str(target).strip())
    if len(targets) > MAX_TARGETS:
        raise ValueError(f"{title!r}: it has {len(targets)} targets, and {MAX_TARGETS} are drawn at most")
    if any(len(target) > MAX_TARGET for target in targets):
        raise ValueError(f"{title!r}: a target has more than {MAX_TARGET} characters")
    if kind != ROW and not targets:
        raise ValueError(f"{title!r}: it has no target: name a series, or a function of some")
    width = given.get("width")
    words = given.get("words")
    return Panel(
        title,
        targets,
        str(given.get("unit") or "")[:MAX_UNIT],
        kind,
        bool(given.get("stacked")),
        _number(given.get("min")),
        _number(given.get("max")),
        str(given.get("help") or "")[:MAX_HELP],
        min(max(int(width), 3), COLUMNS) if isinstance(width, int) else 8,
        tuple(_steps(given.get("steps") or ())),
        {str(key)[:40]: str(word)[:MAX_TITLE] for key, word in list(words.items())[:100]}
        if isinstance(words, dict)
        else {},
    )


def _steps(given: Iterable[Any]) -> Iterable[dict[str, Any]]:
    for step in list(given)[:MAX_STEPS]:
        if isinstance(step, dict):
            yield {"value": _number(step.get("value")), "color": str(step.get("color") or "")[:MAX_UNIT]}


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value
