"""Threads, and on demand one loop of coroutines, in which calls to devices run, of each device one at a time.

Devices take turns: one that many calls wait for delays another by one of them. A call that lasts is no reason for
others to wait: after half a second (``slow_calls``) it holds no place among the threads for calls that begin, and
another thread may start. So one device in twenty can hang at once, and the others' calls still begin within seconds
(``bench/``).
A call that turns out to be a coroutine leaves its thread, and holds none.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from typing import Any

from saltern.complaints import Complaint
from saltern.errors import CommandError
from saltern_agent.coroutines import Coroutines, is_awaitable
from saltern_agent.devices.alarms import Alarms
from saltern_agent.devices.lane import MAX_GIVEN_UP, MAX_PROBE_S, MAX_WAITING, PROBE_S, Lane
from saltern_agent.devices.slow_calls import SlowCalls
from saltern_agent.devices.turn import Turn
from saltern_agent.job_queue import Quota
from saltern_agent.jobs import Killed
from saltern_agent.threads import Threads

log = logging.getLogger(__name__)

GRACE_S = 1.0  # for a call that was interrupted to end
STALLED_S = 60.0  # no call could begin for this long: those whose turn it is are told so
BESIDE_THREADS, BESIDE_SLOW_THREADS, MAX_BESIDE = 4, 64, 10_000
"""For what needs no device: to say which jobs are running, to end one; and how much of it may wait."""
MAX_WAITING_JOBS, MAX_WAITING_BYTES = 20_000, 64 * 1024 * 1024
HANGS = "it hangs: a call to it has not ended though it was interrupted"
NO_THREAD = "the system has no thread for it"


class Lanes:
    """Up to *threads* calls that have just begun, and up to *slow_threads* threads in all.

    Beyond that, threads that were given up may be replaced, by as many at most. *over* is called in a thread after each
    call. *coroutines* runs what is to be awaited: what the devices' modules use as well.
    """

    def __init__(
        self,
        threads: int,
        slow_threads: int,
        *,
        over: Callable[[], None] = lambda: None,
        coroutines: Coroutines | None = None,
        alarms: Alarms | None = None,
    ) -> None:
        self.coroutines = Coroutines() if coroutines is None else coroutines
        self.quota = Quota(MAX_WAITING_JOBS, MAX_WAITING_BYTES)
        """What jobs of all devices together may wait in their queues; for the agent's loop."""
        self.refused = 0
        self._limit = threads
        self._slow_limit = max(threads, slow_threads)
        self._call_over = over
        self._alarms = Alarms() if alarms is None else alarms
        self._lock = threading.Lock()
        self._ready: deque[Lane] = deque()
        self._threads = Threads("device", self._lock, self._take_turns)
        self._fast = self._running = self._waiting = self._given_up = self._hung = 0
        self._moved_at = 0.0
        self._stall_alarm = False
        self._slow_calls = SlowCalls(self._lock, self._alarms, self._lasts)
        self._closed = False
        self._open: set[Turn] = set()
        self._beside: Lanes | None = None
        self._complaint = Complaint(log)

    def lane(self, name: str, limit_s: float | None = None) -> Lane:
        """Return a lane for the device *name*; *limit_s*: how long its calls may last by default (``None``: ever)."""
        return Lane(self, name, limit_s)

    def stats(self) -> dict[str, int]:
        """Return ``running``, ``waiting``, ``slow`` calls, ``hung`` devices, ``refused`` calls; ``threads``."""
        with self._lock:
            return {
                "running": self._running,
                "waiting": self._waiting,
                "slow": self._running - self._fast,
                "hung": self._hung,
                "refused": self.refused,
                "threads": self._threads.number,
                "given_up": self._given_up,
            }

    def close(self) -> None:
        """Take no more calls, and close every lane that has one."""
        with self._lock:
            self._closed = True
            lanes = {turn.lane for turn in self._open}
        for lane in lanes:
            self.close_lane(lane)
        if self._beside is not None:
            self._beside.close()
        self._alarms.close()
        self.coroutines.close()

    # what lanes ask

    def submit(self, turn: Turn, *, first: bool = False) -> bool:
        """Let *turn* wait in its lane; return whether it is taken."""
        lane = turn.lane
        with self._lock:
            if not self._takes(lane):
                self.refused += 1
                return False
            if lane.waiting is None:
                lane.waiting = deque()
            if first:
                lane.waiting.appendleft(turn)
            else:
                lane.waiting.append(turn)
            self._waiting += 1
            self._open.add(turn)
            self._stand_in_line(lane)
            failed = self._dispatch()
        self._tell(failed, NO_THREAD)
        return True

    def beside(self, call: Callable[[], Any]) -> bool:
        """Run *call*, which needs no device, whatever hangs; return whether there was room for it."""
        with self._lock:
            if self._closed:
                return False
            if self._beside is None:
                self._beside = Lanes(BESIDE_THREADS, BESIDE_SLOW_THREADS, coroutines=self.coroutines)
        return self._beside.waiting < MAX_BESIDE and self._beside.lane("the host").submit(call, _not_told)

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return self._waiting

    def takes(self, lane: Lane) -> bool:
        """Return whether *lane* would take a call now."""
        with self._lock:
            return self._takes(lane)

    def close_lane(self, lane: Lane) -> None:
        """Take no more calls of *lane*; see ``Lane.close``."""
        with self._lock:
            lane.closed = True
            if lane.hung:
                self._recover(lane)
            waiting = self._take_waiting(lane)
            turn = lane.turn
            told = [*waiting, *([turn] if turn is not None and not turn.answered else [])]
            for one in told:
                one.answered = True
            freed = lane.freed
        for one in told:
            self._answer(one, None, CommandError(f"{lane.name} is no longer served here"))
        if freed is not None:
            freed()
        if turn is not None:
            with self._lock:
                if not turn.ended:
                    turn.interrupt()
            self._alarms.at(self._alarms.now() + GRACE_S, lambda: self._hangs(turn))

    def give_up(self, lane: Lane, why: str) -> None:
        """End the call of *lane* that is running; see ``Lane.give_up``."""
        turn = lane.turn
        if turn is not None:
            self._end_call(turn, why)

    def _takes(self, lane: Lane) -> bool:
        if self._closed or lane.closed:
            return False
        if not lane.hung:
            return lane.waiting is None or len(lane.waiting) < MAX_WAITING
        bounded = lane.given_up < MAX_GIVEN_UP and self._given_up < self._slow_limit
        return bounded and not lane.busy and self._alarms.now() >= lane.probe_at

    def _stand_in_line(self, lane: Lane) -> None:
        if lane.waiting and lane.turn is None and not lane.ready:
            lane.ready = True
            self._ready.append(lane)

    # under the lock

    def _dispatch(self) -> list[Turn]:
        """Begin what can begin; return what will never: there is no thread at all."""
        while self._ready and self._fast < self._limit:
            if not self._threads.reserve(self._slow_limit + min(self._given_up, self._slow_limit)):
                if not self._threads.number:
                    return self._take_ready()
                break
            self._threads.put(self._next())
        if self._ready and not self._stall_alarm:
            self._stall_alarm = True
            self._alarms.at(max(self._moved_at, self._alarms.now()) + STALLED_S, self._look_for_stall)
        return []

    def _next(self) -> Turn:
        """Return whose turn it is, which begins now."""
        lane = self._ready.popleft()
        lane.ready = False
        assert lane.waiting
        turn = lane.turn = lane.waiting.popleft()
        turn.fast = turn.on_thread = True
        turn.began = self._moved_at = self._alarms.now()
        self._waiting -= 1
        self._running += 1
        self._fast += 1
        return turn

    def _leave_thread(self, turn: Turn) -> list[Turn]:
        """Let the thread that took *turn* take the next one: no other is woken up for that. As ``_dispatch``."""
        if self._ready and self._fast < self._limit:
            turn.following = self._next()
        else:
            self._threads.idle += 1
        return self._dispatch()

    def _take_ready(self) -> list[Turn]:
        """Take out all calls of all lanes that stand in line, to be told why."""
        taken = [turn for lane in list(self._ready) for turn in self._take_waiting(lane)]
        for turn in taken:
            turn.answered = True
        return taken

    def _take_waiting(self, lane: Lane) -> list[Turn]:
        taken = list(lane.waiting or ())
        lane.waiting = None
        self._waiting -= len(taken)
        if lane.ready:
            lane.ready = False
            self._ready.remove(lane)
        self._open.difference_update(taken)
        return taken

    def _no_longer_fast(self, turn: Turn) -> None:
        if turn.fast:
            turn.fast = False
            self._fast -= 1

    # in a thread of ours

    def _take_turns(self, turn: Turn | None) -> bool:
        """Take a turn, and what follows it; the thread may be used again."""
        while turn is not None:
            try:
                self._take_turn(turn)
            except BaseException as error:  # a kill that came a moment too late, or a fault of ours
                self._complaint.say(f"after a call to a device: {type(error).__name__}: {error}")
                log.debug("that call", exc_info=True)
            turn.following, turn = None, turn.following
        return True

    def _take_turn(self, turn: Turn) -> None:
        """Run a turn's call, or as much of it as needs a thread."""
        context = copy_context()
        try:
            found = turn.run(self._lock, context, self._slow_calls.begun)
        except Killed as late:
            found = None, late
        if found[1] is None and is_awaitable(found[0]):
            self._go_on(turn, found[0], context)
        else:
            self._over(turn, *found, idle=True)
        del found, context, turn
        self._call_over()

    def _go_on(self, turn: Turn, awaitable: Any, context: Context) -> None:
        """Await in the loop what a call returned; its thread is free."""
        with suppress(CommandError):  # told below
            self.coroutines.begin(context)  # which may take a while, not under the lock
        failed: list[Turn] = []
        why: BaseException | None = None
        with self._lock:
            if turn.answered:
                why = TimeoutError()
            else:
                try:
                    turn.cancel = self.coroutines.start(awaitable, partial(self._over, turn), context)
                    turn.on_thread = False
                    self._no_longer_fast(turn)
                    failed = self._leave_thread(turn)
                except CommandError as error:
                    why = error
        self._tell(failed, NO_THREAD)
        if why is not None:
            if hasattr(awaitable, "close"):
                awaitable.close()
            self._over(turn, None, why, idle=True)

    def _over(self, turn: Turn, value: Any, error: BaseException | None, *, idle: bool = False) -> None:
        """Tell what a call came to, and let the lane's next one begin; *idle*: so that this thread may take it."""
        with self._lock:
            answered, turn.answered = turn.answered, True
        if not answered:
            self._answer(turn, value, error)
        del value, error
        lane = turn.lane
        with self._lock:
            turn.ended, turn.cancel = True, None
            self._no_longer_fast(turn)
            self._running -= 1
            self._open.discard(turn)
            if turn.given_up:
                turn.given_up = False
                lane.given_up -= 1
                self._given_up -= turn.on_thread
                free = lane.hung and lane.given_up == 0 and lane.turn is None
            else:
                lane.turn = None
                free = lane.hung and not answered
            if free:
                self._recover(lane)
            self._stand_in_line(lane)
            failed = self._leave_thread(turn) if idle else self._dispatch()
            freed = lane.freed
        self._tell(failed, NO_THREAD)
        if freed is not None:
            freed()

    def _recover(self, lane: Lane) -> None:
        lane.hung = False
        lane.probe_s = PROBE_S
        self._hung -= 1

    # alarms

    def _lasts(self, turn: Turn) -> None:
        """Take a call for a slow one, and see to its limit."""
        with self._lock:
            if turn.ended or turn.answered:
                return
            self._no_longer_fast(turn)
            failed = self._dispatch()
        self._tell(failed, NO_THREAD)
        if turn.limit_s is None:
            return
        over_at = turn.began + turn.limit_s
        if self._alarms.now() >= over_at:
            self._overdue(turn)
        else:
            self._alarms.at(over_at, lambda: self._overdue(turn))

    def _overdue(self, turn: Turn) -> None:
        """End a call that lasts over its limit."""
        self._end_call(turn, f"{turn.lane.name} did not answer within its limit of {turn.limit_s:g} s")

    def _end_call(self, turn: Turn, why: str) -> None:
        with self._lock:
            if turn.ended or turn.answered:
                return
            turn.answered = True
        self._answer(turn, None, TimeoutError(why))
        with self._lock:  # only now: whoever asked has given it up before it ends by this
            if not turn.ended:
                turn.interrupt()
        self._alarms.at(self._alarms.now() + GRACE_S / 2, lambda: self._insist(turn))
        self._alarms.at(self._alarms.now() + GRACE_S, lambda: self._hangs(turn))

    def _insist(self, turn: Turn, again_s: float = 0.0) -> None:
        """Interrupt a call that has its answer again, for what was raised may have come where it is swallowed.

        As in the callback of a weak reference, or by a device's own ``except``. *again_s*: and again, ever more rarely.
        """
        with self._lock:
            if turn.ended:
                return
            if turn.on_thread or again_s:  # a coroutine that was cancelled may be waiting for its own end
                turn.interrupt()
        if again_s:
            next_s = min(2 * again_s, MAX_PROBE_S)
            self._alarms.at(self._alarms.now() + again_s, lambda: self._insist(turn, next_s))

    def _hangs(self, turn: Turn) -> None:
        """Wait no longer for a call that has its answer, but does not end."""
        lane = turn.lane
        with self._lock:
            if turn.ended or turn.given_up:
                return
            turn.given_up = True
            self._no_longer_fast(turn)
            lane.turn = None
            lane.given_up += 1
            self._given_up += turn.on_thread
            lane.probe_at = self._alarms.now() + lane.probe_s
            lane.probe_s = min(2 * lane.probe_s, MAX_PROBE_S)
            if not lane.hung and not lane.closed:
                lane.hung = True
                self._hung += 1
            waiting = self._take_waiting(lane)
            for one in waiting:
                one.answered = True
            freed = lane.freed
            failed = self._dispatch()
        if not lane.closed:
            log.warning("%s hangs: a call to it has not ended though it was interrupted", lane.name)
        self._insist(turn, GRACE_S)
        self._tell(waiting, HANGS)
        self._tell(failed, NO_THREAD)
        if freed is not None:
            freed()

    def _look_for_stall(self) -> None:
        """Tell those that stand in line when no call could begin for a long time."""
        with self._lock:
            self._stall_alarm = False
            left_s = self._moved_at + STALLED_S - self._alarms.now()
            stalled: list[Turn] = []
            if self._ready and left_s > 0:
                self._stall_alarm = True
                self._alarms.at(self._alarms.now() + left_s, self._look_for_stall)
            elif self._ready:
                stalled = self._take_ready()
        self._tell(stalled, f"no thread has become free for {STALLED_S:g} s: {self._given_up} calls to devices hang")

    # without the lock

    def _tell(self, turns: list[Turn], why: str) -> None:
        for turn in turns:
            self._answer(turn, None, CommandError(f"{turn.lane.name} was not asked: {why}"))

    def _answer(self, turn: Turn, value: Any, error: BaseException | None) -> None:
        done, turn.done = turn.done, None
        assert done is not None
        try:
            done(value, error)
        except Exception as failure:  # a fault of ours must not keep the lane
            self._complaint.say(f"what a call came to was not taken: {type(failure).__name__}: {failure}")
            log.debug("that call", exc_info=True)


def _not_told(value: Any, error: BaseException | None) -> None:
    """Tell nobody: what is run beside the lanes answers for itself."""
