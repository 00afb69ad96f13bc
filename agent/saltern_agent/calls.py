"""Calls to the master, made by worker threads and answered over the channel."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from saltern.errors import Busy, CallFailed, ChannelError, NotAuthorised, RequestTimeout
from saltern.wire import pack
from saltern_agent.envelope import enveloped

CALL_TIMEOUT_S = 30.0
MAX_CALLS = 1000
_KINDS: dict[str, type[ChannelError]] = {kind.code: kind for kind in (NotAuthorised, Busy)}


class Waiting:
    """A call that has no answer yet."""

    __slots__ = ("done", "error", "kind", "result")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.result: Any = None
        self.error: str | None = None
        self.kind: type[ChannelError] = ChannelError

    def end(self, result: Any, error: str | None, kind: type[ChannelError] = ChannelError) -> None:
        """Hand over the answer; *kind* is what an error is raised as."""
        self.result = result
        self.error = error
        self.kind = kind
        self.done.set()


class Asked(Waiting):
    """A call whose answer is told to *answered*."""

    __slots__ = ("_answered",)

    def __init__(self, answered: Callable[[Any, str | None], None]) -> None:
        super().__init__()
        self._answered = answered

    def end(self, result: Any, error: str | None, kind: type[ChannelError] = ChannelError) -> None:
        """Hand over the answer."""
        self._answered(result, error)


class Calls:
    """Binds replies to their calls. *post* runs something in the loop's thread, *send* sends a frame from there."""

    def __init__(self, post: Callable[[Callable[[], None]], None], send: Callable[[bytes], bool]) -> None:
        self._post = post
        self._send = send
        self._waiting: dict[int, Waiting] = {}
        self._number = 0
        self._up = False

    def request(self, cmd: str, args: dict[str, Any], timeout_s: float = CALL_TIMEOUT_S, minion: str = "") -> Any:
        """Call the master and return the result; to be used from any thread but the loop's.

        *minion* is the device that calls, by default the host itself.

        Raises ``CallFailed`` with the master's reason, ``NotAuthorised`` when it says that we may not, ``Busy`` when
        others of our calls wait; ``ChannelError`` at once when it is away; ``RequestTimeout``.
        """
        waiting = Waiting()
        self._post(lambda: self._start(cmd, args, waiting, minion))
        if not waiting.done.wait(timeout_s):
            raise RequestTimeout(f"{cmd}: the master did not answer within {timeout_s:g} s")
        if waiting.error is not None:
            raise waiting.kind(f"{cmd}: {waiting.error}")
        return waiting.result

    def ask(
        self, cmd: str, args: dict[str, Any], answered: Callable[[Any, str | None], None], minion: str = ""
    ) -> None:
        """Call the master, in the loop's thread; *answered* is told there the result, or why there is none.

        Nothing is told when the channel goes first, or the master never answers.
        """
        self._start(cmd, args, Asked(answered), minion)

    def opened(self) -> None:
        """Calls can be sent from now on."""
        self._up = True

    def closed(self) -> None:
        """The channel is away: no call that waits will be answered."""
        self._up = False
        waiting, self._waiting = self._waiting, {}
        for call in waiting.values():
            call.end(None, "the master went away before it answered")

    def reply(self, number: int, body: dict[str, Any]) -> None:
        """Take in the master's answer to call *number*; one that nobody waits for is ignored."""
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            error = body.get("error")
            kind = _KINDS.get(str(body.get("code")), CallFailed)
            waiting.end(body.get("result"), None if error is None else str(error), kind)

    def _start(self, cmd: str, args: dict[str, Any], waiting: Waiting, minion: str) -> None:
        if not self._up:
            return waiting.end(None, "the master is away")
        self._number += 1
        try:
            frame = pack("call", 0 if minion else self._number, {"cmd": cmd, "args": args})
            sent = self._send(enveloped(minion, frame, self._number))
        except Exception as error:  # whatever a module gave as arguments: its caller is told
            return waiting.end(None, str(error))
        if not sent:
            return waiting.end(None, "the master takes no more messages")
        while len(self._waiting) >= MAX_CALLS:  # those that ran into their time limit
            self._waiting.pop(next(iter(self._waiting)))
        self._waiting[self._number] = waiting
        return None
