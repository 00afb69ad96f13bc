"""A rule's mapping of keys, as YAML gives it, to a ``Rule``; every fault names its key and what would be right."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from saltern.config.load import nearest
from saltern.errors import ConfigError
from saltern_master.alerts.rule import CRIT, KEEP, NODATA_POLICIES, OK, WARN, Level, Rule
from saltern_master.alerts.threshold import RECOVERY_OPERATOR, Threshold, parse_threshold

DEFAULT_WINDOW_S = 60.0  # four slots of 15 s: one lost and one late point don't blind a rule
DEFAULT_NODATA_AFTER_S = 60.0
MAX_DURATION_S = 366 * 86400.0
MAX_TARGET_CHARS = 16 * 1024
MAX_MESSAGE_CHARS = 8 * 1024  # it travels in the environment of a process
MAX_ARGUMENTS = 64

KEYS = (
    *("metric", "target", "warn", "crit", "for", "recover", "window", "nodata", "nodata_after"),
    *("script", "timeout", "repeat", "enabled", "message"),
)

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*", re.ASCII)
_UNIT_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class RuleFault(ConfigError):
    """One rule can't be used; ``key`` is the one to mend, or ``None`` for the rule as a whole."""

    def __init__(self, key: str | None, text: str) -> None:
        super().__init__(text)
        self.key = key

    @property
    def said(self) -> str:
        """What is wrong, with its key."""
        return f"{self.key} {self}" if self.key is not None else str(self)


def parse_rule(name: str, given: Any, *, timeout_s: float = 30.0, where: str = "", editable: bool = False) -> Rule:
    """Return the rule *name* made of the mapping *given*.

    *timeout_s* is a script's time when the rule sets none. Raises ``RuleFault``.
    """
    check_name(name)
    if not isinstance(given, dict):
        raise RuleFault(None, "must be a mapping with 'metric' or 'target', and 'warn' or 'crit'")
    for key in given:
        if key not in KEYS:
            raise RuleFault(str(key), f"is not a key of a rule{nearest(str(key), list(KEYS)) or _known()}")
    kind, target = _target(given)
    window = _seconds(given, "window", DEFAULT_WINDOW_S, low=1.0)
    return Rule(
        name=name,
        target=target,
        kind=kind,
        levels=_levels(given),
        for_s=_seconds(given, "for", 0.0),
        window_s=window,
        nodata=_nodata(given),
        nodata_after_s=_seconds(given, "nodata_after", max(DEFAULT_NODATA_AFTER_S, window), low=1.0),
        script=_script(given),
        timeout_s=_seconds(given, "timeout", timeout_s, low=0.1),
        repeat_s=_seconds(given, "repeat", 0.0),
        enabled=_enabled(given),
        message=_text(given, "message", MAX_MESSAGE_CHARS),
        where=where,
        given=given,
        editable=editable,
    )


def check_name(name: str) -> None:
    """Raise ``RuleFault`` when no rule can be called *name*; any other name is good for a file's too."""
    if not _NAME.fullmatch(name):
        raise RuleFault(None, "is no name for a rule: use up to 100 letters, digits, '_', '-' and '.'")


def _known() -> str:
    return f": use {', '.join(KEYS)}"


def _target(given: Mapping[str, Any]) -> tuple[str, str]:
    if "metric" in given and "target" in given:
        raise RuleFault("target", "is set beside metric: keep one of them")
    for kind in ("metric", "target"):
        if kind in given:
            text = _text(given, kind, MAX_TARGET_CHARS).strip()
            if not text:
                raise RuleFault(kind, "is empty: it names the series to look at")
            if kind == "metric" and re.search(r"[()\s'\"|]", text):
                raise RuleFault(kind, "must be a metric's name or glob: functions go under 'target'")
            return kind, text
    raise RuleFault(None, "has neither 'metric' nor 'target': one of them names the series to look at")


