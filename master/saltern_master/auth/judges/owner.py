"""Root, the master's own user, administrators: they may everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltern_master.auth.call import Call
from saltern_master.auth.need import Need, Needing

EVERYTHING = "may everything: root, the master's own user, or role admin"
_OF_MINIONS = (Need.MINION, Need.PEER)


class OwnerJudge:
    """Allows all that a user can ask for. *logged_in*: whether he logged in, which some commands are for."""

    everything = True
    anything = True
    every_event = True
    by_one_grant = False

    def __init__(self, *, logged_in: bool = False) -> None:
        self._logged_in = logged_in

    def may_call(self, command: Needing) -> bool:
        """Return whether it is no minion's call."""
        return command.need not in _OF_MINIONS and (command.need is not Need.LOGIN or self._logged_in)

    def may_give(self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Return true."""
        return True

    def limits(
        self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any], minions: Sequence[str]
    ) -> frozenset[str] | None:
        """Return no limits."""
        return None

    def may_see(self, client: str, function: str) -> bool:
        """Return true."""
        return True

    def names_runners(self) -> bool:
        """Return true."""
        return True

    def may_run(self, function: str) -> bool:
        """Return true."""
        return True

    def refused(self, calls: Sequence[Call]) -> list[str]:
        """Return nothing."""
        return []

    def covered(self, calls: Sequence[Call], minions: Sequence[str]) -> Sequence[str]:
        """Return all of them."""
        return minions

    def covers(self, calls: Sequence[Call], minions: Sequence[str]) -> bool:
        """Return true."""
        return True

    def why(self, call: Call, minions: Sequence[str]) -> str:
        """Return that he may everything."""
        return EVERYTHING

    def why_own(self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Return that he may everything."""
        return EVERYTHING

    def known(self, minions: Sequence[str]) -> Sequence[str]:
        """Return all of them."""
        return minions
