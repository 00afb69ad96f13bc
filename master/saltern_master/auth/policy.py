"""Who may do what: one table, default deny.

A caller's rights are his grants. Root and the master's own user have a row that grants everything, like any other
row; a minion has one that grants it what is about itself.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from saltern.config import MasterOptions
from saltern_master.auth.accounts import Account, Accounts
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.grants import RUNNER, Grant, Grants, covers, covers_own, is_glob, names_own
from saltern_master.auth.need import Need, Needing
from saltern_master.auth.peers import EVERYONE, Peers
from saltern_master.auth.peers import covers as covers_peer
from saltern_master.auth.powers import Powers

MAX_NAMED = 5

_OWN = {Need.RUNNER: "@runner", Need.WHEEL: "@wheel", Need.EVENTS: "@events"}
_WHAT = {Need.RUNNER: "run functions on the master", Need.WHEEL: "manage keys", Need.EVENTS: "use events"}
_NEEDS = {"runner": Need.RUNNER, "wheel": Need.WHEEL, "event": Need.EVENTS}


class Rights(NamedTuple):
    """One caller's row: everything, or what *grants* say."""

    everything: bool
    grants: Sequence[Grant] = ()


NOTHING = Rights(False)


class Policy:
    """Answers for callers; *acl* is ``publisher_acl``. Raises ``ConfigError`` for a grant that can't be understood."""

    def __init__(
        self,
        acl: Mapping[str, Any],
        powers: Powers,
        account_of: Callable[[int], Account] | None = None,
        *,
        peer: Mapping[str, Any] | None = None,
        peer_run: Mapping[str, Any] | None = None,
        mine_get: Mapping[str, Any] | None = None,
    ) -> None:
        """*peer*, *peer_run*, *mine_get*: the options; without a ``mine_get`` every minion reads all of the mine."""
        self._peer = Peers("peer", peer or {})
        self._peer_run = Peers("peer_run", peer_run or {})
        self._mine_get = Peers("mine_get", mine_get) if mine_get else None
        self._grants = Grants(acl)
        self._powers = powers
        self._account_of = account_of or Accounts().of
        self._rows = {uid: Rights(True) for uid in (0, os.geteuid())}
        self.open_to_users = bool(acl)
        """Whether there is a grant for anyone but root and the master's own user."""

    def local_caller(self, uid: int) -> Caller:
        """Return the user with number *uid*, as a caller."""
        return Caller(Kind.LOCAL, self._account_of(uid).name, uid)

    def rights(self, caller: Caller) -> Rights:
        """Return what is granted to a user; ``NOTHING`` means that he is nobody here."""
        if caller.kind is not Kind.LOCAL:
            return NOTHING
        row = self._rows.get(caller.uid)
        if row is not None:
            return row
        grants = self._grants.of(caller.name, self._account_of(caller.uid).groups)
        return Rights(False, grants) if grants else NOTHING

    def sees_all(self, caller: Caller) -> bool:
        """Return whether the caller may see what others do, their arguments too."""
        return self.rights(caller).everything

    def owns(self, caller: Caller, owner: str | None) -> bool:
        """Return whether a job that *owner* (a principal) started concerns the caller."""
        return owner == caller.principal or self.sees_all(caller)

    def may_call(self, caller: Caller, command: Needing) -> bool:
        """Return whether the caller may call *command* at all; of jobs, whether there is any that he may start."""
        if caller.kind is Kind.MINION:
            if command.need is Need.RUNNER:
                return bool(self._peer_run.on(caller.name, command.function))
            if command.need is Need.OWN_RUNNER:
                return bool(self._peer_run.on(caller.name, command.function, by_pattern=False))
            if command.need is Need.PEER:
                return self._peer.mentions(caller.name)
            return command.need is Need.MINION
        if command.need in (Need.MINION, Need.PEER):
            return False
        everything, grants = self.rights(caller)
        if everything:
            return True
        if command.need is Need.OWN_RUNNER:
            return any(names_own(grant, RUNNER, command.function) for grant in grants)
        own = _OWN.get(command.need)
        if own is None:
            return any(not grant.minions.startswith("@") for grant in grants)
        return any(covers_own(grant, own, command.function) for grant in grants)

    def names_runners(self, caller: Caller) -> bool:
        """Return whether some runner of the operator's own may be granted to a user: one is named, or all is."""
        everything, grants = self.rights(caller)
        return everything or any(
            not is_glob(function) for grant in grants if grant.minions == RUNNER for function in grant.functions
        )

    def may_see(self, caller: Caller, name: str) -> bool:
        """Return whether the caller may be told that there is no command *name*: he might call it if there were."""
        everything, grants = self.rights(caller)
        client, _, function = name.partition(".")
        own = _OWN.get(_NEEDS.get(client, Need.MINION))
        return everything or (own is not None and any(covers_own(grant, own, function) for grant in grants))

    def refusal(self, caller: Caller, name: str) -> str:
        """Return the line for a command that is not there or may not be called: one answer for both."""
        client, _, function = name.partition(".")
        if caller.kind is Kind.MINION:
            return f"{function!r:.80} is not a call that minions may make"
        need = _NEEDS.get(client)
        if need is not None:
            return f"{caller} may not {_WHAT[need]} ({function:.80}): grant {_OWN[need]} in publisher_acl"
        return f"{caller} may not call {name!r:.80}"

    def refused_functions(self, caller: Caller, functions: Iterable[str]) -> list[str]:
        """Return those of *functions* that the caller may run on no minion whatever."""
        if caller.kind is Kind.MINION:
            return [f for f in functions if not self._peer_on(caller, f)]
        everything, grants = self.rights(caller)
        if everything:
            return []
        return [f for f in functions if not any(covers(grant, f, self._powers.of(f), None) for grant in grants)]

    def covered(self, caller: Caller, functions: Iterable[str], minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* on which the caller may run every one of *functions*."""
        if caller.kind is Kind.MINION:
            for globs in (self._peer_on(caller, function) for function in functions):
                if EVERYONE not in globs:
                    minions = [m for m in minions if covers_peer(globs, m)]
            return minions
        everything, grants = self.rights(caller)
        if everything:
            return minions
        for patterns in {
            frozenset(grant.minions for grant in grants if covers(grant, function, self._powers.of(function), None))
            for function in functions
        }:
            if "*" not in patterns:
                minions = [m for m in minions if any(fnmatch.fnmatchcase(m, pattern) for pattern in patterns)]
        return minions

    def may_read_mine(self, caller: Caller, function: str) -> bool:
        """Return whether a minion may read what others have in the mine as *function*."""
        return self._mine_get is None or bool(self._mine_get.on(caller.name, function))

    def _peer_on(self, caller: Caller, function: str) -> list[str]:
        """Return globs of the minions on which a minion may have *function* run; ``publish`` itself on none."""
        if function.startswith("publish."):
            return []
        return self._peer.on(caller.name, function, by_pattern=self._powers.of(function).by_glob)

    def known_to(self, caller: Caller, minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* on which something is granted to the caller."""
        everything, grants = self.rights(caller)
        patterns = {grant.minions for grant in grants if not grant.minions.startswith("@")}
        if everything or "*" in patterns:
            return minions
        return [m for m in minions if any(fnmatch.fnmatchcase(m, pattern) for pattern in patterns)]

    def why_refused(self, functions: Iterable[str]) -> str:
        """Return what would let someone run *functions*, where a grant by glob never does; else nothing."""
        named = [f for f in functions if not self._powers.of(f).by_glob]
        return f": grant {some_of(named)} by its exact name, no glob covers it" if named else ""


def some_of(names: Sequence[str]) -> str:
    """Return *names* as a message lists them: the first few."""
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(f"{name:.80}" for name in names[:MAX_NAMED]) + more


def configured_policy(options: MasterOptions, powers: Powers) -> Policy:
    """Return the policy that *options* ask for. Raises ``ConfigError``."""
    peer, peer_run, mine_get = (options[name] for name in ("peer", "peer_run", "mine_get"))
    return Policy(options["publisher_acl"], powers, peer=peer, peer_run=peer_run, mine_get=mine_get)
