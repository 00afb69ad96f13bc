"""Minions: what is about themselves, and what ``peer`` and ``peer_run`` grant them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltern_master.auth.call import Call
from saltern_master.auth.judges.ungraded import Ungraded
from saltern_master.auth.need import Need, Needing
from saltern_master.auth.peers import EVERYONE, Peers, covers
from saltern_master.auth.powers import Powers


class MinionJudge(Ungraded):
    """Allows the minion *name* what the rules in *peer* and *peer_run* say."""

    anything = False  # of what users may
    every_event = False

    def __init__(self, name: str, peer: Peers, peer_run: Peers, powers: Powers) -> None:
        self._name = name
        self._peer = peer
        self._peer_run = peer_run
        self._powers = powers

    def may_call(self, command: Needing) -> bool:
        """Return whether it is a minion's call, or a runner that ``peer_run`` grants."""
        if command.need is Need.RUNNER:
            return bool(self._peer_run.on(self._name, command.function))
        if command.need is Need.OWN_RUNNER:
            return bool(self._peer_run.on(self._name, command.function, by_pattern=False))
        if command.need is Need.PEER:
            return self._peer.mentions(self._name)
        return command.need is Need.MINION

    def may_see(self, client: str, function: str) -> bool:
        """Return false."""
        return False

    def names_runners(self) -> bool:
        """Return false."""
        return False

    def refused(self, calls: Sequence[Call]) -> list[str]:
        """Return the functions that no rule is for."""
        return [call.function for call in calls if not self._on(call.function)]

    def covered(self, calls: Sequence[Call], minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* that for each function some rule means."""
        for globs in (self._on(call.function) for call in calls):
            if EVERYONE not in globs:
                minions = [m for m in minions if covers(globs, m)]
        return minions

    def why(self, call: Call, minions: Sequence[str]) -> str:
        """Return what says it."""
        return "what a minion may, peer says"

    def why_own(self, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Return what says it."""
        return "what a minion may, peer_run says"

    def known(self, minions: Sequence[str]) -> Sequence[str]:
        """Return nothing."""
        return ()

    def _on(self, function: str) -> list[str]:
        """Return globs of the minions on which it may have *function* run; ``publish`` itself on none."""
        if function.startswith("publish."):
            return []
        return self._peer.on(self._name, function, by_pattern=self._powers.of(function).by_glob)
