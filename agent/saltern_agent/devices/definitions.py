"""What devices of one kind have in common is kept once: schedules, and the definitions of their jobs."""

from __future__ import annotations

from typing import Any

from saltern.digest import digest_of
from saltern_agent.schedule import Definition, parse

MAX_KEPT = 1000
"""Of each; then sharing begins anew."""


class Definitions:
    """Remembers what it was given, by what that says."""

    def __init__(self) -> None:
        self._definitions: dict[str, Definition] = {}
        self._schedules: dict[str, tuple[Any, str]] = {}

    def parsed(self, name: str, job: Any) -> Definition:
        """Return the definition of the scheduled job *name*. Raises ``ConfigError`` that says what is wrong."""
        key = digest_of([name, job])
        found = self._definitions.get(key)
        if found is None:
            found = parse(name, job)
            _keep(self._definitions, key, found)
        return found

    def schedule(self, schedule: Any) -> tuple[Any, str]:
        """Return *schedule*, or an equal one that was given earlier, and its digest. Nobody may change it."""
        key = digest_of(schedule)
        found = self._schedules.get(key)
        if found is None:
            found = schedule, key
            _keep(self._schedules, key, found)
        return found


def _keep(where: dict[str, Any], key: str, value: Any) -> None:
    if len(where) >= MAX_KEPT:
        where.clear()
    where[key] = value
