"""Sending jobs: to the minions that were resolved and authorised, and to no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from saltern.digest import sha256
from saltern.errors import ArgumentError
from saltern.ids import JidSource
from saltern.look import LOOK
from saltern.secret import masked
from saltern.wire import pack_any
from saltern_master.auth.caller import Caller
from saltern_master.bus import MAX_QUEUE_BYTES, EventBus
from saltern_master.fleet import Fleet
from saltern_master.inbox import Inbox
from saltern_master.jobs.follower import MAX_USER_QUEUE_BYTES, Follower
from saltern_master.jobs.request import arguments
from saltern_master.jobs.store import held_by
from saltern_master.jobs.tracked_job import TrackedJob
from saltern_master.jobs.tracker import Tracker

log = logging.getLogger(__name__)

SENT_A_TURN = 1000
"""Minions that a job is sent to before others have the loop."""


TOLD = ("ret", "metadata")
"""Of what goes with a job, what its history has and the bus is told; a returner's options may be secrets."""


class JobRequest(NamedTuple):
    """A job as it was asked for: *fun* a name, or names, with a list of arguments for each in *arg* then."""

    tgt: str | list[str]
    tgt_type: str
    fun: str | list[str]
    arg: list[Any]
    kwarg: dict[str, Any]
    isolate: bool = False
    timeout_s: float | None = None
    more: Mapping[str, Any] = {}
    """What goes with it to the minions: ``ret``, ``ret_config``, ``ret_kwargs``, ``metadata``."""


class Published(NamedTuple):
    """A job on its way: *minions* are all it is for, *missing* those of them that are away."""

    jid: str
    minions: list[str]
    missing: list[str]


