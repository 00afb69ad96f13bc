"""Sending jobs: to the minions that a target resolves to, and to no other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from saltern.errors import NotAuthorised, TargetError
from saltern.ids import JidSource
from saltern.secret import masked
from saltern.wire import pack_any
from saltern_master.bus import EventBus
from saltern_master.fleet import Fleet
from saltern_master.jobs.keeper import JobKeeper
from saltern_master.jobs.store import JobLoad
from saltern_master.keyring import Keyring
from saltern_master.targeting import resolve

log = logging.getLogger(__name__)

Authorise = Callable[[list[str], list[str]], bool]
"""Whether the caller may run these functions on all of these minions."""


class Published(NamedTuple):
    """A job on its way: *minions* are all it is for, *missing* those of them that are away."""

    jid: str
    minions: list[str]
    missing: list[str]


class Publisher:
    """Resolves, authorises, records and sends jobs."""

    def __init__(self, keyring: Keyring, fleet: Fleet, bus: EventBus, keeper: JobKeeper) -> None:
        self._keyring = keyring
        self._fleet = fleet
        self._bus = bus
        self._keeper = keeper
        self._jids = JidSource()
        self.published = 0

    def next_jid(self) -> str:
        """Return a new jid."""
        return self._jids.next()

    def publish(self, jid: str, request: dict[str, Any], user: str, authorise: Authorise) -> Published:
        """Send the job in *request* and return whom it went to.

        *request*: ``tgt``, ``tgt_type``, ``fun`` (a name, or a list of names with a list of argument lists),
        ``arg``, ``kwarg``, ``isolate``, ``timeout``. Raises ``TargetError``, ``NotAuthorised``.
        """
        functions = _functions(request)
        target, kind = request.get("tgt", ""), request.get("tgt_type", "glob")
        minions = resolve(target, kind, self._keyring.minions(), self._fleet.grains)
        if not authorise(minions, functions):
            raise NotAuthorised(f"user {user} may not run {', '.join(functions)} on {_shown(minions)}")
        job = {
            "jid": jid,
            "fun": request["fun"],
            "arg": request.get("arg") or [],
            "kwarg": request.get("kwarg") or {},
            "user": user,
            "isolate": bool(request.get("isolate")),
            "timeout": request.get("timeout"),
        }
        load = {**masked(job), "tgt": target, "tgt_type": kind, "minions": minions}
        self._keeper.put_job(JobLoad(jid, time.time(), load))
        self._bus.publish(f"salt/job/{jid}/new", dict(load))
        frame = pack_any("job", 0, job, secrets=True)
        missing = [minion for minion in minions if not self._fleet.send(minion, frame)]
        self.published += 1
        log.info("job %s: %s on %d minions for %s", jid, ",".join(functions), len(minions), user)
        return Published(jid, minions, missing)


def _functions(request: dict[str, Any]) -> list[str]:
    fun = request.get("fun")
    names: list[Any] = fun if isinstance(fun, list) else [fun]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise TargetError("a job needs a function, as in test.ping")
    if isinstance(fun, list):
        arguments = request.get("arg") or []
        if not (isinstance(arguments, list) and all(isinstance(item, list) for item in arguments)):
            raise TargetError("several functions need a list of argument lists, one for each function")
        if arguments and len(arguments) != len(fun):
            raise TargetError(f"{len(fun)} functions need {len(fun)} argument lists, not {len(arguments)}")
    return names


def _shown(minions: list[str]) -> str:
    return ", ".join(minions[:5]) + (f" and {len(minions) - 5} more" if len(minions) > 5 else "") or "no minion"
