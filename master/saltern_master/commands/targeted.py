"""Whom a command's target means, for who asks: resolved off the loop, with bounded cost, and authorised."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from saltern.errors import NotAuthorised, TargetError, TargetTooCostly, UnknownNodegroup
from saltern_master.auth.call import Call, calls_of
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.policy import Policy, some_of
from saltern_master.commands.context import Services
from saltern_master.commands.turns import Turns
from saltern_master.jobs.request import functions_of
from saltern_master.targeting import DELIMITER, Targets

READS_PILLAR = "pillar.get"
"""Who may run it on a minion may look for its pillar's values with patterns."""


class Meant(NamedTuple):
    """What a target comes to: minions, names that it lists and no minion has, and what in it can't mean anybody."""

    minions: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    problem: str = ""


class Targeted:
    """Resolves targets among the minions of *services*, as *policy* allows, in *turns* by kind of caller."""

    def __init__(self, policy: Policy, services: Services, turns: Mapping[Kind, Turns]) -> None:
        self._policy = policy
        self._services = services
        self._turns = turns

    async def authorised(self, caller: Caller, bound: dict[str, Any]) -> Meant:
        """Return whom a job is for, once it is known that the caller may run its functions on all of them.

        The functions are authorised before the target is looked at. Raises ``NotAuthorised``, ``ArgumentError``,
        ``TargetTooCostly``, ``UnknownNodegroup``, ``Busy``.
        """
        functions_of(bound)  # they are functions, and their arguments fit them
        calls = calls_of(bound["fun"], bound.get("arg"), bound.get("kwarg"), bound.get("ret"))
        if listed := self._policy.blacklisted(caller, [call.function for call in calls]):
            raise NotAuthorised(listed)
        refused = self._policy.refused_functions(caller, calls)
        if refused:
            raise NotAuthorised(f"{caller} may not run {some_of(refused)}{self._policy.why_refused(refused)}")
        everyone = self._services.keyring.minions()
        return await self._found(
            caller, functools.partial(self._find, caller, calls, bound, everyone, self._services.targets)
        )

    async def known(self, caller: Caller, bound: dict[str, Any]) -> Meant:
        """Return whom the target means, of those minions that the caller has something to do with."""
        known_to_him = self._policy.known_to(caller, self._services.keyring.minions())
        reads = self._reads(caller, known_to_him)
        return await self._found(caller, functools.partial(_meant, self._services.targets, bound, known_to_him, reads))

    async def _found(self, caller: Caller, find: Callable[[], Meant]) -> Meant:
        with _elsewhere(caller):
            meant: Meant = await self._turns[caller.kind].run(caller.principal, find)
        return meant

    def _find(
        self, caller: Caller, calls: list[Call], bound: dict[str, Any], everyone: list[str], targets: Targets
    ) -> Meant:
        """Resolve a target for a caller, in a thread.

        Who may not command every minion learns nothing of the others. They aren't there for an expression that is
        held against ids or grains; names, and a glob, must be within his grants, whatever minions there are. Of who
        logged in a grant must cover all that is meant, as in Salt: he learns that it doesn't.
        """
        if self._policy.by_one_grant(caller):
            whole = self._policy.covers(caller, calls, everyone)
            meant = _meant(targets, bound, everyone, self._reads(caller, everyone))
            if not (whole or self._policy.covers(caller, calls, meant.minions)):
                raise NotAuthorised(_not_on_all(caller, calls))
            return meant if whole else meant._replace(unknown=())
        covered = self._policy.covered(caller, calls, everyone)
        reads = self._reads(caller, covered)
        if len(covered) == len(everyone):
            return _meant(targets, bound, covered, reads)
        return _meant(targets, bound, covered, reads, lambda names: self._check_names(caller, calls, names))

    def _reads(self, caller: Caller, minions: Sequence[str]) -> bool:
        """Return whether the caller may read the pillar of all *minions*."""
        return len(self._policy.covered(caller, [READS_PILLAR], minions)) == len(minions)

    def _check_names(self, caller: Caller, calls: list[Call], names: list[str]) -> None:
        if len(self._policy.covered(caller, calls, names)) < len(names):
            raise NotAuthorised(_not_on_all(caller, calls))


@contextlib.contextmanager
def _elsewhere(caller: Caller) -> Iterator[None]:
    """Tell who isn't on this host of a nodegroup that isn't there, but not where that is configured."""
    try:
        yield
    except UnknownNodegroup as error:
        if caller.kind is Kind.LOGIN:
            raise UnknownNodegroup(str(error).rpartition(" in ")[0]) from None
        raise


def _not_on_all(caller: Caller, calls: Sequence[Call]) -> str:
    functions = some_of([call.function for call in calls])
    return f"{caller} may not run {functions} on every minion of that target"


def _meant(
    targets: Targets,
    bound: dict[str, Any],
    minions: Sequence[str],
    reads_pillar: bool,
    check_names: Callable[[list[str]], None] | None = None,
) -> Meant:
    """Return whom of *minions* the target in *bound* means; *check_names* judges the names that it consists of.

    A target that can't be understood means nobody, as in Salt; what is wrong with it is told beside that.
    """
    try:
        target = targets.target(
            bound["tgt"], bound["tgt_type"], bound.get("delimiter", DELIMITER), reads_pillar=reads_pillar
        )
    except (TargetTooCostly, UnknownNodegroup):
        raise
    except TargetError as error:
        return Meant(problem=str(error))
    if check_names is not None:
        check_names(target.named)
    found = target.select(minions, targets.known)
    names = target.listed if check_names is None else target.listed_by_hand
    there = frozenset(minions) if names else frozenset[str]()
    return Meant(tuple(found), tuple(name for name in names if name not in there), target.problem)
