"""A user of the master's host who has roles beside what ``publisher_acl`` grants him: either is enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltern_master.auth.call import Call
from saltern_master.auth.judge import Judge
from saltern_master.auth.need import Needing

REFUSED = "refused: "
"""Begins the lines that say what keeps someone from something."""


class EitherJudge:
    """Allows what one of two judges allows."""

    everything = False
    by_one_grant = False

    def __init__(self, one: Judge, other: Judge) -> None:
        self._both = (one, other)
        self.anything = one.anything or other.anything
        self.every_event = one.every_event or other.every_event

    def may_call(self, command: Needing) -> bool:
        """Return whether one of them says so."""
        return any(judge.may_call(command) for judge in self._both)

    def may_give(self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Return whether one of them allows the command, and these arguments."""
        return any(judge.may_call(command) and judge.may_give(command, args, kwargs) for judge in self._both)

    def limits(
        self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any], minions: Sequence[str]
    ) -> frozenset[str] | None:
        """Return those of *minions* that one of them names; no limits when one knows none."""
        left: frozenset[str] = frozenset()
        for judge in self._both:
            found = judge.limits(command, args, kwargs, minions)
            if found is None:
                return None
            left |= found
        return left

    def may_see(self, client: str, function: str) -> bool:
        """Return whether one of them says so."""
        return any(judge.may_see(client, function) for judge in self._both)

    def names_runners(self) -> bool:
        """Return whether one of them says so."""
        return any(judge.names_runners() for judge in self._both)

    def may_run(self, function: str) -> bool:
        """Return whether one of them says so."""
        return any(judge.may_run(function) for judge in self._both)

    def refused(self, calls: Sequence[Call]) -> list[str]:
        """Return the functions that both refuse."""
        one, other = (judge.refused(calls) for judge in self._both)
        return [function for function in one if function in other]

    def covered(self, calls: Sequence[Call], minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* on which one of them allows all calls."""
        found = {minion for judge in self._both for minion in judge.covered(calls, minions)}
        return minions if len(found) == len(minions) else [one for one in minions if one in found]

    def covers(self, calls: Sequence[Call], minions: Sequence[str]) -> bool:
        """Return whether on each of *minions* one of them allows all calls."""
        return len(self.covered(calls, minions)) == len(minions)

    def why(self, call: Call, minions: Sequence[str]) -> str:
        """Return what one of them says, one that allows it first."""
        one, other = (judge.why(call, minions) for judge in self._both)
        if not one.startswith(REFUSED) or not other.startswith(REFUSED):
            return one if not one.startswith(REFUSED) else other
        return f"{one}; {other.removeprefix(REFUSED)}"

    def why_own(self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Return what one of them says, one that allows it first."""
        for judge in self._both:
            if judge.may_call(command) and judge.may_give(command, args, kwargs):
                return judge.why_own(command, args, kwargs)
        return self._both[0].why_own(command, args, kwargs)

    def known(self, minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* that one of them knows of."""
        found = {minion for judge in self._both for minion in judge.known(minions)}
        return [one for one in minions if one in found]
