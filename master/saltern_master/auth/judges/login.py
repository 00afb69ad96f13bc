"""Those who logged in, and programs with tokens: what ``external_auth`` and roles grant them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltern_master.auth.call import Call
from saltern_master.auth.need import Need, Needing
from saltern_master.auth.powers import Powers
from saltern_master.auth.right import CoveredBy
from saltern_master.auth.rights import LoginRights

_OF_OTHERS = (Need.MINION, Need.PEER, Need.OWNER)
_CLIENTS = {Need.RUNNER: "runner", Need.WHEEL: "wheel", Need.OWN_RUNNER: "runner"}


class LoginJudge:
    """Allows what *rights* say. *expanded*: rights to some of a target's minions each add up."""

    everything = False
    by_one_grant = True

    def __init__(self, rights: LoginRights, powers: Powers, covered_by: CoveredBy, *, expanded: bool) -> None:
        self.rights = rights
        self._powers = powers
        self._covered_by = covered_by
        self._expanded = expanded
        self.anything = bool(rights)
        self.every_event = rights.every_event

    def may_call(self, command: Needing) -> bool:
        """Return whether some right is for *command*, with whatever arguments."""
        need = command.need
        if need in _OF_OTHERS:
            return False
        if need in _CLIENTS:
            by_name = need is Need.OWN_RUNNER
            return self.rights.offers(_CLIENTS[need], command.function, by_name=by_name)
        if need is Need.EVENTS:
            return self.rights.events
        if need is Need.HOOKS:
            return self.rights.hooks
        if need in (Need.LOGIN, Need.USER, Need.FOLLOW):
            return self.anything
        if need is Need.TARGET:
            return self.rights.sees_any
        return self.rights.on_minions

    def may_give(self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Return whether some right is for these arguments."""
        client = _CLIENTS.get(command.need)
        by_name = command.need is Need.OWN_RUNNER
        return client is None or self.rights.own(client, command.function, args, kwargs, by_name=by_name)

    def limits(
        self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any], minions: Sequence[str]
    ) -> frozenset[str] | None:
        """Return those of *minions* in the groups that his rights to call it so are limited to."""
        client = _CLIENTS.get(command.need)
        if client is None:
            return None if self.may_call(command) else frozenset()
        by_name = command.need is Need.OWN_RUNNER
        return self.rights.limits(client, command.function, minions, args, kwargs, by_name=by_name)

    def may_see(self, client: str, function: str) -> bool:
        """Return whether some right is for such a command of the master's own."""
        if client == "event":
            return self.rights.events
        return client in ("runner", "wheel") and self.rights.offers(client, function)

    def names_runners(self) -> bool:
        """Return whether a right names a runner."""
        return self.rights.names_runners

    def may_run(self, function: str) -> bool:
        """Return whether some right is for *function*."""
        return self.rights.grants(function, self._powers.of)

    def refused(self, calls: Sequence[Call]) -> list[str]:
        """Return the functions that no right is for."""
        return self.rights.refused(calls, self._powers.of)

    def covered(self, calls: Sequence[Call], minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* on which, taken alone, every call is allowed."""
        found = self.rights.covered(calls, minions, self._powers.of, self._covered_by)
        return minions if len(found) == len(minions) else [one for one in minions if one in found]

    def covers(self, calls: Sequence[Call], minions: Sequence[str]) -> bool:
        """Return whether one right allows each of *calls* on all of *minions*."""
        return self.rights.covers(calls, minions, self._powers.of, self._covered_by, expanded=self._expanded)

    def why(self, call: Call, minions: Sequence[str]) -> str:
        """Return the line of the right that decides."""
        return self.rights.why(call, minions, self._powers.of, self._covered_by, expanded=self._expanded)

    def why_own(self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Return the line of the right that decides."""
        client = _CLIENTS.get(command.need)
        if client is not None:
            by_name = command.need is Need.OWN_RUNNER
            return self.rights.why_own(client, command.function, args, kwargs, by_name=by_name)
        if self.may_call(command):
            return f"whoever is granted {command.need.value} may"
        return f"refused: nothing grants {command.need.value}"

    def known(self, minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* on which something is granted, if only to see them."""
        found = self.rights.known(minions, self._covered_by)
        return [one for one in minions if one in found]
