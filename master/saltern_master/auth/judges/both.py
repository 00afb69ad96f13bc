"""A user of the master's host who shows a token of a scope: what he may himself, as far as the scope allows it too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltern_master.auth.call import Call
from saltern_master.auth.judge import Judge
from saltern_master.auth.judges.either import REFUSED
from saltern_master.auth.need import Needing


class BothJudge:
    """Allows what *one* allows and *scope* does too."""

    by_one_grant = True

    def __init__(self, one: Judge, scope: Judge) -> None:
        self._both = (one, scope)
        self.everything = one.everything and scope.everything
        self.anything = one.anything and scope.anything
        self.every_event = one.every_event and scope.every_event

    def may_call(self, command: Needing) -> bool:
        """Return whether both say so."""
        return all(judge.may_call(command) for judge in self._both)

    def may_give(self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Return whether both allow these arguments."""
        return all(judge.may_give(command, args, kwargs) for judge in self._both)

    def limits(
        self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any], minions: Sequence[str]
    ) -> frozenset[str] | None:
        """Return those of *minions* that both name; no limits when neither knows any."""
        found = [judge.limits(command, args, kwargs, minions) for judge in self._both]
        known = [one for one in found if one is not None]
        return frozenset(minions).intersection(*known) if known else None

    def may_see(self, client: str, function: str) -> bool:
        """Return whether both say so."""
        return all(judge.may_see(client, function) for judge in self._both)

    def names_runners(self) -> bool:
        """Return whether both say so."""
        return all(judge.names_runners() for judge in self._both)

    def may_run(self, function: str) -> bool:
        """Return whether both say so."""
        return all(judge.may_run(function) for judge in self._both)

    def refused(self, calls: Sequence[Call]) -> list[str]:
        """Return the functions that one of them refuses."""
        return list(dict.fromkeys(function for judge in self._both for function in judge.refused(calls)))

    def covered(self, calls: Sequence[Call], minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* on which both allow all calls."""
        for judge in self._both:
            minions = judge.covered(calls, minions)
        return minions

    def covers(self, calls: Sequence[Call], minions: Sequence[str]) -> bool:
        """Return whether both allow all calls on all of *minions*."""
        return all(judge.covers(calls, minions) for judge in self._both)

    def why(self, call: Call, minions: Sequence[str]) -> str:
        """Return what keeps him from it, or what he himself is granted."""
        return self._said(*(judge.why(call, minions) for judge in self._both))

    def why_own(self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Return what keeps him from it, or what he himself is granted."""
        return self._said(*(judge.why_own(command, args, kwargs) for judge in self._both))

    def known(self, minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* that both know of."""
        for judge in self._both:
            minions = judge.known(minions)
        return minions

    @staticmethod
    def _said(one: str, scope: str) -> str:
        if not one.startswith(REFUSED) and scope.startswith(REFUSED):
            return f"{REFUSED}the token's scope: {scope.removeprefix(REFUSED)}"
        return one
