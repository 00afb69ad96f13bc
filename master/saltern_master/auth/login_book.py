"""What those who log in may: ``external_auth``, roles and the scopes of tokens, put together for one caller."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from saltern.config import MasterOptions
from saltern.errors import ConfigError
from saltern_master.auth.built_in_roles import ADMIN
from saltern_master.auth.caller import Caller
from saltern_master.auth.expression import Patience
from saltern_master.auth.external import ExternalAuth
from saltern_master.auth.kept_rights import KeptRights
from saltern_master.auth.minion_groups import GroupBook
from saltern_master.auth.right import Right
from saltern_master.auth.rights import LoginRights
from saltern_master.auth.roles import Role, RoleBook, read_roles
from saltern_master.auth.scope import parse_scope
from saltern_master.complaints import Complaints

MAX_REMEMBERED = 2000
"""Callers whose rights are put together already."""
FULL = frozenset({".*", "@runner", "@wheel"})
"""Who is granted all of this on all minions may everything."""
EXPANDED = "auth.enable_expanded_auth_matching"
PERMISSIVE = "permissive_acl"


class LoginBook:
    """Nothing is granted to anybody before ``reread``; *kept*: what of groups and roles was added at run time."""

    def __init__(self, kept: KeptRights | None = None) -> None:
        self.kept = kept or KeptRights()
        self._external = ExternalAuth({})
        self._roles = RoleBook()
        self._remembered: OrderedDict[tuple[Any, ...], LoginRights] = OrderedDict()
        self._patience: dict[str, Patience] = {}
        """Of each principal, with the expressions in the scopes of all his tokens."""
        self._complaints = Complaints("tokens")
        self.in_use = False
        """Whether anybody may log in."""
        self.expanded = False
        """Whether rights to some of a target's minions each add up."""

    def reread(self, options: MasterOptions) -> None:
        """Put *options*, and ``roles.d`` beside them, in force. Raises ``ConfigError``; nothing has changed then."""
        given: Mapping[str, Any] = options
        external = ExternalAuth(options["external_auth"], permissive=given.get(PERMISSIVE) is True)
        roles = read_roles(given, self.kept)
        roles.check(external.every_entry())
        self._external, self._roles = external, roles
        self.expanded = given.get(EXPANDED) is True
        self.in_use = bool(options["external_auth"]) or roles.in_use
        self._remembered.clear()

    def keep(self) -> None:
        """Put what is kept in force, as it is now."""
        self._roles.keep(self.kept)
        self.in_use = self.in_use or self._roles.in_use
        self._remembered.clear()

    @property
    def groups(self) -> GroupBook:
        """The groups of minions."""
        return self._roles.groups

    def on_group(self, group: str) -> list[str]:
        """Return the roles that are good for *group*, among others."""
        return self._roles.on_group(group)

    def role(self, name: str) -> Role | None:
        """Return a role, ``None`` when there is none of that name."""
        return self._roles.get(name)

    def held_by(self, source: str, name: str, groups: Collection[str]) -> list[str]:
        """Return the names of the roles that someone has."""
        return self._roles.held_by(source, name, groups)

    def rights(self, caller: Caller) -> LoginRights:
        """Return what *caller*, who logged in, may."""
        key = (caller.principal, caller.groups, repr(caller.entries), repr(caller.scope))
        return self._made_once(key, lambda: self._put_together(caller))

    def scope(self, caller: Caller) -> LoginRights:
        """Return what the token that *caller* shows is good for, of what he may."""
        given = caller.scope or ()
        return self._made_once(
            (caller.principal, repr(given)),
            lambda: LoginRights(self._scope(caller.principal, given), self._roles.groups, is_scope=True),
        )

    def _made_once(self, key: tuple[Any, ...], make: Callable[[], LoginRights]) -> LoginRights:
        found = self._remembered.get(key)
        if found is None:
            found = self._remembered[key] = make()
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        else:
            self._remembered.move_to_end(key)
        return found

    def perms(self, caller: Caller) -> list[Any]:
        """Return what *caller* is granted in Salt's grammar, as it is written."""
        if caller.scope is not None:
            return self.rights(caller).perms()
        source = caller.source or caller.kind.value
        entries = self._external.entries_of(source, caller.name, caller.groups, caller.entries)
        return LoginRights(
            self._roles.rights_of(source, caller.name, caller.groups, entries), self._roles.groups
        ).perms()

    def roles_of(self, source: str, name: str, groups: Collection[str]) -> LoginRights:
        """Return what the roles of someone grant, alone."""
        return LoginRights(self._roles.rights_of(source, name, groups), self._roles.groups)

    def check_scope(self, where: str, scope: Sequence[Any]) -> None:
        """Raise ``ConfigError`` for a token's *scope* that can't be understood, or names a role that isn't there."""
        self._roles.check(parse_scope(where, scope))

    def targets(self) -> Iterator[tuple[str, str]]:
        """Yield the compound expressions of all entries, each behind where it stands."""
        yield from self._external.targets()
        yield from self._roles.targets()

    def roles(self) -> list[dict[str, Any]]:
        """Return every role, as ``auth.roles`` shows it."""
        return self._roles.shown()

    def _put_together(self, caller: Caller) -> LoginRights:
        source = caller.source or caller.kind.value
        try:
            entries = self._external.entries_of(source, caller.name, caller.groups, caller.entries)
        except ConfigError:  # what a driver granted: it is told at the login
            entries = self._external.entries_of(source, caller.name, caller.groups)
        rights = self._roles.rights_of(source, caller.name, caller.groups, entries)
        found = LoginRights(rights, self._roles.groups)
        everywhere = (right.entry.written for right in rights if not right.within)
        if FULL.issubset(one for one in everywhere if isinstance(one, str)):
            found = LoginRights((*rights, *self._roles.rights((), [ADMIN])), self._roles.groups)
        if caller.scope is None:
            return found
        return found.scoped(self._scope(caller.principal, caller.scope))

    def _scope(self, principal: str, given: Sequence[Any]) -> tuple[Right, ...]:
        """Return what a token's scope allows; nothing, where it can't be understood any more."""
        patience = self._patience.setdefault(principal, Patience())
        if len(self._patience) > MAX_REMEMBERED:
            del self._patience[next(iter(self._patience))]
        try:
            scope = parse_scope(f"the scope of a token of {principal}", given, patience)
        except ConfigError as error:
            self._complaints.say(principal, "scope", f"{error}: it allows nothing")
            return ()
        everything = [ADMIN] if FULL.issubset(one for one in given if isinstance(one, str)) else []
        return self._roles.rights(scope, everything)
