"""What waits for one hook, and the way to its receiver: in order, one request at a time, in nobody's way.

::

    bus ──▶ queue, bounded in bytes ──▶ the form, in a thread ──▶ request ──┬──▶ taken
                                                                 ▲         ├──▶ refused: given up
                                                                 └─ pause ─┴─── no answer, 408, 429, 5xx
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import time
from collections import deque
from functools import partial
from typing import NamedTuple

from saltern.complaints import Complaints, Trouble
from saltern.errors import SalternError
from saltern_master.bus import Event, EventBus
from saltern_master.sql.worker import Worker
from saltern_master.webhooks.hook import Hook
from saltern_master.webhooks.post import post

log = logging.getLogger(__name__)

MAX_QUEUE_BYTES = 4 * 1024 * 1024
"""Of one hook's; beyond it, or ``event_queue_length``, the oldest events are dropped, and counted."""
RETRY_MIN_S, RETRY_MAX_S = 0.5, 60.0
FORM_WITHIN_S = 30.0


class Waiting(NamedTuple):
    """An event, and when it came, by a clock that is never set."""

    event: Event
    since: float


class Sender:
    """Sends to one hook, which may become another meanwhile."""

    def __init__(self, hook: Hook, bus: EventBus) -> None:
        self.hook = hook
        self._queue = bus.follow("", self._waiting, MAX_QUEUE_BYTES)
        self._worker = Worker(f"webhook {hook.name}")
        self._another = asyncio.Event()
        self._trouble = Trouble(log)
        self._complaints = Complaints(log)
        self._hand: deque[Waiting] = deque()  # out of the queue, in its order
        self._came = 0
        self._done = 0
        self.sent = 0
        self.failed = 0
        self.retried = 0

    @property
    def dropped(self) -> int:
        """Events that there was no room for."""
        return self._queue.dropped

    def take(self, hook: Hook) -> None:
        """Send to *hook* from now on, what waits too, and at once."""
        self.hook = hook
        self._another.set()

    def metrics(self) -> dict[str, float]:
        """Return the counters."""
        return {
            "sent": self.sent,
            "failed": self.failed,
            "dropped": self.dropped,
            "retried": self.retried,
            "waiting": self.waiting,
            "up": float(not self._trouble.why),
        }

    @property
    def waiting(self) -> int:
        """How many are not delivered yet."""
        return self._came - self._done - self.dropped

    async def run(self) -> None:
        """Work until cancelled."""
        dropped = self.dropped
        while True:
            if not self._hand:
                self._hand.extend(await self._queue.batch())
            if self.dropped > dropped:
                dropped = self.dropped
                self._complaints.say("dropped", "webhook %s: events were dropped: %d so far", self.hook, dropped)
            while self._hand:
                try:
                    await self._deliver(self._hand[0])
                except Exception:
                    self.failed += 1
                    log.exception("webhook %s: an event failed within Saltern", self.hook)
                self._hand.popleft()
                self._done += 1

    def close(self) -> None:
        """Leave the bus."""
        self._queue.close()
        if self.waiting:
            log.warning("webhook %s: stopped with %d events undelivered", self.hook, self.waiting)

    def _waiting(self, event: Event) -> Waiting | None:
        if not self.hook.choice.wants(event):
            return None
        self._came += 1
        return Waiting(event, time.monotonic())

    async def _deliver(self, one: Waiting) -> None:
        delivery = os.urandom(16).hex()
        made: tuple[Hook, bytes] | None = None
        pause_s, answers = RETRY_MIN_S, 0
        while True:
            hook = self.hook
            self._another.clear()
            if made is None or made[0] is not hook:
                body = await self._body(hook, one.event)
                if body is None:
                    return
                made = hook, body
            outcome = await post(hook, made[1], delivery)
            if not outcome.why:
                self.sent += 1
                self._trouble.over(f"webhook {hook}: takes events again")
                return
            if not outcome.again:
                self._give_up(hook, outcome.why)
                return
            self._trouble.met(f"webhook {hook}: {outcome.why}: events wait until it takes them")
            answers += outcome.answered
            wait_s = max(pause_s * random.uniform(0.5, 1.5), outcome.after_s)  # noqa: S311  # jitter, no secret
            if answers > hook.retries or time.monotonic() + wait_s - one.since > hook.retry_for_s:
                self._give_up(hook, outcome.why)
                return
            self.retried += 1
            pause_s = min(pause_s * 2, RETRY_MAX_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._another.wait()

    async def _body(self, hook: Hook, event: Event) -> bytes | None:
        try:
            async with asyncio.timeout(FORM_WITHIN_S):
                return await self._worker.run(partial(hook.form.body, event))
        except TimeoutError:
            why = f"its form took over {FORM_WITHIN_S:g} s"
        except SalternError as error:
            why = str(error)
        self.failed += 1
        self._complaints.say("form", "webhook %s: %.100r can't be put into its form: %s", hook, event.tag, why)
        return None

    def _give_up(self, hook: Hook, why: str) -> None:
        self.failed += 1
        self._complaints.say("given up", "webhook %s: %s: the event is given up", hook, why)
