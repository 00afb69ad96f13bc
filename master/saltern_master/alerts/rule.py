"""What one rule says, checked: its target, its levels and what to do on a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from saltern_master.alerts.threshold import Threshold

OK: Final = "ok"
WARN: Final = "warn"
CRIT: Final = "crit"
NODATA: Final = "nodata"
KEEP: Final = "keep"

STATES = (OK, WARN, CRIT, NODATA)
SEVERITY = {OK: 0, WARN: 1, CRIT: 2}
"""Of the states that values lead to; ``nodata`` has no place in this order."""

NODATA_POLICIES = (OK, WARN, CRIT, NODATA, KEEP)


@dataclass(frozen=True, slots=True)
class Level:
    """A level, ``warn`` or ``crit``: entered when *threshold* matches, left when *recover* does."""

    name: str
    threshold: Threshold
    recover: Threshold | None = None

    def recovered(self, value: float) -> bool:
        """Tell whether a series at this level leaves it at *value*."""
        return self.recover.matches(value) if self.recover else not self.threshold.matches(value)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; durations in seconds.

    ``kind`` is ``metric`` or ``target``, the key under which ``target`` was given. ``levels`` are in rising
    severity. ``script`` is an argv, empty for none. ``repeat_s`` 0 means never. ``where`` is ``file: line n``.
    ``given`` is what the rule was made of; ``editable``: it is kept by the master, not written by hand.
    """

    name: str
    target: str
    kind: str = "target"
    levels: tuple[Level, ...] = ()
    for_s: float = 0.0
    window_s: float = 60.0
    nodata: str = KEEP
    nodata_after_s: float = 60.0
    script: tuple[str, ...] = ()
    timeout_s: float = 30.0
    repeat_s: float = 0.0
    enabled: bool = True
    message: str = ""
    where: str = ""
    given: Mapping[str, Any] = field(default_factory=dict, compare=False)
    editable: bool = False

    def threshold_text(self, level: str) -> str:
        """Return a level's threshold as text, or ``""`` when the rule has no such level."""
        return next((str(one.threshold) for one in self.levels if one.name == level), "")
