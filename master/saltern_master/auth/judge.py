"""Who judges what a caller may: the interface of the judges, one for each kind of caller.

``Policy`` picks the judge of a caller, anew for each question, so that a change of rights holds at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from saltern_master.auth.call import Call
from saltern_master.auth.need import Needing


class Judge(Protocol):
    """What one caller may."""

    everything: bool
    """Whether he may do everything, and sees what others do, arguments too."""
    anything: bool
    """Whether there is anything that he may do."""
    every_event: bool
    """Whether he may see every event, of whatever it is."""
    by_one_grant: bool
    """Whether one single grant must cover the whole target of a job, as in ``external_auth``."""

    def may_call(self, command: Needing) -> bool:
        """Return whether he may call *command* at all; of jobs, whether there is any that he may start."""

    def may_give(self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Return whether he may call a runner or wheel function, which he may call at all, with these arguments."""

    def limits(
        self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any], minions: Sequence[str]
    ) -> frozenset[str] | None:
        """Return those of *minions* that a runner or wheel function, called so, may show him or change for him.

        ``None``: all that there are; what he may not call at all is limited, to none.
        """

    def may_see(self, client: str, function: str) -> bool:
        """Return whether he may be told that there is no such command: he might call it if there were."""

    def names_runners(self) -> bool:
        """Return whether some runner of the operator's own may be granted to him: one is named, or all is."""

    def may_run(self, function: str) -> bool:
        """Return whether there are minions and arguments, whichever, with which he may run *function*."""

    def refused(self, calls: Sequence[Call]) -> list[str]:
        """Return the functions of those *calls* that he may make on no minion whatever."""

    def covered(self, calls: Sequence[Call], minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* on which he may make every one of *calls*."""

    def covers(self, calls: Sequence[Call], minions: Sequence[str]) -> bool:
        """Return whether he may make every one of *calls* on all of *minions*, as one job."""

    def why(self, call: Call, minions: Sequence[str]) -> str:
        """Return the line that says what allows him *call* on all of *minions*, or what keeps him from it."""

    def why_own(self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Return the line that says what allows him a command of the master's, or what keeps him from it."""

    def known(self, minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* on which something is granted to him."""