def _levels(given: Mapping[str, Any]) -> tuple[Level, ...]:
    thresholds = {key: _threshold(key, given[key]) for key in (WARN, CRIT) if key in given}
    if not thresholds and given.get("nodata", KEEP) in (KEEP, OK):
        raise RuleFault(None, "has neither 'warn' nor 'crit': set one, as in warn: '> 90'")
    if len(thresholds) == 2 and thresholds[WARN].within(thresholds[CRIT]):
        raise RuleFault(
            WARN, f"{thresholds[WARN]} can't come before crit {thresholds[CRIT]}: crit must be the stricter"
        )
    recover = given.get("recover")
    if recover is None:
        return tuple(Level(key, threshold) for key, threshold in thresholds.items())
    if not isinstance(recover, dict):
        recover = dict.fromkeys(thresholds, recover)
    for key in recover:
        if key not in thresholds:
            raise RuleFault("recover", f"speaks of {key!r:.40}, which this rule doesn't set: {_one_of(thresholds)}")
    return tuple(
        Level(key, threshold, _recover(key, threshold, recover[key]) if key in recover else None)
        for key, threshold in thresholds.items()
    )


def _one_of(thresholds: Mapping[str, Threshold]) -> str:
    return f"it sets {' and '.join(thresholds) or 'no threshold'}"


def _threshold(key: str, value: Any) -> Threshold:
    try:
        return parse_threshold(value)
    except ConfigError as error:
        raise RuleFault(key, str(error)) from None


def _recover(level: str, threshold: Threshold, value: Any) -> Threshold:
    try:
        recover = parse_threshold(value, RECOVERY_OPERATOR.get(threshold.operator))
    except ConfigError as error:
        raise RuleFault("recover", str(error)) from None
    if recover.overlaps(threshold):
        raise RuleFault("recover", f"{recover} meets {level} {threshold}: a value must not mean both")
    return recover


def _seconds(given: Mapping[str, Any], key: str, default: float, low: float = 0.0) -> float:
    return seconds_of(key, given.get(key, default), low)


def seconds_of(key: str, value: Any, low: float = 0.0) -> float:
    """Return a duration, given as seconds or as a text like ``5m``. Raises ``RuleFault``, about *key*."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise RuleFault(key, f"must be seconds or a text like '5m', not {value!r:.40}")
    match = _DURATION.fullmatch(str(value)) if isinstance(value, str) else None
    if isinstance(value, str) and not match:
        raise RuleFault(key, f"must be seconds or a text like '30s', '5m', '1h', '1d', not {value!r:.40}")
    seconds = float(match[1]) * _UNIT_S[match[2]] if match else float(value)
    if not (low <= seconds <= MAX_DURATION_S) or math.isnan(seconds):
        raise RuleFault(key, f"must be between {low:g} s and {MAX_DURATION_S / 86400:.0f} days, not {value!r:.40}")
    return seconds


def _nodata(given: Mapping[str, Any]) -> str:
    value = given.get("nodata", KEEP)
    if value not in NODATA_POLICIES:
        raise RuleFault("nodata", f"must be one of {', '.join(NODATA_POLICIES)}, not {value!r:.40}")
    return str(value)


def _script(given: Mapping[str, Any]) -> tuple[str, ...]:
    value = given.get("script")
    if value is None:
        return ()
    argv = [value] if isinstance(value, str) else value
    if not isinstance(argv, list) or not argv or len(argv) > MAX_ARGUMENTS:
        raise RuleFault("script", f"must be a path, or a list of a program and its arguments, not {value!r:.40}")
    words = [str(word) if type(word) in (int, float) else word for word in argv]
    if not all(isinstance(word, str) and "\0" not in word for word in words) or not words[0].strip():
        raise RuleFault("script", f"must be a path, or a list of texts, not {value!r:.60}")
    return tuple(words)


def _enabled(given: Mapping[str, Any]) -> bool:
    value = given.get("enabled", True)
    if not isinstance(value, bool):
        raise RuleFault("enabled", f"must be true or false, not {value!r:.40}")
    return value


def _text(given: Mapping[str, Any], key: str, limit: int) -> str:
    value = given.get(key, "")
    if not isinstance(value, str):
        raise RuleFault(key, f"must be text, not {value!r:.40}")
    if len(value) > limit:
        raise RuleFault(key, f"is over {limit:,} characters")
    return value
