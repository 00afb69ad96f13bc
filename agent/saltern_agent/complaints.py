"""Errors of many kinds, each said at once and then counted (``saltern_agent.complaint``)."""

from __future__ import annotations

import logging

from saltern_agent.complaint import Complaint

MAX_KINDS = 200
"""Remembered at once; the one that was said last the longest ago is forgotten first."""


class Complaints:
    """What was said in the log *log*, by its kind. May be used from any thread."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._kinds: dict[str, Complaint] = {}

    def say(self, kind: str, text: str, level: int = logging.ERROR) -> bool:
        """Log *text*, unless one of the same *kind* was logged a short while ago; return whether it was logged now."""
        complaint = self._kinds.pop(kind, None) or Complaint(self._log, level)
        while len(self._kinds) >= MAX_KINDS:
            self._kinds.pop(next(iter(self._kinds)), None)
        self._kinds[kind] = complaint
        return complaint.say(text)

    def over(self, kind: str, text: str) -> None:
        """Log *text* when there was something of this *kind* to complain of: it is over."""
        complaint = self._kinds.get(kind)
        if complaint is not None:
            complaint.over(text)

    def end(self) -> None:
        """Note that everything complained of is over; somebody else says so."""
        for complaint in list(self._kinds.values()):
            complaint.end()
