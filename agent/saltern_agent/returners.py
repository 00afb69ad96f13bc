"""Hands returns to returners, beside the master: in a thread of its own, so that none delays anything.

::

    a job is over → packed → outbox, spooled → master
                       └→ here: a queue, bounded by number and bytes → one thread → returner(ret)

A return is offered here when the outbox has it: whatever a returner does, the master hears of the job. What it raises
is logged. One that hangs is left behind with its thread, and another thread goes on with the queue; after
``MAX_HUNG`` of them all that comes is dropped, until one ends. What is dropped is counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from saltern.complaints import Complaints
from saltern.errors import FunctionNotFound
from saltern.named import NamedTuple
from saltern.secret import revealed
from saltern.wire import unpack
from saltern_agent.jobs import Killed
from saltern_agent.return_to import ReturnTo

log = logging.getLogger(__name__)

MAX_WAITING = 1000
MAX_WAITING_BYTES = 8 * 1024 * 1024
HUNG_S = 60.0
"""How long one return may take before the others stop waiting for it."""
MAX_HUNG = 3
IDLE_S = 60.0
"""After which a thread without work ends."""


class Waiting(NamedTuple):
    """A return that waits: its message, as it went to the master, and where it is to go."""

    frame: bytes
    to: ReturnTo


class Returners:
    """Offers returns to the returners that *find* knows, as of the minion *minion_id*.

    ``dropped`` counts returns for which there was no place, ``failed`` runs of a returner that raised or isn't there.
    Safe for several threads.
    """

    def __init__(
        self,
        minion_id: str,
        find: Callable[[str], Callable[..., Any]],
        *,
        clock: Callable[[], float] = time.monotonic,
        max_waiting: int = MAX_WAITING,
        max_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        self.dropped = 0
        self.failed = 0
        self._minion_id = minion_id
        self._find = find
        self._clock = clock
        self._max_waiting = max_waiting
        self._max_bytes = max_bytes
        self._queue: deque[Waiting] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._worker: Worker | None = None
        self._hung: list[Worker] = []
        self._complaints = Complaints(log)

    @property
    def waiting(self) -> int:
        """Returns that wait for their returners."""
        return len(self._queue)

    def offer(self, frame: bytes, to: ReturnTo) -> None:
        """Take a return's message *frame* for the returners that *to* names; never waits."""
        if not to.names:
            return
        with self._changed:
            if len(self._queue) >= self._max_waiting or self._bytes + len(frame) > self._max_bytes:
                self._drop("the queue of returners is full")
                return
            if not self._attended():
                self._drop("no thread is left: returners hang")
                return
            self._queue.append(Waiting(frame, to))
            self._bytes += len(frame)
            self._changed.notify()

    def _drop(self, why: str) -> None:
        self.dropped += 1
        self._complaints.say("dropped", f"a return was not handed to its returners: {why}", level=logging.WARNING)

    def _attended(self) -> bool:
        """See to it that a thread works, one that doesn't hang; return whether there is one."""
        self._hung = [worker for worker in self._hung if worker.is_alive()]
        worker = self._worker
        if worker is not None and worker.is_alive():
            if worker.began is None or self._clock() - worker.began < HUNG_S:
                return True
            if len(self._hung) >= MAX_HUNG:
                return False
            log.warning("a returner hangs for over %g s and is left behind: %s", HUNG_S, worker.about)
            self._hung.append(worker)
        self._worker = Worker(self)
        try:
            self._worker.start()
        except RuntimeError:  # no thread can be made now
            self._worker = None
        return self._worker is not None

    def next(self, worker: Worker) -> Waiting | None:
        """Return what *worker* has to do now; ``None`` when it is to end: idle, or another one took its place."""
        with self._changed:
            worker.began = None
            while True:
                if self._worker is not worker:
                    return None
                if self._queue:
                    waiting = self._queue.popleft()
                    self._bytes -= len(waiting.frame)
                    worker.began = self._clock()
                    return waiting
                if not self._changed.wait(IDLE_S) and not self._queue:
                    self._worker = None
                    return None

    def run(self, waiting: Waiting, worker: Worker) -> None:
        """Hand one return to its returners."""
        self.hand_all(waiting.frame, waiting.to, worker)

    def hand_all(self, frame: bytes, to: ReturnTo, worker: Worker | None = None) -> None:
        """Hand a return's message to the returners that *to* names, one after the other, in the calling thread."""
        body = unpack(frame).body
        for name in to.names:
            if worker is not None:
                worker.about = f"{name}, for job {body.get('jid')}"
            self.hand(name, ret_of(body, self._minion_id, to, name))

    def hand(self, name: str, ret: dict[str, Any]) -> None:
        """Hand *ret* to the returner *name*; what it raises is logged and counted."""
        try:
            self._find(name)(ret)
        except FunctionNotFound as error:
            self._failed(name, str(error))
        except Killed:
            raise
        except BaseException as error:  # a returner may call sys.exit, or worse
            log.debug("the returner %s failed", name, exc_info=True)
            text = str(error).split("\n")[0]
            self._failed(name, f"{type(error).__name__}: {text}" if text else type(error).__name__)

    def _failed(self, name: str, why: str) -> None:
        self.failed += 1
        self._complaints.say(f"{name} {why}", f"the returner {name} did not store a return: {why}")


class Worker(threading.Thread):
    """A thread that hands over returns. ``began``: when it took the one that it works on, ``about`` what that is."""

    def __init__(self, returners: Returners) -> None:
        super().__init__(name="returner", daemon=True)
        self.began: float | None = None
        self.about = ""
        self._returners = returners

    def run(self) -> None:
        """Work until there is nothing to do for a while."""
        while (waiting := self._returners.next(self)) is not None:
            self._returners.run(waiting, self)


def ret_of(body: dict[str, Any], minion_id: str, to: ReturnTo, name: str) -> dict[str, Any]:
    """Return what the returner *name* is given of a return's *body*: a copy of its own, with the minion's id."""
    ret = {**body, "id": minion_id, "ret": ",".join(to.names)}
    config, kwargs = to.options_of(name)
    if config:
        ret["ret_config"] = config
    if kwargs:
        ret["ret_kwargs"] = revealed(dict(kwargs))
    return ret
