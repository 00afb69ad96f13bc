"""What a list of rights comes to: a login's, or those that a token's scope leaves.

A target is resolved before it is asked who may. As in Salt, one single right must cover all of the minions and allow
the function, and so for every function of a job with its own arguments: two rights that cover half of the minions each
don't add up, unless ``auth.enable_expanded_auth_matching`` says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from saltern_master.auth.built_in_roles import ARGUMENTS, EVERYTHING, WATCHING
from saltern_master.auth.call import Call
from saltern_master.auth.entries import EVENTS, OnMaster, OnMinions
from saltern_master.auth.minion_groups import GroupBook
from saltern_master.auth.right import CoveredBy, PowerOf, Right
from saltern_master.auth.rules import Rule

MAX_TOLD = 5

_SEEING = (WATCHING, EVENTS)


class Granted:
    """Some *rights*, the groups that they speak of being in *groups*. What they don't say is not allowed."""

    def __init__(self, rights: Sequence[Right], groups: GroupBook) -> None:
        self.rights = tuple(rights)
        self._groups = groups
        self._everything = next((right for right in self.rights if right.says(EVERYTHING)), None)
        self._on_minions = [right for right in self.rights if isinstance(right.entry, OnMinions)]
        self._on_master = [right for right in self.rights if isinstance(right.entry, OnMaster)]

    @property
    def everything(self) -> bool:
        """Whether all is allowed, as to an admin."""
        return self._everything is not None

    def says(self, *words: str) -> bool:
        """Return whether one of *words* is granted, at least on some minions."""
        return any(right.says(*words) for right in self.rights)

    @property
    def on_minions(self) -> bool:
        """Whether there is any function that may be run on minions."""
        return bool(self._on_minions)

    @property
    def sees_any(self) -> bool:
        """Whether something is granted on minions, if only to see them."""
        return self.on_minions or self.says(EVERYTHING, *_SEEING)

    def grants(self, function: str, power_of: PowerOf) -> bool:
        """Return whether some right is for *function*, on some minions and with some arguments."""
        return self._everything is not None or any(
            rule.means(function, power_of(function)) for _, rule in self._rules()
        )

    def refuses(self, call: Call, power_of: PowerOf) -> bool:
        """Return whether *call* is allowed on no minion whatever."""
        return self._everything is None and not any(self._allowing(call, power_of))

    def deciding(
        self, call: Call, minions: Sequence[str], power_of: PowerOf, covered_by: CoveredBy, *, expanded: bool
    ) -> list[Right]:
        """Return the right that allows *call* on all *minions*; nothing: it isn't allowed.

        *expanded*: the several that do so together, where none does alone.
        """
        if self._everything is not None:
            return [self._everything]
        every, left, found = frozenset(minions), set(minions), []
        for right in self._allowing(call, power_of):
            meant = right.meant(minions, self._groups, covered_by)
            if meant >= every:
                return [right]
            if expanded and not left.isdisjoint(meant):
                found.append(right)
                left -= meant
        return [] if left else found

    def covered(self, call: Call, minions: Sequence[str], power_of: PowerOf, covered_by: CoveredBy) -> frozenset[str]:
        """Return those of *minions* on each of which, taken alone, *call* is allowed."""
        if self._everything is not None:
            return frozenset(minions)
        return self._together(self._allowing(call, power_of), minions, covered_by)

    def known(self, minions: Sequence[str], covered_by: CoveredBy) -> frozenset[str]:
        """Return those of *minions* on which anything is granted, if only to see them."""
        seen = self.sees(minions)
        return seen | self._together(self._on_minions, [one for one in minions if one not in seen], covered_by)

    def sees(self, minions: Sequence[str], *, arguments: bool = False) -> frozenset[str]:
        """Return those of *minions* whose results may be seen; of whose jobs the *arguments* may."""
        if self._everything is not None:
            return frozenset(minions)
        words = (ARGUMENTS,) if arguments else _SEEING
        return self._together([right for right in self.rights if right.says(*words)], minions, _all_of)

    def own(self, client: str, function: str, args: list[Any], kwargs: Mapping[str, Any], *, by_name: bool) -> bool:
        """Return whether a function of the master's *client* may be called so."""
        return self._everything is not None or any(self._calling(client, function, args, kwargs, by_name=by_name))

    def limits(
        self,
        client: str,
        function: str,
        args: list[Any],
        kwargs: Mapping[str, Any],
        minions: Sequence[str],
        *,
        by_name: bool,
    ) -> frozenset[str] | None:
        """Return those of *minions* that the rights to call a function of the master's so are good for.

        ``None``: one of them is good for all that there are.
        """
        if self._everything is not None:
            return None
        return self._limited(self._calling(client, function, args, kwargs, by_name=by_name), minions)

    @property
    def every_event(self) -> bool:
        """Whether every event may be seen, not only those about some groups of minions."""
        return self._everything is not None or any(right.says(EVENTS) and not right.within for right in self.rights)

    def offers(self, client: str, function: str, *, by_name: bool) -> bool:
        """Return whether a function of the master's *client* may be called, with whatever arguments."""
        return self._everything is not None or any(
            entry.rules_for(client, function, by_name=by_name) for entry in self._entries()
        )

    @property
    def names_runners(self) -> bool:
        """Whether some runner is granted by its exact name, or all is."""
        return self._everything is not None or any(
            rule.name for entry in self._entries() if "runner" in entry.clients for rule in entry.rules
        )

    def perms(self) -> list[Any]:
        """Return all of it in Salt's grammar, in order, texts first."""
        texts: set[str] = set()
        others: dict[str, Any] = {}
        for right in self.rights:
            shown = right.shown(self._groups)
            if isinstance(shown, str):
                texts.add(shown)
            elif shown is not None:
                others.setdefault(json.dumps(shown, sort_keys=True), shown)
        return [*sorted(texts), *sorted(others.values(), key=lambda entry: next(iter(entry), ""))]

    def why_not(self, call: Call, power_of: PowerOf) -> str:
        """Return the line that says what keeps *call* from being allowed, with what comes nearest to it."""
        allowing = [right.explained(call, power_of) for right in self._allowing(call, power_of)]
        if allowing:
            return f"no single entry covers all of these minions: {'; '.join(allowing[:MAX_TOLD])}"
        power = power_of(call.function)
        for where, rule in self._rules():
            if rule.means(call.function, power):
                return f"{where}: {rule.text} doesn't allow these arguments"
        for where, rule in self._rules():
            if rule.means(call.function):
                return (
                    f"{where}: {rule.text} doesn't cover {call.function:.80}, whose power is {power}: "
                    "grant it by its exact name"
                )
        return f"nothing grants {call.function:.80}"

    def calling(
        self, client: str, function: str, args: list[Any], kwargs: Mapping[str, Any], *, by_name: bool
    ) -> Right | None:
        """Return the right by which a function of the master's *client* may be called so, the widest first."""
        if self._everything is not None:
            return self._everything
        found = self._calling(client, function, args, kwargs, by_name=by_name)
        return min(found, key=lambda right: len(right.within), default=None)

    def _allowing(self, call: Call, power_of: PowerOf) -> Iterator[Right]:
        return (right for right in self._on_minions if right.allows(call, power_of))

    def _entries(self) -> Iterator[OnMaster]:
        return (right.entry for right in self._on_master if isinstance(right.entry, OnMaster))

    def _calling(
        self, client: str, function: str, args: list[Any], kwargs: Mapping[str, Any], *, by_name: bool
    ) -> list[Right]:
        """Return the rights by which a function of the master's may be called so."""
        return [
            right
            for right, entry in zip(self._on_master, self._entries(), strict=True)
            if entry.allows(client, function, args, kwargs, by_name=by_name)
        ]

    def _limited(self, rights: Sequence[Right], minions: Sequence[str]) -> frozenset[str] | None:
        """Return those of *minions* that one of *rights* is good for; ``None``: one is good for all that there are."""
        if any(not right.within for right in rights):
            return None
        return self._together(rights, minions, _all_of)

    def _together(self, rights: Iterable[Right], minions: Sequence[str], covered_by: CoveredBy) -> frozenset[str]:
        """Return those of *minions* that one of *rights* is good for; each is asked about those that are left."""
        found: set[str] = set()
        for right in rights:
            left = [minion for minion in minions if minion not in found]
            if not left:
                break
            found |= right.meant(left, self._groups, covered_by)
        return frozenset(found)

    def _rules(self) -> Iterator[tuple[str, Rule]]:
        for right in self._on_minions:
            if isinstance(right.entry, OnMinions):
                for rule in right.entry.rules:
                    yield right.where, rule


def _all_of(_: str, minions: Sequence[str]) -> Sequence[str]:
    return minions
