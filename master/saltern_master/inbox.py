"""What agents deliver: checked, journalled, acknowledged, published."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from saltern.errors import JournalError, WireError
from saltern.wire import Message, body_of, pack
from saltern_master.bus import EventBus
from saltern_master.complaints import Complaints
from saltern_master.connection import Connection
from saltern_master.jobs.tracker import Taken, Tracker
from saltern_master.journal import Journal
from saltern_master.record import (
    ABSENCES,
    FOR_JOBS,
    JOB,
    METRICS,
    POINTS,
    RUN,
    Lost,
    lost_record,
    write_note,
    write_record,
)
from saltern_master.shape import ACCOUNT, EVENT, RETURN, Fitting

log = logging.getLogger(__name__)

GATHER_S = 0.1
"""Scheduled returns that come so soon after a write are in the next one: each write costs the CPU of several returns,
here and in all who read it, and nobody waits for one of them. What comes alone is written at once."""
GATHER_BYTES = 256 * 1024  # no more than that waits
ACK_WITHIN_S = 0.5  # gathered this long: an agent's next return is seconds away, a burst's is in the same message
ACKS_A_TURN = 500  # sent before others have the loop
ACK_AFTER = 16  # messages of one agent, which sends so many more before it waits (the window of its outbox)


class Ack:
    """What an agent is to be told: all up to ``seq`` is kept, but for what was refused."""

    __slots__ = ("messages", "refused", "seq")

    def __init__(self) -> None:
        self.seq = 0
        self.messages = 0
        self.refused: dict[int, str] = {}


class Inbox:
    """Takes what minions deliver: returns, events, and which scheduled runs have no return.

    What schedules return is gathered for a moment, and so are acknowledgements, which only go out after the journal has
    been written. When it can't be, the agents whose returns were in that write are unknown until they say hello again:
    they then send again whatever was not acknowledged, in order, so that nothing later covers what failed.
    """

    def __init__(
        self,
        journal: Journal,
        bus: EventBus,
        tracker: Tracker,
        answer: Callable[[Connection, bytes], bool] = lambda peer, frame: peer.send(frame),
    ) -> None:
        """*answer* sends an acknowledgement; it is for whoever's key is still accepted then (``Fleet.answer``)."""
        self._answer = answer
        self._journal = journal
        self._bus = bus
        self._tracker = tracker
        self._complaints = Complaints("what minions deliver")
        self._acks: dict[Connection, Ack] = {}
        self._due: list[Connection] = []
        self._flush_soon: asyncio.Handle | None = None
        self._waits = False
        """Whether that is for more to come."""
        self._gathers_until = 0.0
        self._ack_soon = False
        self._failed_in_a_row = 0
        self.on_modules: Callable[[str, Mapping[str, Any]], None] = lambda minion_id, told: None
        """Told what a minion says of its modules when it has synced."""
        self.returns = 0
        self.events = 0
        self.refused = 0
        self.journal_failures = 0

    def receive(self, peer: Connection, minion_id: str, message: Message, frame: bytes, key: str = "") -> None:
        """Take a ``ret``, ``event`` or ``account``, which came as *frame*, from a minion.

        *key*: what speaks for the minion, where that isn't the key of the connection. A return that was checked
        already is ``Fitting``.
        """
        why = None
        waits = message.type == "account"
        key = key or peer.key
        try:
            if message.type == "ret":
                waits = self._take_return(key, minion_id, message.body, frame)
            elif message.type == "event":
                self._take_event(key, minion_id, message.body, len(frame))
            else:
                self._keep(ABSENCES, minion_id, ACCOUNT.checked(message.body))
        except WireError as error:
            why = str(error)
        except Exception as error:  # it isn't kept, so no acknowledgement may pass over it without a word
            log.exception("a %s of minion %s could not be taken in", message.type, minion_id)
            why = f"the master failed: {type(error).__name__}"
        if why:
            self._complaints.say(f"minion {minion_id}", message.type, f"its {message.type} was refused: {why}")
        self._noted(peer, message.seq, why, waits=waits)

    def refuse(self, peer: Connection, seq: int, why: str) -> None:
        """Have the acknowledgement of what came with the number *seq* say *why* it is never taken."""
        self._noted(peer, seq, why)

    def _noted(self, peer: Connection, seq: int, why: str | None, *, waits: bool = False) -> None:
        ack = self._acks.get(peer)
        if ack is None:
            ack = self._acks[peer] = Ack()
        ack.seq = max(ack.seq, seq)
        ack.messages += 1
        if ack.messages == ACK_AFTER:
            self._due.append(peer)
            waits = False
        if why:
            self.refused += 1
            ack.refused[seq] = why
        self._schedule_flush(waits=waits)

    def put_points(self, values: dict[str, float], slot: int) -> None:
        """Journal points that the master made: full metric names to values, at *slot* (epoch s)."""
        body = {"slot": slot, "values": values}
        self._journal.append(write_record(POINTS, "", time.time(), body))
        self._schedule_flush()

    def put_job(self, load: Mapping[str, Any]) -> bool:
        """Journal a job that is about to be sent, and write it at once; return whether it could be written."""
        self._journal.append(write_record(JOB, "", time.time(), dict(load)))
        return self._flush()

    def put_return(self, name: str, body: dict[str, Any]) -> None:
        """Journal what the master itself returned to a job, under the *name* that it has there."""
        self._journal.append(write_record(FOR_JOBS, name, time.time(), body))
        self._schedule_flush()

    def put_lost(self, cause: str, lost: Lost) -> bool:
        """Journal that returns which it holds came to nothing; return whether that could be written."""
        self._journal.append(*lost_record(cause, lost))
        return self._flush()

    def _take_return(self, key: str, minion_id: str, body: dict[str, Any], frame: bytes) -> bool:
        """Take a return; return whether its write may wait for others. Raises ``WireError``."""
        ret = body if isinstance(body, Fitting) else RETURN.checked(body)
        self.returns += 1
        jid = ret["jid"]
        scheduled = "schedule" in ret and not self._tracker.gave(jid)
        taken = Taken.NEW if scheduled else self._tracker.take(jid, minion_id, key)
        origin = f"minion:{minion_id}"
        if taken is Taken.UNSOLICITED:
            # Nobody asked this minion: it is told of under its own name, and kept from the job's results.
            data = {**ret, "id": minion_id, "cmd": "_return"}
            self._bus.publish(f"salt/minion/{minion_id}/unsolicited/{jid}", data, origin, len(frame))
            return False
        flags = METRICS if ret.get("metrics") else 0
        if not scheduled or ret.get("return_job"):
            flags |= FOR_JOBS
        as_it_came = None if "data" in ret else body_of(frame)
        if scheduled and not flags:  # nobody wants it but the account
            self._keep(RUN, minion_id, {key: ret[key] for key in ("schedule", "slot", "failed") if key in ret})
        elif scheduled:
            self._keep(flags | RUN, minion_id, ret, as_it_came)
        else:
            self._keep(flags, minion_id, ret, as_it_came)
        if taken is Taken.NEW:
            data = {**ret, "id": minion_id, "cmd": "_return", "ts": int(time.time())}
            user = None if scheduled else self._tracker.user(jid)
            if user is not None:
                data["user"] = user
            event = self._bus.publish(f"salt/job/{jid}/ret/{minion_id}", data, origin, len(frame), as_it_came)
            if not scheduled:
                self._tracker.returned(jid, minion_id, event, success=_succeeded(ret.get("success")))
        return not flags & FOR_JOBS

    def _keep(self, flags: int, minion_id: str, body: dict[str, Any], as_it_came: bytes | None = None) -> None:
        now = time.time()
        note = write_note(flags, minion_id, now, body) if flags & (RUN | ABSENCES) else _BARE_NOTES[flags]
        self._journal.append(write_record(flags, minion_id, now, body, as_it_came), note)

    def _take_event(self, key: str, minion_id: str, body: dict[str, Any], size: int) -> None:
        event = EVENT.checked(body)
        self.events += 1
        # A minion speaks only under its own name, whatever tag it chose; or as one that works on a job which it got.
        tag = event["tag"]
        own = f"salt/minion/{minion_id}/"
        step = _STEP.fullmatch(tag)
        if step is not None and step[2] == minion_id and self._tracker.went_to(step[1], minion_id, key):
            own = ""
        full_tag = tag if tag.startswith(own) else own + tag.lstrip("/")
        if own and full_tag[len(own) :].partition("/")[0] in _MASTERS_WORDS:
            raise WireError(f"{full_tag} is the master's to say: choose another tag")
        said = {"id": minion_id, "cmd": "_minion_event", "pretag": None, "tag": full_tag, "ts": int(time.time())}
        data = {**said, "data": event.get("data")}
        self._bus.publish(full_tag, data, f"minion:{minion_id}", size)
        if full_tag == own + MODULES:
            self._say_problems(minion_id, event.get("data"))

    def _say_problems(self, minion_id: str, data: Any) -> None:
        """Log which of its modules a minion can't take or use; it tells of them when they change."""
        if isinstance(data, dict):
            self.on_modules(minion_id, data)
        problems = data.get("problems") if isinstance(data, dict) else None
        if isinstance(problems, list) and problems:
            more = f"; and {len(problems) - PROBLEMS_SAID} more" if len(problems) > PROBLEMS_SAID else ""
            said = "; ".join(str(problem)[:MAX_PROBLEM_CHARACTERS] for problem in problems[:PROBLEMS_SAID])
            self._complaints.say(f"minion {minion_id}", said, f"its modules: {said}{more}")

    def _schedule_flush(self, *, waits: bool = False) -> None:
        left_s = self._gathers_until - time.monotonic()
        waits = waits and left_s > 0 and self._journal.buffered_bytes < GATHER_BYTES
        if self._flush_soon is None or (self._waits and not waits):
            self._unschedule_flush()
            loop = asyncio.get_running_loop()
            self._waits = waits
            self._flush_soon = loop.call_later(left_s, self._flush) if waits else loop.call_soon(self._flush)

    def _unschedule_flush(self) -> None:
        if self._flush_soon is not None:
            self._flush_soon.cancel()
            self._flush_soon = None

    def _flush(self) -> bool:
        self._unschedule_flush()
        self._gathers_until = time.monotonic() + GATHER_S
        try:
            self._journal.flush()
        except JournalError as error:
            self._not_written(error)
            return False
        if self._failed_in_a_row:
            log.info("the journal is written again, after %d writes that failed", self._failed_in_a_row)
            self._failed_in_a_row = 0
        due, self._due = self._due, []
        for peer in due:
            if peer in self._acks:
                self._acknowledge_one(peer, self._acks.pop(peer))
        if self._acks and not self._ack_soon:
            self._ack_soon = True
            asyncio.get_running_loop().call_later(ACK_WITHIN_S, self._acknowledge)
        return True

    def _not_written(self, error: JournalError) -> None:
        self.journal_failures += 1
        self._failed_in_a_row += 1
        if self._failed_in_a_row == 1:
            log.error("%s: agents keep what could not be written, and send it again", error)
        for peer in self._acks:
            peer.minion_id = None
            peer.send(pack("who", 0, {}))
        self._acks.clear()
        self._due.clear()

    def _acknowledge(self) -> None:
        """Send what was gathered; everything in it has been written, or would have been cleared."""
        self._ack_soon = False
        self.flush_now()
        for peer in list(islice(self._acks, ACKS_A_TURN)):
            self._acknowledge_one(peer, self._acks.pop(peer))
        if self._acks and not self._ack_soon:
            self._ack_soon = True
            asyncio.get_running_loop().call_soon(self._acknowledge)

    def _acknowledge_one(self, peer: Connection, ack: Ack) -> None:
        self._answer(peer, pack("ack", ack.seq, {"refused": ack.refused} if ack.refused else {}))

    def flush_now(self) -> None:
        """Write what is buffered at once."""
        if self._flush_soon is not None:
            self._flush()

    def metrics(self) -> dict[str, float]:
        """Return the counters."""
        return {
            "returns": self.returns,
            "events": self.events,
            "refused": self.refused,
            "journal_failures": self.journal_failures,
        }


def _succeeded(success: Any) -> bool:
    """Return whether a job, or each of several functions, went well."""
    return all(success.values()) if isinstance(success, dict) else success is True


MODULES = "modules"
"""Last word of the tag of an event by which a minion tells which modules it can't take or use."""
PROBLEMS_SAID = 5
MAX_PROBLEM_CHARACTERS = 300

_BARE_NOTES = {flags: write_note(flags, "", 0.0, {}) for flags in (0, FOR_JOBS, METRICS, FOR_JOBS | METRICS)}
"""Of records that are about nobody's account."""
_STEP = re.compile(r"salt/job/([0-9]{20})/prog/([^/]+)/[0-9]{1,9}")
"""Tags by which a minion tells what a function has come to so far: a jid, its id, and a number."""
_MASTERS_WORDS = frozenset({"start", "unsolicited", "duplicate", "clock"})
"""First words of tags below a minion's name that are events of the master's about it."""
