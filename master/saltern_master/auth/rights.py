"""What one caller may at one moment: what his own entries and those of his roles grant, within the scope of his token.

How rights are read is in ``granted``; here is that all of them must agree: a scope allows nothing by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltern_master.auth.call import NO_KEYWORDS, Call
from saltern_master.auth.entries import EVENTS, HOOKS
from saltern_master.auth.granted import MAX_TOLD, Granted
from saltern_master.auth.minion_groups import GroupBook
from saltern_master.auth.right import CoveredBy, PowerOf, Right


class LoginRights:
    """What *rights* come to, *groups* being those that they speak of."""

    def __init__(
        self, rights: Sequence[Right], groups: GroupBook, scopes: Sequence[Granted] = (), *, is_scope: bool = False
    ) -> None:
        """*scopes*: what is allowed must be allowed by each of them, too. *is_scope*: *rights* are one themselves."""
        self._is_scope = is_scope
        self._groups = groups
        self._own = Granted(rights, groups)
        self._scopes = tuple(scopes)
        self._all = (self._own, *self._scopes)

    def scoped(self, rights: Sequence[Right]) -> LoginRights:
        """Return the same, as far as *rights*, a token's, allow it too."""
        return LoginRights(self._own.rights, self._groups, (*self._scopes, Granted(rights, self._groups)))

    def __bool__(self) -> bool:
        """Return whether there is anything that he may, as far as can be told without a call."""
        return all(part.rights for part in self._all)

    @property
    def everything(self) -> bool:
        """Whether he may everything: as an admin does, and by no other way."""
        return all(part.everything for part in self._all)

    @property
    def events(self) -> bool:
        """Whether he may use the event bus: follow it, and fire."""
        return all(part.says(EVENTS) for part in self._all)

    @property
    def hooks(self) -> bool:
        """Whether he may post to hooks: who may run anything on minions may; of a scope it has to be said."""
        own = self._own.says(HOOKS, EVENTS) or (self._own.on_minions and not self._is_scope)
        return own and all(part.says(HOOKS, EVENTS) for part in self._scopes)

    @property
    def on_minions(self) -> bool:
        """Whether there is any function that he may run on minions."""
        return all(part.on_minions for part in self._all)

    @property
    def sees_any(self) -> bool:
        """Whether something is granted to him on minions, if only to see them."""
        return all(part.sees_any for part in self._all)

    def grants(self, function: str, power_of: PowerOf) -> bool:
        """Return whether he may run *function* on some minions, with some arguments, as far as can be told."""
        return all(part.grants(function, power_of) for part in self._all)

    def refused(self, calls: Sequence[Call], power_of: PowerOf) -> list[str]:
        """Return those functions of *calls* that he may run, so, on no minion whatever."""
        found = [call.function for call in calls if any(part.refuses(call, power_of) for part in self._all)]
        return list(dict.fromkeys(found))

    def covers(
        self,
        calls: Sequence[Call],
        minions: Sequence[str],
        power_of: PowerOf,
        covered_by: CoveredBy,
        *,
        expanded: bool = False,
    ) -> bool:
        """Return whether he may make every one of *calls* on all *minions*, each by one right that covers them all.

        *expanded*: rights that cover some of the minions each add up.
        """
        return all(
            # on no minions nothing covers less than all: then it is enough that the call is allowed anywhere
            part.deciding(call, minions, power_of, covered_by, expanded=expanded)
            for part in self._all
            for call in calls
        )

    def covered(
        self, calls: Sequence[Call], minions: Sequence[str], power_of: PowerOf, covered_by: CoveredBy
    ) -> frozenset[str]:
        """Return those of *minions* on each of which, taken alone, he may make every one of *calls*."""
        left = frozenset(minions)
        for part in self._all:
            for call in calls:
                left &= part.covered(call, minions, power_of, covered_by)
        return left

    def known(self, minions: Sequence[str], covered_by: CoveredBy) -> frozenset[str]:
        """Return those of *minions* on which something is granted to him, if only to see them."""
        return frozenset(minions).intersection(*(part.known(minions, covered_by) for part in self._all))

    def sees(self, minions: Sequence[str], *, arguments: bool = False) -> frozenset[str]:
        """Return those of *minions* whose results, states and statistics he may see, whoever asked for them.

        *arguments*: those of whose jobs he may see what they were given, too.
        """
        return frozenset(minions).intersection(*(part.sees(minions, arguments=arguments) for part in self._all))

    def own(
        self, client: str, function: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, by_name: bool = False
    ) -> bool:
        """Return whether he may call *function* of ``runner`` or ``wheel`` so; *by_name*: if its exact name says it."""
        return all(part.own(client, function, list(args), kwargs, by_name=by_name) for part in self._all)

    def limits(
        self,
        client: str,
        function: str,
        minions: Sequence[str],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] = NO_KEYWORDS,
        *,
        by_name: bool = False,
    ) -> frozenset[str] | None:
        """Return those of *minions* that his rights to call *function* of ``runner`` or ``wheel`` so are good for.

        ``None``: for all that there are, because a right to call it is limited to no groups. What he can't call, is
        good for none.
        """
        left: frozenset[str] | None = None
        for part in self._all:
            found = part.limits(client, function, list(args), kwargs, minions, by_name=by_name)
            if found is not None:
                left = found if left is None else left & found
        return left

    @property
    def every_event(self) -> bool:
        """Whether he may see every event, not only those about some groups of minions."""
        return all(part.every_event for part in self._all)

    def own_named(
        self, client: str, function: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] = NO_KEYWORDS
    ) -> bool:
        """Return whether he may call a *function* of the operator's own, which only its exact name covers."""
        return self.own(client, function, args, kwargs, by_name=True)

    def offers(self, client: str, function: str, *, by_name: bool = False) -> bool:
        """Return whether there are any arguments with which he may call *function* of ``runner`` or ``wheel``."""
        return all(part.offers(client, function, by_name=by_name) for part in self._all)

    @property
    def names_runners(self) -> bool:
        """Whether some runner of the operator's own may be granted to him: one is named, or all is."""
        return all(part.names_runners for part in self._all)

    def perms(self) -> list[Any]:
        """Return what he may in Salt's grammar, texts first, as a login answers it; of a scope, what that says."""
        return self._all[-1].perms()

    def why(
        self,
        call: Call,
        minions: Sequence[str],
        power_of: PowerOf,
        covered_by: CoveredBy,
        *,
        expanded: bool = False,
    ) -> str:
        """Return the line that says what allows him *call* on *minions*, or what keeps him from it."""
        decided: list[str] = []
        for part in self._all:
            deciding = part.deciding(call, minions, power_of, covered_by, expanded=expanded)
            if not deciding:
                scope = "" if part is self._own else "the token's scope: "
                return f"refused: {scope}{part.why_not(call, power_of)}"
            decided.append("; ".join(right.explained(call, power_of) for right in deciding[:MAX_TOLD]))
        return decided[0]

    def why_own(
        self, client: str, function: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, by_name: bool = False
    ) -> str:
        """Return the line that says what allows him a function of the master's, or what keeps him from it."""
        decided: list[str] = []
        for part in self._all:
            right = part.calling(client, function, list(args), kwargs, by_name=by_name)
            if right is None:
                scope = "" if part is self._own else "the token's scope: "
                named = ", which its exact name alone would grant" if by_name else ""
                given = " with these arguments" if part.offers(client, function, by_name=by_name) else ""
                return f"refused: {scope}nothing grants {client}.{function:.80}{given}{named}"
            decided.append(right.told())
        return decided[0]
