"""Which events a hook is for: words for kinds of them, and globs on tags."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence

from saltern.config.load import nearest
from saltern.errors import ConfigError
from saltern_master.annotations.annotation import ASKED_BY_PROGRAMS
from saltern_master.bus import MASTER, Event

ALERTS = "salt/alert/"
KEYS = ("salt/key", "salt/auth")
MAX_PATTERNS = 50
MAX_PATTERN_CHARS = 255


def _is_job(event: Event) -> bool:
    """Return whether a job of people's, or of programs other than those that look after jobs, began or is over."""
    parts = event.tag.split("/")
    fun = event.data.get("fun")
    return (
        parts[:2] == ["salt", "job"]
        and parts[3:] in (["new"], ["done"])
        and not ASKED_BY_PROGRAMS & {str(one) for one in (fun if isinstance(fun, list) else [fun])}
    )


KINDS: dict[str, Callable[[Event], bool]] = {
    "alerts": lambda event: event.tag.startswith(ALERTS),
    "jobs": _is_job,
    "presence": lambda event: event.tag == "salt/presence/change",
    "keys": lambda event: event.tag in KEYS,
}
"""Of each only what the master says itself: others may fire under its tags."""


class Choice:
    """Chooses events; raises ``ConfigError``, about *where*, for what is no list of words and globs."""

    def __init__(self, wanted: object, where: str) -> None:
        if not (isinstance(wanted, list) and wanted and all(isinstance(one, str) and one for one in wanted)):
            raise ConfigError(f"{where}: must be a list of {', '.join(KINDS)} and globs on tags, as salt/job/*/ret/*")
        if len(wanted) > MAX_PATTERNS or any(len(one) > MAX_PATTERN_CHARS for one in wanted):
            limits = f"{MAX_PATTERNS} globs of {MAX_PATTERN_CHARS} characters"
            raise ConfigError(f"{where}: is too long: {limits} at most")
        self._kinds = [KINDS[one] for one in wanted if one in KINDS]
        self.globs: Sequence[str] = [one for one in wanted if one not in KINDS]
        for one in self.globs:
            if one.isalpha() and (meant := nearest(one, list(KINDS))):
                raise ConfigError(f"{where}: {one!r} is no kind of events{meant}")
        self._matches = re.compile("|".join(fnmatch.translate(one) for one in self.globs)).match if self.globs else None

    def wants(self, event: Event) -> bool:
        """Return whether *event* is one of them; an alert that is silenced never is."""
        if event.tag.startswith(ALERTS) and event.data.get("silenced") is True:
            return False
        if self._matches is not None and self._matches(event.tag):
            return True
        return event.data.get("from") == MASTER and any(kind(event) for kind in self._kinds)

    @property
    def alerts_alone(self) -> bool:
        """Whether all of them are alerts."""
        alerts = KINDS["alerts"]
        return all(kind is alerts for kind in self._kinds) and all(one.startswith(ALERTS) for one in self.globs)
