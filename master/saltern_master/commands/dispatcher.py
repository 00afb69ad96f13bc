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
from typing import Any

from saltern.errors import (
    Busy,
    InternalError,
    NotAuthorised,
    RequestTimeout,
    SalternError,
    about,
)
from saltern_master.auth.audit import Audit
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.need import Need
from saltern_master.auth.policy import Policy
from saltern_master.bus import stamp
from saltern_master.commands.context import Context, Services
from saltern_master.commands.custom import OwnRunners
from saltern_master.commands.params import bind, params_of
from saltern_master.commands.registry import Answered, Command, Reach, Registry
from saltern_master.commands.runs import TAGS, Run, Runs
from saltern_master.commands.targeted import Meant, Targeted
from saltern_master.commands.turns import Turns
from saltern_master.line_limit import LineLimit

log = logging.getLogger(__name__)

THREADS = 8
CALLS_OF_A_MINION = 16
CALLS_OF_A_USER = 64
CALLS_OF_AN_OWNER = 1000
BACKGROUND = {"runner.async": "runner", "wheel.async": "wheel"}
"""Calls by which a function of a client is started in the background: its name, ``arg`` and ``kwarg`` are given."""
BACKGROUND_S = 3600.0


def _asked(context: Context, fun: str, arg: list[Any] | None = None, kwarg: dict[str, Any] | None = None) -> None:
    """Take what is to be run in the background."""


_ASKED = params_of(_asked)


