"""What is the same for every caller whose grants know neither arguments nor groups of minions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltern_master.auth.call import Call
from saltern_master.auth.need import Needing


class Ungraded:
    """The part of a judge that follows from what he may call, which functions are refused and minions covered."""

    everything = False
    by_one_grant = False

    def may_call(self, command: Needing) -> bool:
        """Return whether something is granted that is for *command*."""
        raise NotImplementedError

    def refused(self, calls: Sequence[Call]) -> list[str]:
        """Return the functions that nothing granted is for."""
        raise NotImplementedError

    def covered(self, calls: Sequence[Call], minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* that for each function something granted means."""
        raise NotImplementedError

    def may_give(self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Return true: what is granted knows no arguments."""
        return True

    def limits(
        self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any], minions: Sequence[str]
    ) -> frozenset[str] | None:
        """Return no limits for what he may call: what is granted knows none."""
        return None if self.may_call(command) else frozenset()

    def may_run(self, function: str) -> bool:
        """Return whether something granted is for *function*."""
        return not self.refused([Call(function, None)])

    def covers(self, calls: Sequence[Call], minions: Sequence[str]) -> bool:
        """Return whether all of *minions* are covered, by whatever is granted."""
        return len(self.covered(calls, minions)) == len(minions)
