"""The master's schedule: checked once, then handed to each minion as far as it is meant for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from saltern.config.load import nearest
from saltern.config.schema import in_words
from saltern.errors import ConfigError, IdError, TargetError
from saltern.ids import returners_of
from saltern_master.targeting import Known, Nodegroups, Target

log = logging.getLogger(__name__)

KEYS: dict[str, tuple[type, ...]] = {
    "function": (str,),
    "args": (list,),
    "kwargs": (dict,),
    "seconds": (int, float),
    "target": (str, list),
    "target_type": (str,),
    "metrics": (bool,),
    "return_job": (bool,),
    "enabled": (bool,),
    "returner": (str, list),
    "return_config": (str,),
    "return_kwargs": (dict,),
}
RETURNER_OPTIONS = ("return_config", "return_kwargs")
MIN_SECONDS, MAX_SECONDS = 1, 366 * 86400
MATCHING_ONE_S = 0.02
"""Processor time for holding one entry against one minion: it is done while the event loop waits."""


class Entry(NamedTuple):
    """One scheduled function and the minions it is for."""

    target: Target
    job: dict[str, Any]
    """What the agent gets: every key but the target's."""


class Schedules:
    """All entries of ``schedule:``."""

    def __init__(self, option: Mapping[str, Any], conf_file: str, nodegroups: Mapping[str, Any] | None = None) -> None:
        """An entry that is ``false`` is none. Raises ``ConfigError`` naming the entry and its fault."""
        groups = Nodegroups(nodegroups or {}, conf_file)
        self._entries = {
            name: _entry(name, value, conf_file, groups) for name, value in option.items() if value is not False
        }
        self._idle = set(self._entries)  # no minion was found that they are for
        self._where = conf_file

    def of(self, minion_id: str, known: Known) -> dict[str, dict[str, Any]]:
        """Return the schedule of a minion: name to job. An entry whose target takes too long is left out, and said."""
        schedule = {}
        for name, entry in self._entries.items():
            try:
                if entry.target.matches(minion_id, known):
                    schedule[name] = entry.job
                    self._idle.discard(name)
            except TargetError as error:
                log.warning("schedule %s: left out for %s: %s", name, minion_id, error)
        return schedule

    @property
    def metrics(self) -> frozenset[str]:
        """The names of the entries whose returns become metrics."""
        return frozenset(name for name, entry in self._entries.items() if entry.job["metrics"])

    def say_idle(self) -> None:
        """Log which entries no minion was found for, of all that ``of`` was asked about."""
        for name in sorted(self._idle):
            log.warning(
                "%s: schedule: %s: its target matches no accepted minion now, so it runs nowhere", self._where, name
            )

    def seconds(self, name: str) -> float | None:
        """Return the interval of an entry of the master's, in seconds."""
        entry = self._entries.get(name)
        return float(entry.job["seconds"]) if entry else None


def _entry(name: str, value: Any, conf_file: str, nodegroups: Nodegroups) -> Entry:
    where = f"{conf_file}: schedule: {name}"
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: must be a mapping with function and seconds")
    for key, part in value.items():
        if key not in KEYS:
            hint = nearest(str(key), list(KEYS)) or f": use {', '.join(KEYS)}"
            raise ConfigError(f"{where}: {key!s:.60} is not known{hint}")
        if not isinstance(part, KEYS[key]) or (isinstance(part, bool) and bool not in KEYS[key]):
            raise ConfigError(f"{where}: {key}: must be {in_words(*KEYS[key])}, not {part!r:.60}")
    if not value.get("function"):
        raise ConfigError(f"{where}: function is missing, as in stats.collect")
    seconds = value.get("seconds")
    if seconds is None or not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise ConfigError(f"{where}: seconds: must be between {MIN_SECONDS} and {MAX_SECONDS}, not {seconds!r:.60}")
    try:
        target = Target(
            value.get("target", "*"), value.get("target_type", "glob"), MATCHING_ONE_S, nodegroups=nodegroups
        )
    except TargetError as error:
        raise ConfigError(f"{where}: target: {error}") from None
    if target.problem:
        raise ConfigError(f"{where}: target: {target.problem}")
    job = {
        "function": value["function"],
        "args": value.get("args", []),
        "kwargs": value.get("kwargs", {}),
        "seconds": seconds,
        "metrics": value.get("metrics", False),
        "return_job": value.get("return_job", False),
        "enabled": value.get("enabled", True),
    }
    try:
        returners = returners_of(value.get("returner"))
    except IdError as error:
        raise ConfigError(f"{where}: returner: {error}") from None
    if returners:
        job |= {"returner": returners, **{key: value[key] for key in RETURNER_OPTIONS if key in value}}
    return Entry(target, job)
