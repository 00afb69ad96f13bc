"""Users of the master's host: what ``publisher_acl`` grants them."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

from saltern.power import Power
from saltern_master.auth.call import Call
from saltern_master.auth.grants import RUNNER, Grant, covers, covers_own, is_glob, names_own
from saltern_master.auth.judges.ungraded import Ungraded
from saltern_master.auth.need import Need, Needing
from saltern_master.auth.powers import Powers

_OWN = {Need.RUNNER: "@runner", Need.WHEEL: "@wheel", Need.EVENTS: "@events", Need.FOLLOW: "@events"}
MAX_TOLD = 5
_HOOKS = ("@events", "hook")
NEEDS = {"runner": Need.RUNNER, "wheel": Need.WHEEL, "event": Need.EVENTS}


class LocalJudge(Ungraded):
    """Allows what *grants* say."""

    def __init__(self, grants: Sequence[Grant], powers: Powers) -> None:
        self._grants = grants
        self._powers = powers
        self.anything = bool(grants)
        self.every_event = any(covers_own(grant, "@events", "subscribe") for grant in grants)

    def may_call(self, command: Needing) -> bool:
        """Return whether a grant is for *command*."""
        need = command.need
        if need in (Need.MINION, Need.PEER, Need.LOGIN, Need.OWNER):
            return False
        if need is Need.USER:
            return self.anything
        if need is Need.OWN_RUNNER:
            return any(names_own(grant, RUNNER, command.function) for grant in self._grants)
        if need is Need.HOOKS:
            return any(covers_own(grant, *_HOOKS) for grant in self._grants)
        own = _OWN.get(need)
        if own is None:
            return any(not grant.minions.startswith("@") for grant in self._grants)
        return any(covers_own(grant, own, command.function) for grant in self._grants)

    def may_see(self, client: str, function: str) -> bool:
        """Return whether a grant is for such a command of the master's own."""
        own = _OWN.get(NEEDS.get(client, Need.MINION))
        return own is not None and any(covers_own(grant, own, function) for grant in self._grants)

    def names_runners(self) -> bool:
        """Return whether a grant names a runner."""
        named = (function for grant in self._grants if grant.minions == RUNNER for function in grant.functions)
        return any(not is_glob(function) for function in named)

    def refused(self, calls: Sequence[Call]) -> list[str]:
        """Return the functions that no grant covers."""
        return [
            call.function
            for call in calls
            if not any(covers(grant, call.function, self._powers.of(call.function), None) for grant in self._grants)
        ]

    def covered(self, calls: Sequence[Call], minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* that for each function some grant means."""
        for patterns in {
            frozenset(
                grant.minions
                for grant in self._grants
                if covers(grant, call.function, self._powers.of(call.function), None)
            )
            for call in calls
        }:
            if "*" not in patterns:
                minions = [m for m in minions if any(fnmatch.fnmatchcase(m, pattern) for pattern in patterns)]
        return minions

    def why(self, call: Call, minions: Sequence[str]) -> str:
        """Return the grants that cover it."""
        function = call.function
        power = self._powers.of(function)
        found = [grant for grant in self._grants if covers(grant, function, power, None)]
        if not found:
            glob = next((g for g in self._grants if covers(g, function, Power.READS, None)), None)
            why = f": {_told(glob)} doesn't cover it, its power is {power}: name it exactly" if glob else ""
            return f"refused: publisher_acl: nothing grants {function:.80}{why}"
        told = "; ".join(_told(grant) for grant in found[:MAX_TOLD])
        left = len(minions) - len(self.covered([call], minions))
        return f"publisher_acl: {told}" if not left else f"refused: publisher_acl: {left} minions are beyond {told}"

    def why_own(self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Return the grant that is for it."""
        own = _OWN.get(command.need, RUNNER)
        if not self.may_call(command):
            return f"refused: publisher_acl: nothing grants {command.function:.80} of {own}"
        return "publisher_acl: " + next(
            (_told(grant) for grant in self._grants if covers_own(grant, own, command.function)), "a grant of any kind"
        )

    def known(self, minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* that any grant means."""
        patterns = {grant.minions for grant in self._grants if not grant.minions.startswith("@")}
        if "*" in patterns:
            return minions
        return [m for m in minions if any(fnmatch.fnmatchcase(m, pattern) for pattern in patterns)]


def _told(grant: Grant) -> str:
    functions = ", ".join(grant.functions[:MAX_TOLD]) + (" …" if len(grant.functions) > MAX_TOLD else "")
    return f"{functions} on {grant.minions}"
