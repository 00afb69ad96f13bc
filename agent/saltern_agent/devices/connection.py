"""The connection of one device: opened, asked whether it still works, and opened anew when it doesn't.

It is asked now and then, and after a call to it that failed.

::

    new ──open──▶ opening ──init──▶ up ◀─────────────────┐
                     │               │ alive says no     │
                     ▼               ▼                   │
                   down ──back-off, 1 s to 5 min──▶ (opening again)

What speaks with the device runs in its lane; everything else is the loop's thread's.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from saltern.errors import CommandError
from saltern_agent.coroutines import is_awaitable
from saltern_agent.spread import between
from saltern_agent.steps import Steps, begun

if TYPE_CHECKING:
    from saltern_agent.devices.device import Device
    from saltern_agent.loop import Timer
    from saltern_agent.proxied import Proxied

NEW, OPENING, UP, DOWN, CLOSED = "new", "opening", "up", "down", "closed"

DOUBT_S = 5.0  # after it was asked, until a call that fails has it asked again
BACK_OFF_S, MAX_BACK_OFF_S = 1.0, 300.0
MAX_DOUBLINGS = 10
MAX_ERROR_CHARACTERS = 300
LOST = "the connection doesn't work any more"
NOT_OURS = "the lease of its host is over: another one may serve it"
HANGS = "it hangs: a call to it has not ended"


class Connection:
    """That of *device*.

    ``phase`` is one of the above, ``error`` why it is down (one line, no secrets), ``since`` when that began or when it
    came up (epoch s), ``latency_ms`` how long the last call to it took; ``calls`` and ``failures`` count those.
    """

    __slots__ = (
        "_asked",
        "_awaited",
        "_closes",
        "_device",
        "_generation",
        "_lost",
        "_proxied",
        "_timer",
        "_tries",
        "calls",
        "error",
        "failures",
        "latency_ms",
        "phase",
        "since",
    )

    def __init__(self, device: Device) -> None:
        self.phase = NEW
        self.error = ""
        self.since = time.time()
        self.latency_ms: float | None = None
        self.calls = 0
        self.failures = 0
        self._device = device
        self._proxied: Proxied | None = None  # of the proxytype that its pillar says
        self._closes = False  # by that one, before there is another
        self._generation = 0  # what was asked of the device before belongs to a connection that is gone
        self._tries = 0
        self._awaited = False  # whether what it has is bound to a loop of coroutines
        self._lost = False  # whether it was closed because it didn't work any more
        self._asked = -DOUBT_S
        self._timer: Timer | None = None

    @property
    def up(self) -> bool:
        """Whether it works, as far as is known."""
        return self.phase == UP

    @property
    def known(self) -> bool:
        """Whether there has been an attempt that ended."""
        return self.phase in (UP, DOWN)

    def open(self, proxied: Proxied) -> None:
        """Open it by *proxied*, as soon as it is its turn among all devices."""
        self._proxied = proxied
        self._closes = self._lost = False
        self.phase = OPENING
        self._tries = 0
        self._try()

    def broken(self, why: str) -> None:
        """It can't be opened at all: *why*."""
        self._proxied = None
        self._cancel()
        self._is_down(why)

    def without(self) -> None:
        """There is nothing to open: it is up."""
        self._proxied = None
        self._cancel()
        self._is_up()

    def close(self, then: Callable[[], None], *, phase: str = CLOSED) -> None:
        """Close it, and call *then* in the loop's thread when that is done, or the device takes too long for it."""
        self._cancel()
        self.phase = phase
        self._closes = True
        proxied = self._proxied
        call = partial(proxied.begin, "close") if proxied is not None else lambda: None
        self._in_lane(call, lambda _, __: then(), first=True, always=True)

    def anew(self) -> None:
        """Close and open it."""
        proxied = self._proxied
        if proxied is None or self._closes or self.phase in (NEW, CLOSED):
            return
        self._cancel()
        self.phase, self.error = OPENING, ""
        self._tries = 0
        self._try()

    def loop_left(self) -> None:
        """The loop of coroutines that it may be bound to runs no more: open it anew."""
        if self._awaited and self.phase == UP:
            self.anew()

    def doubt(self) -> None:
        """Ask whether it still works, though not again and again: a call to it failed."""
        if self._timer is not None and self.phase == UP and time.monotonic() - self._asked >= DOUBT_S:
            self._timer.cancel()
            self._ask(waits=True)

    def timed(self, began: float, *, failed: bool) -> None:
        """Take note of a call that began at *began* (``perf_counter``); from any thread."""
        self.latency_ms = round((time.perf_counter() - began) * 1000, 3)
        self.calls += 1
        self.failures += failed

    # opening

    def _try(self) -> None:
        """Stand in line to be opened."""
        self._timer = None
        self._device.devices.openings.stand(partial(self._begin, self._generation))

    def _begin(self, generation: int) -> bool:
        """Open it now; return whether there is something to do."""
        if generation != self._generation or self._proxied is None:
            return False
        self._in_lane(partial(begun, self._opening(self._proxied, generation)), partial(self._opened, generation))
        return True

    def _opening(self, proxied: Proxied, generation: int) -> Steps[None]:
        """Close what is open, open it, and close it again when nobody wants it any more by then.

        A connection that was lost has to work before it counts: the ``init`` of many asks the device nothing.
        """
        if generation != self._generation:
            return
        with contextlib.suppress(CommandError):
            yield from _done(proxied.begin("close"))
        began = time.perf_counter()
        opened = proxied.begin("open")
        self._awaited = is_awaitable(opened)
        yield from _done(opened)
        if self._lost and not (yield from _done(proxied.begin("alive"))):
            raise CommandError(LOST)
        self.timed(began, failed=False)
        if generation != self._generation:
            yield from _done(proxied.begin("close"))

    def _opened(self, generation: int, _: Any, error: BaseException | None) -> None:
        if generation != self._generation:
            self._device.devices.openings.done()
            return
        if error is not None:
            self._device.devices.openings.done()
            self.calls += 1
            self.failures += 1
            self._is_down(self._line(error))
            return
        self._tries = 0
        proxied = self._proxied
        assert proxied is not None
        self._in_lane(partial(begun, self._facts(proxied)), partial(self._known, generation), first=True)

    def _facts(self, proxied: Proxied) -> Steps[Any]:
        """Collect its grains; how long that takes is told with them, as opening says little of how fast it is."""
        began = time.perf_counter()
        found = yield from _done(proxied.begin("grains", self._device.options))
        self.timed(began, failed=False)
        return found

    def _known(self, generation: int, found: Any, error: BaseException | None) -> None:
        """It is open, and its grains are there, or can't be had."""
        self._device.devices.openings.done()
        if generation != self._generation:
            return
        if error is not None:
            text = f"{self._device.id}: its grains were not collected: {self._line(error)}"
            self._device.devices.said.log(logging.WARNING, text)
        else:
            self._device.facts.found(found)
        self._is_up()

    def _is_up(self) -> None:
        news = self.phase != UP
        self.phase, self.error, self._lost = UP, "", False
        self._keep_alive_later()
        if news:
            self.since = time.time()
            self._device.came_up()

    def _is_down(self, why: str) -> None:
        """Take note of it, and try again after a while."""
        why = why[:MAX_ERROR_CHARACTERS]
        news = self.phase != DOWN or why != self.error
        if self.phase != DOWN:
            self.since = time.time()
        began = self.phase != DOWN
        self.phase, self.error = DOWN, why
        if self._proxied is not None:
            back_off_s = min(BACK_OFF_S * 2 ** min(self._tries, MAX_DOUBLINGS), MAX_BACK_OFF_S) * between(0.5, 1.0)
            self._tries += 1
            self._timer = self._device.host.loop.later(back_off_s, self._try)
        if news:
            self._device.went_down(why, news=began)

    # keeping it

    def _keep_alive_later(self) -> None:
        every_s = self._device.keep_alive_s
        if self._proxied is not None and every_s:
            self._timer = self._device.host.loop.later(every_s * between(0.9, 1.1), self._ask)

    def _ask(self, *, waits: bool = False) -> None:
        """Ask whether it still works, unless it is being spoken with; *waits*: after that, then."""
        self._timer = None
        proxied = self._proxied
        if proxied is None or self.phase != UP:
            return
        if self._device.lane.busy and not waits:
            self._keep_alive_later()
            return
        self._asked = time.monotonic()
        began = time.perf_counter()
        self._in_lane(partial(proxied.begin, "alive"), partial(self._told, self._generation, began))

    def _told(self, generation: int, began: float, alive: Any, error: BaseException | None) -> None:
        if generation != self._generation or self.phase != UP:
            return
        self.timed(began, failed=error is not None or not alive)
        if error is None and alive:
            self._keep_alive_later()
            return
        self._cancel()
        self._lost = True
        self._is_down(LOST if error is None else self._line(error))

    def hangs(self) -> None:
        """A call to it has not ended, though it was up."""
        if self.phase == UP:
            self._cancel()
            self._is_down(HANGS)

    # small steps

    def _permitted(self, call: Callable[[], Any]) -> Any:
        if not self._device.devices.may_speak(self._device.id):
            raise CommandError(NOT_OURS)
        return call()

    def _in_lane(
        self,
        call: Callable[[], Any],
        done: Callable[[Any, BaseException | None], None],
        *,
        first: bool = False,
        always: bool = False,
    ) -> None:
        """Run *call* in the lane, and *done* in the loop's thread, perhaps at once; *always*: without a lease too."""
        call = call if always else partial(self._permitted, call)
        post = self._device.host.loop.post
        lane = self._device.lane
        if not lane.submit(call, lambda value, error: post(partial(done, value, error)), first=first):
            post(partial(done, None, TimeoutError(HANGS if lane.hung else "too many calls wait for it")))

    def _line(self, error: BaseException) -> str:
        """Return what *error* says in one line, without secrets."""
        text = str(error) or type(error).__name__
        return self._device.loader.strikeout().text(text).strip().split("\n")[0]

    def _cancel(self) -> None:
        """Have nothing come of what is under way."""
        self._generation += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _done(value: Any) -> Steps[Any]:
    """Return *value*, or what it comes to when it is to be awaited."""
    return (yield value) if is_awaitable(value) else value