class Dispatcher:
    """Runs commands of *registry* on *services* for callers, as *policy* allows."""

    def __init__(
        self,
        registry: Registry,
        policy: Policy,
        services: Services,
        runs: Runs | None = None,
        own: OwnRunners | None = None,
        audit: Audit | None = None,
    ) -> None:
        """*runs*: told of every call of a runner or wheel function; *own*: runners that *registry* doesn't have."""
        self._registry = registry
        self._own = own
        self._runs = runs
        self._background: set[asyncio.Task[None]] = set()
        self._policy = policy
        self._services = services
        self._audit = audit or Audit()
        users = Turns("command", THREADS, CALLS_OF_AN_OWNER)
        # Minions and users have threads of their own: a fleet that fetches files keeps no operator waiting.
        self._turns = {
            Kind.LOCAL: users,
            Kind.LOGIN: users,
            Kind.MINION: Turns("call", THREADS, CALLS_OF_A_MINION),
        }
        self._targeting = Targeted(policy, services, self._turns)
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
        self._runs = None  # the journal goes next
        for task in self._background:
            task.cancel()

    async def call(
        self,
        caller: Caller,
        name: str,
        args: list[Any],
        kwargs: dict[str, Any],
        within_s: float | None = None,
        *,
        whole: bool = False,
    ) -> Any:
        """Return what the command *name* returns, a ``Stream`` for some.

        *within_s*: seconds after which the answer isn't wanted any more. *whole*: return of a runner or wheel function
        the data of its last event, with all that it returned. Raises ``SalternError``, nothing else:
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
                answer = await self._call(caller, name, args, kwargs, whole=whole)
            self._done += 1
            return answer
        except SalternError as error:
            self._failed += 1
            if isinstance(error, NotAuthorised):
                self._audit.refuse(caller, error, name)
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
            self._release(caller.principal)

    def metrics(self) -> dict[str, float]:
        """Return the door's counters."""
        return {
            "done": self._done,
            "failed": self._failed,
            "refused": self._audit.refused,
            "busy": self._busy + sum(turns.refused for turns in self._turns.values()),
            "seconds": self._seconds,
            "running": sum(self._calls.values()),
            **(self._runs.metrics() if self._runs else {}),
        }

    async def _call(self, caller: Caller, name: str, args: list[Any], kwargs: dict[str, Any], *, whole: bool) -> Any:
        services = self._services
        if name in BACKGROUND and caller.kind is not Kind.MINION and self._runs is not None:
            return await self._begin(caller, BACKGROUND[name], self._runs, args, kwargs)
        command = self._find(caller, name, args, kwargs)
        limits = functools.partial(self._policy.limits, caller, command, args, kwargs)
        bound = command.bind(args, kwargs)
        meant = await self._meant(caller, command, bound)
        if command.need is Need.OWN_JOB and not self._policy.owns(caller, services.tracker.owner(bound["jid"])):
            raise NotAuthorised(f"{caller} did not start a job {bound['jid']}")
        if command.prepare is not None:
            command = await command.prepare(caller, bound)
        told_of = command.client in TAGS
        run = self._begun(self._runs, caller, command, args, kwargs) if self._runs and told_of else None
        context = Context(caller, services, *meant, jid=run.jid if run else "", limits=limits)
        with about(jid=run.jid if run else None):
            answer, success, printed = await self._carried_out(command, context, bound, run)
        if not whole or run is None:
            return answer
        also = {"printed": printed} if printed else {}
        return {**run.data, "return": answer, "success": success, "_stamp": stamp(), **also}

    async def _meant(self, caller: Caller, command: Command, bound: dict[str, Any]) -> Meant:
        """Return whom the target of a command means; nobody for one that has none."""
        if command.need in (Need.JOBS, Need.PEER):
            return await self._targeting.authorised(caller, bound)
        if command.need is Need.TARGET:
            return await self._targeting.known(caller, bound)
        return Meant()

    @staticmethod
    def _begun(
        runs: Runs, caller: Caller, command: Command, args: list[Any], kwargs: dict[str, Any], *, kept: bool = False
    ) -> Run:
        try:
            return runs.begin(caller, command, args, kwargs, kept=kept)
        except BaseException:
            command.let_go()
            raise

    async def _carried_out(
        self, command: Command, context: Context, bound: dict[str, Any], run: Run | None
    ) -> Answered:
        """Return what a command returns; it is audited, and told of on the bus, however it ends."""
        own = self._registry.get(command.name) is None  # what the operator's own are given is nobody else's
        audited = {} if own else bound
        try:
            answer = await self._run(command, context, bound)
        except BaseException as error:
            ours = isinstance(error, SalternError)
            if run is not None and self._runs is not None:
                why = str(error) if ours else f"it came to no end: {type(error).__name__}"
                self._runs.end(run, why, success=False)
            self._audit.failed(context, command, audited, error)
            raise
        self._audit.done(context, command, audited, answer)
        answered = answer if isinstance(answer, Answered) else Answered(answer, True)
        if run is not None and self._runs is not None:
            self._runs.end(run, answered.value, success=answered.success)
        return answered

    async def _begin(
        self, caller: Caller, client: str, runs: Runs, args: list[Any], kwargs: dict[str, Any]
    ) -> dict[str, str]:
        """Start a runner or wheel function, and return where its events are told of: ``tag`` and ``jid``.

        What it returns is kept as a job's return. It counts as a call of the caller's until it is over.
        """
        asked = bind(_ASKED, args, kwargs)
        given, by_name = asked["arg"] or [], asked["kwarg"] or {}
        command = self._find(caller, f"{client}.{asked['fun']}", given, by_name)
        limits = functools.partial(self._policy.limits, caller, command, given, by_name)
        bound = command.bind(given, by_name)
        meant = await self._meant(caller, command, bound)
        if command.prepare is not None:
            command = await command.prepare(caller, bound)
        run = self._begun(runs, caller, command, given, by_name, kept=True)
        self._calls[caller.principal] = self._calls.get(caller.principal, 0) + 1
        context = Context(caller, self._services, *meant, jid=run.jid, limits=limits)
        ended = self._in_background(command, context, bound, run)
        task = asyncio.get_running_loop().create_task(ended)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return {"tag": run.tag, "jid": run.jid}

    async def _in_background(self, command: Command, context: Context, bound: dict[str, Any], run: Run) -> None:
        caller = context.caller
        try:
            async with asyncio.timeout(BACKGROUND_S):
                await self._carried_out(command, context, bound, run)
            self._done += 1
        except SalternError:
            self._failed += 1  # it is told of
        except Exception:
            self._failed += 1
            if self._faults.allows(command.name, caller.principal):
                log.exception("%s for %s failed", command.name, caller)
        finally:
            self._release(caller.principal)

    def _release(self, principal: str) -> None:
        left = self._calls.pop(principal) - 1
        if left:
            self._calls[principal] = left

    def _share(self, caller: Caller) -> int:
        """Return how many calls a caller may have under way."""
        if caller.kind is Kind.MINION:
            return CALLS_OF_A_MINION
        return CALLS_OF_AN_OWNER if self._policy.sees_all(caller) else CALLS_OF_A_USER

    def _find(self, caller: Caller, name: str, args: list[Any], kwargs: dict[str, Any]) -> Command:
        """Return the command that the caller may call, with these arguments."""
        command = self._called(caller, name)
        if command.client in TAGS and not self._policy.may_give(caller, command, args, kwargs):
            raise NotAuthorised(f"{caller} may not run {command.function:.80} with these arguments")
        everywhere = command.reach is not Reach.EVERY or command.client not in TAGS
        if not everywhere and self._policy.limits(caller, command, args, kwargs, ()) is not None:
            raise NotAuthorised(
                f"{caller} may not run {command.function:.80}: it is about all minions, and the role that grants it "
                "is good for some groups of them: grant it by a role without on"
            )
        return command

    def _called(self, caller: Caller, name: str) -> Command:
        command = self._registry.get(name)
        own = self._own.command(name) if command is None and self._own is not None else None
        for one in (command, own):
            if one is not None and self._policy.may_call(caller, one):
                return one
        if command is None and self._policy.may_see(caller, name):
            if own is not None and self._own is not None and self._own.holds(own.function):
                raise NotAuthorised(
                    f"{caller} may not run {own.function:.80}: it is a runner of the operator's own: grant it by its "
                    "exact name in publisher_acl, no glob covers it"
                )
            raise self._registry.unknown(name, lambda one: self._policy.may_call(caller, one))
        raise NotAuthorised(self._policy.refusal(caller, name))

    async def _run(self, command: Command, context: Context, bound: dict[str, Any]) -> Any:
        if command.is_async:
            return await command.handler(context, **bound)
        call = functools.partial(command.handler, context, **bound)
        return await self._turns[context.caller.kind].run(context.caller.principal, call)
