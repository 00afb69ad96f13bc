"""What others did wrong, said in the log within limits, and counted."""

from __future__ import annotations

import logging

from saltern_master.line_limit import LineLimit

log = logging.getLogger(__name__)


class Complaints:
    """Says each kind of complaint about each of them once a minute."""

    def __init__(self, about: str) -> None:
        """*about*: whose lines these are, for the one that says that more were left out."""
        self._limit = LineLimit(about)
        self.heard = 0
        """Complaints so far, said or not."""

    def say(self, who: str, kind: str, text: str) -> None:
        """Log *text* about *who*, unless the same *kind* was said of him within the last minute."""
        self.heard += 1
        if self._limit.allows(f"{who} {kind}", who):
            log.warning("%s: %s", who, text)
