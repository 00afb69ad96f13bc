"""Who may do what: default deny, a judge for each kind of caller.

::

    root, the master's own user     everything: a row of their own (``judges/owner``)
    other users of this host        publisher_acl (``judges/local``), and their roles beside it
    minions                         what is about themselves, peer, peer_run (``judges/minion``)
    who logged in, and tokens       external_auth and roles (``judges/login``); as far as the token's scope

What ``publisher_acl_blacklist`` names nobody may. Rights are looked up at each question.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from saltern.config import MasterOptions
from saltern_master.auth.accounts import Account, Accounts
from saltern_master.auth.blacklist import Blacklist
from saltern_master.auth.call import Call
from saltern_master.auth.caller import BY, Caller, Kind
from saltern_master.auth.grants import Grants
from saltern_master.auth.judge import Judge
from saltern_master.auth.judges.both import BothJudge
from saltern_master.auth.judges.either import EitherJudge
from saltern_master.auth.judges.local import NEEDS, LocalJudge
from saltern_master.auth.judges.login import LoginJudge
from saltern_master.auth.judges.minion import MinionJudge
from saltern_master.auth.judges.owner import OwnerJudge
from saltern_master.auth.kept_rights import FILE, KeptRights, Lists
from saltern_master.auth.login_book import LoginBook
from saltern_master.auth.minion_groups import GroupBook
from saltern_master.auth.need import Need, Needed, Needing
from saltern_master.auth.peers import Peers
from saltern_master.auth.powers import Powers
from saltern_master.auth.right import CoveredBy
from saltern_master.auth.roles import Role

MAX_NAMED = 5
UNKNOWN = "Could not authenticate using provided credentials"

_OWN = {Need.RUNNER: "@runner", Need.WHEEL: "@wheel", Need.EVENTS: "@events"}
_WHAT = {Need.RUNNER: "run functions on the master", Need.WHEEL: "manage keys", Need.EVENTS: "use events"}
_OWNER, _ADMINISTRATOR = OwnerJudge(), OwnerJudge(logged_in=True)


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
        logins: LoginBook | None = None,
        blacklist: Mapping[str, Any] | None = None,
    ) -> None:
        """*peer*, *peer_run*, *mine_get*: the options; without a ``mine_get`` every minion reads all of the mine."""
        self._peer = Peers("peer", peer or {})
        self._peer_run = Peers("peer_run", peer_run or {})
        self._mine_get = Peers("mine_get", mine_get) if mine_get else None
        self._grants = Grants(acl)
        self._powers = powers
        self._account_of = account_of or Accounts().of
        self._owners = frozenset((0, os.geteuid()))
        self._logins = logins or LoginBook()
        self._blacklist = Blacklist(blacklist or {})
        self.covered_by: CoveredBy = _nobody
        """Resolves a compound expression of a grant; set when there are minions to resolve it among."""
        self.open_to_users = bool(acl) or self._logins.in_use
        """Whether there is a grant for anyone but root and the master's own user."""
        self.version = 0
        """Counts changes of what is granted."""

    def checked(self, options: MasterOptions) -> Callable[[], None]:
        """Return what puts *options* in force: roles, groups, what logins and local users are granted.

        Raises ``ConfigError``: nothing of them is in force then.
        """
        grants, blacklist = Grants(options["publisher_acl"]), Blacklist(options["publisher_acl_blacklist"])
        logins = LoginBook(self._logins.kept)
        logins.reread(options)

        def put() -> None:
            self._grants, self._blacklist, self._logins = grants, blacklist, logins
            logins.keep()  # something may have been added meanwhile
            self.open_to_users = bool(options["publisher_acl"]) or logins.in_use
            self.version += 1

        return put

    def local_caller(self, uid: int) -> Caller:
        """Return the user with number *uid*, as a caller."""
        return Caller(Kind.LOCAL, self._account_of(uid).name, uid)

    def of(self, caller: Caller) -> Judge:
        """Return who judges what *caller* may, now."""
        if caller.kind is Kind.MINION:
            return MinionJudge(caller.name, self._peer, self._peer_run, self._powers)
        if caller.kind is Kind.LOCAL:
            judge = _OWNER if caller.uid in self._owners else self._of_user(caller)
            scope = None if caller.scope is None else self._logins.scope(caller)
            if scope is None or scope.everything:
                return judge
            return BothJudge(judge, LoginJudge(scope, self._powers, self.covered_by, expanded=self._logins.expanded))
        rights = self._logins.rights(caller)
        if rights.everything:  # by his token's scope, too
            return _ADMINISTRATOR
        return LoginJudge(rights, self._powers, self.covered_by, expanded=self._logins.expanded)

    def _of_user(self, caller: Caller) -> Judge:
        groups = self._account_of(caller.uid).groups
        granted = LocalJudge(self._grants.of(caller.name, groups), self._powers)
        rights = self._logins.roles_of("local", caller.name, groups)
        if not rights:
            return granted
        if rights.everything:
            return _OWNER
        return EitherJudge(granted, LoginJudge(rights, self._powers, self.covered_by, expanded=True))

    # who

    def has_rights(self, caller: Caller) -> bool:
        """Return whether there is anything that a user may do here."""
        return self.of(caller).anything

    @property
    def has_logins(self) -> bool:
        """Whether anybody may log in."""
        return self._logins.in_use

    def perms(self, caller: Caller) -> list[Any]:
        """Return what someone who logged in may, in Salt's grammar: a login answers it."""
        return self._logins.perms(caller)

    def sees_all(self, caller: Caller) -> bool:
        """Return whether the caller may see what others do, their arguments too."""
        return self.of(caller).everything

    def owns(self, caller: Caller, holder: str | None) -> bool:
        """Return whether a job that *holder* started concerns the caller: his own do, those of his tokens too.

        Who has a token with a scope is concerned by what was started with it, not by all that its maker starts.
        """
        return is_own(caller, holder) or self.sees_all(caller)

    # what of the master

    def may_call(self, caller: Caller, command: Needing) -> bool:
        """Return whether the caller may call *command* at all; of jobs, whether there is any that he may start."""
        return self.of(caller).may_call(command)

    def may_give(self, caller: Caller, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Return whether the caller may call *command*, which he may call at all, with these arguments."""
        return self.of(caller).may_give(command, args, kwargs)

    def limits(
        self,
        caller: Caller,
        command: Needing,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        minions: Sequence[str],
    ) -> frozenset[str] | None:
        """Return those of *minions* that *command*, called so, may show the caller or change for him; ``None``: all.

        A role that is good for some groups of minions is so for what it grants of the master's own, too.
        """
        return self.of(caller).limits(command, args, kwargs, minions)

    def may_manage(self, caller: Caller, function: str) -> bool:
        """Return whether the caller may call some wheel function, about whatever minion."""
        return self.limits(caller, Needed(Need.WHEEL, function), (), {}, ()) is None

    def may_see_events(self, caller: Caller) -> bool:
        """Return whether the caller may see every event."""
        return self.of(caller).every_event

    def names_runners(self, caller: Caller) -> bool:
        """Return whether some runner of the operator's own may be granted to a user: one is named, or all is."""
        return self.of(caller).names_runners()

    def may_see(self, caller: Caller, name: str) -> bool:
        """Return whether the caller may be told that there is no command *name*: he might call it if there were."""
        client, _, function = name.partition(".")
        return self.of(caller).may_see(client, function)

    def refusal(self, caller: Caller, name: str) -> str:
        """Return the line for a command that is not there or may not be called: one answer for both."""
        client, _, function = name.partition(".")
        if client == "login":
            return UNKNOWN
        if caller.kind is Kind.MINION:
            return f"{function!r:.80} is not a call that minions may make"
        need = NEEDS.get(client)
        if need is not None:
            option = "publisher_acl" if caller.kind is Kind.LOCAL else "external_auth, or a role"
            return f"{caller} may not {_WHAT[need]} ({function:.80}): grant {_OWN[need]} in {option}"
        return f"{caller} may not call {name!r:.80}"

    # what on minions

    def refused_functions(self, caller: Caller, calls: Iterable[Call | str]) -> list[str]:
        """Return those functions of *calls* that the caller may run, so, on no minion whatever."""
        return self.of(caller).refused(_calls(calls))

    def may_run(self, caller: Caller, function: str) -> bool:
        """Return whether there are minions and arguments, whichever, with which the caller may run *function*."""
        return self.of(caller).may_run(function) and self.blacklisted(caller, [function]) is None

    def blacklisted(self, caller: Caller, functions: Iterable[str]) -> str | None:
        """Return the line that refuses a user, or the first of *functions* that nobody may run; ``None``: nothing."""
        if caller.kind is Kind.MINION:
            return None
        return self._blacklist.refuses(caller.name, functions)

    def explained(self, caller: Caller, call: Call, minions: Sequence[str]) -> tuple[bool, str]:
        """Return whether the caller may make *call* on all of *minions*, and the line that says why, or why not."""
        judge = self.of(caller)
        if listed := self.blacklisted(caller, [call.function]):
            return False, listed
        return not judge.refused([call]) and judge.covers([call], minions), judge.why(call, minions)

    def explained_own(
        self, caller: Caller, command: Needing, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[bool, str]:
        """Return whether the caller may call *command* so, and the line that says why, or why not."""
        judge = self.of(caller)
        return judge.may_call(command) and judge.may_give(command, args, kwargs), judge.why_own(command, args, kwargs)

    def power_of(self, function: str) -> str:
        """Return what a function of an execution module can do (``saltern.power``)."""
        return str(self._powers.of(function))

    def roles(self) -> list[dict[str, Any]]:
        """Return every role, as ``auth.roles`` shows it."""
        return self._logins.roles()

    def roles_of(self, caller: Caller) -> list[str]:
        """Return the names of the caller's roles; none of a token that is good for a part of what its maker may."""
        if caller.scope is not None:
            return []
        if caller.kind is Kind.LOCAL:
            return self._logins.held_by("local", caller.name, self._account_of(caller.uid).groups)
        return self._logins.held_by(caller.source, caller.name, caller.groups)

    def groups(self) -> tuple[int, GroupBook]:
        """Return the groups of minions that are in force, behind a number that is another when others may be."""
        return self.version, self._logins.groups

    @property
    def kept(self) -> KeptRights:
        """What of groups and roles was added at run time."""
        return self._logins.kept

    async def keep(self, *, groups: Lists | None = None, members: Lists | None = None) -> None:
        """Keep these as what was added to groups and roles, in force at once. Raises ``CommandError``."""
        await self._logins.kept.save(groups=groups, members=members)
        self._logins.keep()
        self.open_to_users = self.open_to_users or self._logins.in_use
        self.version += 1

    def role(self, name: str) -> Role | None:
        """Return a role, ``None`` when there is none of that name."""
        return self._logins.role(name)

    def on_group(self, group: str) -> list[str]:
        """Return the roles that are good for a *group* of minions, among others."""
        return self._logins.on_group(group)

    def check_scope(self, where: str, scope: Sequence[Any]) -> None:
        """Raise ``ConfigError`` for a token's *scope* that can't be understood, or names a role that isn't there."""
        self._logins.check_scope(where, scope)

    def targets(self) -> Iterator[tuple[str, str]]:
        """Yield the compound expressions of all grants to those who log in, each behind where it stands."""
        return self._logins.targets()

    def by_one_grant(self, caller: Caller) -> bool:
        """Return whether one single grant must cover the whole target of a job."""
        return self.of(caller).by_one_grant

    def covers(self, caller: Caller, calls: Iterable[Call | str], minions: Sequence[str]) -> bool:
        """Return whether the caller may make every one of *calls* on all of *minions*, as one job."""
        return self.of(caller).covers(_calls(calls), minions)

    def covered(self, caller: Caller, calls: Iterable[Call | str], minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* on which the caller may make every one of *calls*."""
        return self.of(caller).covered(_calls(calls), minions)

    def may_read_mine(self, caller: Caller, function: str) -> bool:
        """Return whether a minion may read what others have in the mine as *function*."""
        return self._mine_get is None or bool(self._mine_get.on(caller.name, function))

    def known_to(self, caller: Caller, minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* on which something is granted to the caller."""
        return self.of(caller).known(minions)

    def why_refused(self, functions: Iterable[str]) -> str:
        """Return what would let someone run *functions*, where a grant by glob never does; else nothing."""
        named = [f for f in functions if not self._powers.of(f).by_glob]
        return f": grant {some_of(named)} by its exact name, no glob covers it" if named else ""


def is_own(caller: Caller, holder: str | None) -> bool:
    """Return whether the caller himself, or one of his tokens, is *holder* (``Caller.holder``)."""
    if holder is None:
        return False
    return holder == caller.holder or (caller.scope is None and holder.partition(BY)[0] == caller.principal)


def some_of(names: Sequence[str]) -> str:
    """Return *names* as a message lists them: the first few."""
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(f"{name:.80}" for name in names[:MAX_NAMED]) + more


def configured_policy(options: MasterOptions, powers: Powers) -> Policy:
    """Return the policy that *options* ask for. Raises ``ConfigError``."""
    peer, peer_run, mine_get = (options[name] for name in ("peer", "peer_run", "mine_get"))
    kept = KeptRights(os.path.join(options["cachedir"], FILE))
    kept.load()
    logins = LoginBook(kept)
    logins.reread(options)
    blacklist = options["publisher_acl_blacklist"]
    acl = options["publisher_acl"]
    return Policy(acl, powers, peer=peer, peer_run=peer_run, mine_get=mine_get, logins=logins, blacklist=blacklist)


def _calls(calls: Iterable[Call | str]) -> list[Call]:
    """Return calls; of a mere name it can't be told what it is given."""
    return [Call(call, None) if isinstance(call, str) else call for call in calls]


def _nobody(expression: str, minions: Sequence[str]) -> Sequence[str]:
    return ()
