"""Who did what: a line in the log for each call that changes something, and for each that was refused."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from saltern.errors import SalternError
from saltern.visible import shown
from saltern_master.auth.caller import Caller
from saltern_master.complaints import Complaints

log = logging.getLogger(__name__)

MAX_SHOWN = 300
"""Characters of the arguments, and of the error, that a line holds."""


class Audit:
    """Writes the audit. Arguments of jobs are not in it: the job store has them, for those who may see them."""

    def __init__(self) -> None:
        self._complaints = Complaints("refused calls")
        self.refused = 0

    def done(self, caller: Caller, command: str, arguments: Mapping[str, Any]) -> None:
        """A call that changes something was carried out."""
        log.info("%s: %s(%s)", caller, command, _shown(arguments))

    def failed(self, caller: Caller, command: str, arguments: Mapping[str, Any], error: SalternError) -> None:
        """A call that would have changed something was not carried out, or not wholly."""
        log.info("%s: %s(%s) failed: %s", caller, command, _shown(arguments), _cut(str(error)))

    def refuse(self, caller: Caller, error: SalternError) -> None:
        """A call was refused; said once a minute of each caller."""
        self.refused += 1
        self._complaints.say(str(caller), "refused", _cut(str(error)))


def _shown(arguments: Mapping[str, Any]) -> str:
    return _cut(", ".join(f"{name}={shown(value, 100)}" for name, value in arguments.items()))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
