"""What agents deliver: checked, journalled, acknowledged, published."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from saltern.errors import IdError, JournalError
from saltern.ids import check_jid
from saltern.wire import Message, pack
from saltern_master.accounting import Accounting
from saltern_master.bus import EventBus
from saltern_master.entrances.channel.port import Peer
from saltern_master.journal import Journal
from saltern_master.record import FOR_JOBS, METRICS, POINTS, write_record

log = logging.getLogger(__name__)

ACK_WITHIN_S = 0.1  # gathered this long: an agent's next return is seconds away, a burst's is in the same message
MAX_TAG_LENGTH = 512


class Inbox:
    """Takes returns and events from minions.

    Acknowledgements are gathered for a moment, and only go out after the journal has been written.
    """

    def __init__(self, journal: Journal, bus: EventBus, answer: Callable[[Peer, bytes], bool] = Peer.send) -> None:
        """*answer* sends an acknowledgement; it is for whoever's key is still accepted then (``Fleet.answer``)."""
        self._answer = answer
        self._journal = journal
        self._bus = bus
        self._acks: dict[Peer, tuple[int, dict[int, str]]] = {}
        self._flush_soon = False
        self._ack_soon = False
        self.returns = 0
        self.events = 0
        self.refused = 0
        self.journal_failures = 0

    def receive(self, peer: Peer, message: Message, account: Accounting) -> None:
        """Take a ``ret`` or ``event`` from the minion of *peer*; *account* is told of scheduled returns."""
        minion_id = peer.minion_id
        assert minion_id is not None
        why = (
            self._take_return(minion_id, message.body, account)
            if message.type == "ret"
            else self._take_event(minion_id, message.body)
        )
        seq, refused = self._acks.get(peer, (0, {}))
        if why:
            self.refused += 1
            refused[message.seq] = why
            log.warning("minion %s: a %s was refused: %s", minion_id, message.type, why)
        self._acks[peer] = (max(seq, message.seq), refused)
        self._schedule_flush()

    def put_points(self, values: dict[str, float], slot: int) -> None:
        """Journal points that the master made: full metric names to values, at *slot* (epoch s)."""
        body = {"slot": slot, "values": values}
        self._journal.append(write_record(POINTS, "", time.time(), body))
        self._schedule_flush()

    def _take_return(self, minion_id: str, body: dict[str, Any], account: Accounting) -> str | None:
        try:
            jid = check_jid(body.get("jid"))
        except IdError as error:
            return str(error)
        if "return" not in body or "fun" not in body:
            return "a return needs 'fun' and 'return'"
        self.returns += 1
        now = time.time()
        scheduled = "schedule" in body
        flags = METRICS if body.get("metrics") else 0
        if not scheduled or body.get("return_job"):
            flags |= FOR_JOBS
        if flags:
            self._journal.append(write_record(flags, minion_id, now, body))
        if scheduled:
            account.received(minion_id, body, now)
        self._bus.publish(f"salt/job/{jid}/ret/{minion_id}", {**body, "id": minion_id, "cmd": "_return"})
        return None

    def _take_event(self, minion_id: str, body: dict[str, Any]) -> str | None:
        tag, data = body.get("tag"), body.get("data")
        if not (isinstance(tag, str) and 0 < len(tag) <= MAX_TAG_LENGTH and tag.isprintable()):
            return f"a tag is text of 1 to {MAX_TAG_LENGTH} printable characters"
        self.events += 1
        # A minion speaks only under its own name, whatever tag it chose.
        own = f"salt/minion/{minion_id}/"
        full_tag = tag if tag.startswith(own) else own + tag.lstrip("/")
        self._bus.publish(full_tag, {"data": data, "id": minion_id, "tag": full_tag, "cmd": "_minion_event"})
        return None

    def _schedule_flush(self) -> None:
        if not self._flush_soon:
            self._flush_soon = True
            loop = asyncio.get_running_loop()
            loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_soon = False
        try:
            self._journal.flush()
        except JournalError as error:
            self.journal_failures += 1
            log.error("%s: agents will send again what could not be kept", error)
            # They do so when they are asked who they are.
            for peer in self._acks:
                peer.send(pack("who", 0, {}))
            self._acks.clear()
            return
        if self._acks and not self._ack_soon:
            self._ack_soon = True
            asyncio.get_running_loop().call_later(ACK_WITHIN_S, self._acknowledge)

    def _acknowledge(self) -> None:
        """Send what was gathered; everything in it has been written, or would have been cleared."""
        self._ack_soon = False
        self.flush_now()
        acks, self._acks = self._acks, {}
        for peer, (seq, refused) in acks.items():
            self._answer(peer, pack("ack", seq, {"refused": refused} if refused else {}))

    def flush_now(self) -> None:
        """Write what is buffered at once."""
        if self._flush_soon:
            self._flush()

    def metrics(self) -> dict[str, float]:
        """Return the counters."""
        return {
            "returns": self.returns,
            "events": self.events,
            "refused": self.refused,
            "journal_failures": self.journal_failures,
        }
