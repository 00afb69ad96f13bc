"""The one door: whoever asks for whatever, by whatever entrance, it is looked up, authorised, bound and run here.

The order is always the same::

    who calls (the entrance knows) → how often (his share) → what (may he call this at all) → its arguments
    → whom (the target is resolved, off the loop and with bounded cost) → may he, on all of them → run → audit

A caller is told the same of a command that isn't there and of one that he may not call.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from saltern.errors import (
    Busy,
    InternalError,
    NotAuthorised,
    RequestTimeout,
    SalternError,
    TargetError,
    TargetTooCostly,
    UnknownNodegroup,
)
from saltern_master.auth.audit import Audit
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.need import Need
from saltern_master.auth.policy import Policy, some_of
from saltern_master.commands.context import Context, Services
from saltern_master.commands.registry import Command, Registry
from saltern_master.commands.turns import Turns
from saltern_master.jobs.request import functions_of, indirect_of
from saltern_master.line_limit import LineLimit
from saltern_master.targeting import DELIMITER, Targets

log = logging.getLogger(__name__)

THREADS = 8
CALLS_OF_A_MINION = 16
CALLS_OF_A_USER = 64
CALLS_OF_AN_OWNER = 1000


class Meant(NamedTuple):
    """What a target comes to: minions, names that it lists and no minion has, and what in it can't mean anybody."""

    minions: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    problem: str = ""


