"""Sending jobs: to the minions that were resolved and authorised, and to no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from saltern.ids import JidSource
from saltern.secret import masked
from saltern.wire import pack_any
from saltern_master.auth.caller import Caller
from saltern_master.bus import MAX_QUEUE_BYTES, EventBus
from saltern_master.fleet import Fleet
from saltern_master.inbox import Inbox
from saltern_master.jobs.follower import MAX_USER_QUEUE_BYTES, Follower
from saltern_master.jobs.tracked_job import TrackedJob
from saltern_master.jobs.tracker import Tracker

log = logging.getLogger(__name__)

SENT_A_TURN = 1000
"""Minions that a job is sent to before others have the loop."""


class JobRequest(NamedTuple):
    """A job as it was asked for: *fun* a name, or names, with a list of arguments for each in *arg* then."""

    tgt: str | list[str]
    tgt_type: str
    fun: str | list[str]
    arg: list[Any]
    kwarg: dict[str, Any]
    isolate: bool = False
    timeout_s: float | None = None


class Published(NamedTuple):
    """A job on its way: *minions* are all it is for, *missing* those of them that are away."""

    jid: str
    minions: list[str]
    missing: list[str]


class Publisher:
    """Records jobs and sends them."""

    def __init__(self, fleet: Fleet, bus: EventBus, inbox: Inbox, tracker: Tracker) -> None:
        self._fleet = fleet
        self._bus = bus
        self._inbox = inbox
        self._tracker = tracker
        self._jids = JidSource()
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
        new_jid: str = "",
        answer_s: float | None = None,
    ) -> tuple[Published, Follower | None]:
        """Send a job to *minions* and return whom it goes to, and its follower when one is wanted.

        *sees_all*: whether its functions may show what other users' jobs are given. *quiet_s*: seconds of silence
        after which agents are asked whether they still work on it, *answer_s*: how long they have to say so. *new_jid*:
        its id, which no job has yet. A job for nobody gets no jid. Raises ``MessageTooLarge``, ``JournalError``.
        """
        if not minions:
            return Published("", [], []), None
        jid = new_jid or self._next_jid()
        job = {
            "jid": jid,
            "fun": request.fun,
            "arg": request.arg,
            "kwarg": request.kwarg,
            "user": caller.name,
            "sees": sees_all,
            "isolate": request.isolate,
            "timeout": request.timeout_s,
        }
        frame = pack_any("job", 0, job, secrets=True)
        load = {
            "jid": jid,
            "fun": request.fun,
            "arg": masked(request.arg),
            "kwarg": masked(request.kwarg),
            "user": caller.name,
            "tgt": request.tgt,
            "tgt_type": request.tgt_type,
            "minions": list(minions),
        }
        self._inbox.put_job({**load, "owner": caller.principal})
        self._bus.publish(f"salt/job/{jid}/new", load, size=len(frame) + sum(map(len, minions)))
        links = {minion_id: self._fleet.link(minion_id) for minion_id in minions}
        there = {minion_id: link.key for minion_id, link in links.items() if link.jobs is not None}
        missing = [minion_id for minion_id in minions if minion_id not in there]
        most = MAX_QUEUE_BYTES if sees_all else MAX_USER_QUEUE_BYTES
        follower = Follower(jid, self._tracker.unfollow, most) if follow else None
        tracked = TrackedJob(jid, request.fun, caller, there, missing, quiet_s)
        tracked.answer_s = answer_s
        self._tracker.begin(tracked, follower)
        self._send(jid, frame, list(there))
        self._published += 1
        functions = request.fun if isinstance(request.fun, str) else ",".join(request.fun)
        log.info("job %s: %s on %d minions for %s", jid, functions, len(minions), caller)
        return Published(jid, list(minions), missing), follower

    def _next_jid(self) -> str:
        while self._tracker.knows(jid := self._jids.next()):
            pass  # somebody chose it
        return jid

    def _send(self, jid: str, frame: bytes, minions: list[str]) -> None:
        """Send a job to some minions now, and to the others when the loop has done something else."""
        for minion_id in minions[:SENT_A_TURN]:
            if not self._fleet.send(minion_id, frame):
                self._tracker.unreachable(jid, minion_id)
        if len(minions) > SENT_A_TURN:
            asyncio.get_running_loop().call_soon(self._send, jid, frame, minions[SENT_A_TURN:])

    def metrics(self) -> dict[str, float]:
        """Return the counter."""
        return {"published": self._published}