class Publisher:
    """Records jobs and sends them."""

    def __init__(
        self, fleet: Fleet, bus: EventBus, inbox: Inbox, tracker: Tracker, jids: JidSource | None = None
    ) -> None:
        """*jids*: shared with others that need some."""
        self._fleet = fleet
        self._bus = bus
        self._inbox = inbox
        self._tracker = tracker
        self._jids = jids or JidSource()
        self._published = 0

    def publish(
        self,
        request: JobRequest,
        minions: Sequence[str],
        caller: Caller,
        *,
        sees_all: bool,
        quiet_s: float | None = None,
        follow: bool = False,
        hold: bool = False,
        new_jid: str = "",
        answer_s: float | None = None,
    ) -> tuple[Published, Follower | None]:
        """Send a job to *minions* and return whom it goes to, and its follower when one is wanted.

        *sees_all*: whether its functions may show what other users' jobs are given. *quiet_s*: seconds of silence
        after which agents are asked whether they still work on it, *answer_s*: how long they have to say so. *hold*:
        send it to nobody yet, see ``release``. *new_jid*: its id, which no job has; a scheduled run may have it all
        the same, and is no answer to this job.
        A job for nobody gets no jid. Raises ``MessageTooLarge``, ``JournalError``.
        """
        if not minions:
            return Published("", [], []), None
        jid = new_jid or self.next_jid()
        frame = _frame(jid, request, caller, sees_all=sees_all)
        digest = _digest(jid, request, caller, sees_all=sees_all) if hold else ""
        load: dict[str, Any] = {
            "jid": jid,
            "fun": request.fun,
            "arg": masked(request.arg),
            "kwarg": masked(request.kwarg),
            "user": caller.user,
            "tgt": request.tgt,
            "tgt_type": request.tgt_type,
            "minions": list(minions),
            **{name: masked(value) for name, value in request.more.items() if name in TOLD},
        }
        chosen = {"chosen": True} if new_jid else {}
        self._inbox.put_job({**load, **chosen, **held_by(caller)})
        there, missing = ({}, []) if hold else self._reached(minions)
        self._tell(load, missing, len(frame) + sum(map(len, minions)))
        most = MAX_QUEUE_BYTES if sees_all else MAX_USER_QUEUE_BYTES
        follower = Follower(jid, self._tracker.unfollow, most) if follow else None
        tracked = TrackedJob(jid, request.fun, caller, there, missing, quiet_s, minions if hold else (), digest)
        tracked.answer_s = answer_s
        tracked.chosen = bool(new_jid)
        self._tracker.begin(tracked, follower)
        self._send(jid, frame, list(there))
        self._published += 1
        functions = request.fun if isinstance(request.fun, str) else ",".join(request.fun)
        log.info("job %s: %s on %d minions for %s", jid, functions, len(minions), caller)
        return Published(jid, list(minions), missing), follower

    def next_jid(self) -> str:
        """Return a jid that no job has which is remembered."""
        while self._tracker.knows(jid := self._jids.next()):
            pass  # somebody chose it
        return jid

    def release(
        self, jid: str, request: JobRequest, minions: Sequence[str], caller: Caller, *, sees_all: bool
    ) -> Published:
        """Send a job that is held to those of *minions* that it is held for, and return whom it goes to.

        It is asked for anew, so that whoever sends it may do so at that moment, and nothing of it is kept until then.
        Raises ``ArgumentError`` for a job that isn't held, or not the caller's, or another one.
        """
        job = self._tracker.held(jid, caller.holder)
        if job is None or job.digest != _digest(jid, request, caller, sees_all=sees_all):
            raise ArgumentError(f"no such job {jid} of yours waits for its turn", jid=jid)
        frame = _frame(jid, request, caller, sees_all=sees_all)
        waiting = [minion_id for minion_id in minions if minion_id in job.held]
        there, missing = self._reached(waiting)
        self._tracker.release(job, there, missing)
        self._send(jid, frame, list(there))
        log.info("job %s: on %d minions more", jid, len(waiting))
        return Published(jid, waiting, missing)

    def _reached(self, minions: Sequence[str]) -> tuple[dict[str, str], list[str]]:
        """Return those of *minions* that are connected, with their keys, and the others."""
        links = {minion_id: self._fleet.link(minion_id) for minion_id in minions}
        there = {minion_id: link.key for minion_id, link in links.items() if link.jobs is not None}
        return there, [minion_id for minion_id in minions if minion_id not in there]

    def _tell(self, load: Mapping[str, Any], missing: list[str], size: int) -> None:
        """Say on the bus that a job is on its way, in Salt's two events."""
        told = {key: load[key] for key in ("jid", "tgt_type", "tgt", "user", "fun")}
        told["arg"] = arguments(load["arg"], load["kwarg"])
        if load.get("metadata") == LOOK:
            told["metadata"] = LOOK
        tag = f"salt/job/{load['jid']}"
        self._bus.publish(f"{tag}/new", {**told, "minions": load["minions"], "missing": missing}, size=size)
        self._bus.publish(f"{tag}/publish", {**told, "ret": load.get("ret", "")}, size=size)

    def _send(self, jid: str, frame: bytes, minions: list[str]) -> None:
        """Send a job to some minions now, and to the others when the loop has done something else."""
        for minion_id in self._fleet.send_many(minions[:SENT_A_TURN], frame):
            self._tracker.unreachable(jid, minion_id)
        if len(minions) > SENT_A_TURN:
            asyncio.get_running_loop().call_soon(self._send, jid, frame, minions[SENT_A_TURN:])

    def metrics(self) -> dict[str, float]:
        """Return the counter."""
        return {"published": self._published}


def _digest(jid: str, request: JobRequest, caller: Caller, *, sees_all: bool) -> str:
    """Return the digest of a job but for its target, which is another one each time that some of it is sent."""
    return sha256(_frame(jid, request._replace(tgt="", tgt_type=""), caller, sees_all=sees_all)).hexdigest()


def _frame(jid: str, request: JobRequest, caller: Caller, *, sees_all: bool) -> bytes:
    """Return the job as it is sent to agents."""
    job = {
        "jid": jid,
        "fun": request.fun,
        "arg": request.arg,
        "kwarg": request.kwarg,
        "user": caller.user,
        "tgt": request.tgt,
        "tgt_type": request.tgt_type,
        "sees": sees_all,
        "isolate": request.isolate,
        "timeout": request.timeout_s,
        **request.more,
    }
    return pack_any("job", 0, job, secrets=True)