class Dispatcher:
    """Runs commands of *registry* on *services* for callers, as *policy* allows."""

    def __init__(self, registry: Registry, policy: Policy, services: Services) -> None:
        self._registry = registry
        self._policy = policy
        self._services = services
        self._audit = Audit()
        # Minions and users have threads of their own: a fleet that fetches files keeps no operator waiting.
        self._turns = {
            Kind.LOCAL: Turns("command", THREADS, CALLS_OF_AN_OWNER),
            Kind.MINION: Turns("call", THREADS, CALLS_OF_A_MINION),
        }
        self._faults = LineLimit("faults of the master's own")
        self._calls: dict[str, int] = {}
        self._done = 0
        self._failed = 0
        self._busy = 0
        self._seconds = 0.0

    def close(self) -> None:
        """Start nothing more."""
        for turns in self._turns.values():
            turns.close()

    async def call(
        self, caller: Caller, name: str, args: list[Any], kwargs: dict[str, Any], within_s: float | None = None
    ) -> Any:
        """Return what the command *name* returns, a ``Stream`` for some.

        *within_s*: seconds after which the answer isn't wanted any more. Raises ``SalternError``, nothing else:
        ``NotAuthorised``, ``FunctionNotFound``, ``ArgumentError``, ``Busy``, ``RequestTimeout``, ``InternalError``
        for a fault of ours, or what the command raises.
        """
        running = self._calls.get(caller.principal, 0)
        if running >= self._share(caller):
            self._busy += 1
            raise Busy(f"{running} of your calls are being answered: try again")
        self._calls[caller.principal] = running + 1
        began = time.perf_counter()
        limit = asyncio.timeout(within_s)
        try:
            async with limit:
                answer = await self._call(caller, name, args, kwargs)
            self._done += 1
            return answer
        except SalternError as error:
            self._failed += 1
            if isinstance(error, NotAuthorised):
                self._audit.refuse(caller, error)
            raise
        except Exception as error:
            self._failed += 1
            if isinstance(error, TimeoutError) and limit.expired():
                raise RequestTimeout(f"{name}: no answer within {within_s or 0:g} s") from None
            if self._faults.allows(name, caller.principal):
                log.exception("%s for %s failed", name, caller)
            raise InternalError(f"the master failed ({type(error).__name__}): its log has more") from None
        finally:
            self._seconds += time.perf_counter() - began
            left = self._calls.pop(caller.principal) - 1
            if left:
                self._calls[caller.principal] = left

    def metrics(self) -> dict[str, float]:
        """Return the door's counters."""
        return {
            "done": self._done,
            "failed": self._failed,
            "refused": self._audit.refused,
            "busy": self._busy + sum(turns.refused for turns in self._turns.values()),
            "seconds": self._seconds,
            "running": sum(self._calls.values()),
        }

    async def _call(self, caller: Caller, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        services = self._services
        command = self._find(caller, name)
        bound = command.bind(args, kwargs)
        meant = Meant()
        if command.need is Need.JOBS:
            meant = await self._authorised_minions(caller, bound, services)
        elif command.need is Need.TARGET:
            meant = await self._known_minions(caller, bound, services)
        elif command.need is Need.OWN_JOB and not self._policy.owns(caller, services.tracker.owner(bound["jid"])):
            raise NotAuthorised(f"{caller} did not start a job {bound['jid']}")
        context = Context(caller, services, *meant)
        try:
            answer = await self._run(command, context, bound)
        except SalternError as error:
            if command.changes:
                self._audit.failed(caller, command.name, bound, error)
            raise
        if command.changes:
            self._audit.done(caller, command.name, bound)
        return answer

    def _share(self, caller: Caller) -> int:
        """Return how many calls a caller may have under way."""
        if caller.kind is Kind.MINION:
            return CALLS_OF_A_MINION
        return CALLS_OF_AN_OWNER if self._policy.sees_all(caller) else CALLS_OF_A_USER

    def _find(self, caller: Caller, name: str) -> Command:
        command = self._registry.get(name)
        if command is not None and self._policy.may_call(caller, command):
            return command
        if command is None and self._policy.may_see(caller, name):
            raise self._registry.unknown(name, lambda one: self._policy.may_call(caller, one))
        raise NotAuthorised(self._policy.refusal(caller, name))

    async def _authorised_minions(self, caller: Caller, bound: dict[str, Any], services: Services) -> Meant:
        """Return whom the target means, once it is known that the caller may run the functions on all of them."""
        functions = [*functions_of(bound), *indirect_of(bound)]
        refused = self._policy.refused_functions(caller, functions)
        if refused:
            raise NotAuthorised(f"{caller} may not run {some_of(refused)}{self._policy.why_refused(refused)}")
        everyone = services.keyring.minions()
        find = functools.partial(self._find_minions, caller, functions, bound, everyone, services.targets)
        meant: Meant = await self._turns[caller.kind].run(caller.principal, find)
        return meant

    async def _known_minions(self, caller: Caller, bound: dict[str, Any], services: Services) -> Meant:
        """Return whom the target means, of those minions that the caller has something to do with."""
        known_to_him = self._policy.known_to(caller, services.keyring.minions())
        find = functools.partial(_meant, services.targets, bound, known_to_him)
        meant: Meant = await self._turns[caller.kind].run(caller.principal, find)
        return meant

    def _find_minions(
        self, caller: Caller, functions: list[str], bound: dict[str, Any], everyone: list[str], targets: Targets
    ) -> Meant:
        """Resolve a target for a caller, in a thread.

        Who may not command every minion learns nothing of the others. They aren't there for an expression that is
        held against ids or grains; names, and a glob, must be within his grants, whatever minions there are.
        """
        covered = self._policy.covered(caller, functions, everyone)
        if len(covered) == len(everyone):
            return _meant(targets, bound, covered)
        return _meant(targets, bound, covered, lambda names: self._check_names(caller, functions, names))

    def _check_names(self, caller: Caller, functions: list[str], names: list[str]) -> None:
        if len(self._policy.covered(caller, functions, names)) < len(names):
            raise NotAuthorised(f"{caller} may not run {some_of(functions)} on every minion of that target")

    async def _run(self, command: Command, context: Context, bound: dict[str, Any]) -> Any:
        if command.is_async:
            return await command.handler(context, **bound)
        call = functools.partial(command.handler, context, **bound)
        return await self._turns[context.caller.kind].run(context.caller.principal, call)


def _meant(
    targets: Targets,
    bound: dict[str, Any],
    minions: Sequence[str],
    check_names: Callable[[list[str]], None] | None = None,
) -> Meant:
    """Return whom of *minions* the target in *bound* means; *check_names* judges the names that it consists of.

    A target that can't be understood means nobody, as in Salt; what is wrong with it is told beside that.
    """
    try:
        target = targets.target(bound["tgt"], bound["tgt_type"], bound.get("delimiter", DELIMITER))
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
