"""The channel of ``saltern-call`` to the master: for calls only, no jobs come over it."""

from __future__ import annotations

import queue
import threading
from typing import Any

from saltern.__about__ import __version__
from saltern.config import MinionOptions
from saltern.errors import ChannelError, NotAuthorised, RequestTimeout
from saltern.wire import Message
from saltern_agent import identity
from saltern_agent.calls import Calls
from saltern_agent.channel import PENDING, REFUSED, UP, Address, Channel
from saltern_agent.link import Timing
from saltern_agent.loop import Loop
from saltern_agent.outbox import refusals

CONNECT_TIMEOUT_S = 5.0
LOOK_INTERVAL_S = 0.02


class Connection:
    """A channel to the master that *options* name, its loop in a thread of its own.

    *timeout_s*: how long the master may take to take us in, and to take what is sent.
    """

    def __init__(self, options: MinionOptions, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self.pillar: dict[str, Any] = {}
        self._has_pillar = False
        self._options = options
        self._keys = identity.keys(options)
        self._address = Address(
            options["master"],
            options["publish_port"],
            options["ret_port"],
            identity.pinned_master_key(options),
        )
        self._settled = threading.Event()
        self._acknowledged: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, name="channel", daemon=True)
        self.loop: Loop
        self.channel: Channel
        self.calls: Calls

    def open(self) -> None:
        """Connect. Raises ``RequestTimeout``, ``NotAuthorised``, both saying what the master said."""
        self._thread.start()
        self._ready.wait()
        if not self._settled.wait(self._timeout_s):
            raise RequestTimeout(f"no connection within {self._timeout_s:g} s: {self.channel.reason}; or use --local")
        if self.channel.state != UP:
            raise NotAuthorised(f"{self.channel.reason}; or use --local")
        if not self._has_pillar:  # the master still compiles it
            pillar = self.calls.request("pillar", {})
            self.pillar = pillar if isinstance(pillar, dict) else {}

    def fire(self, frame: bytes) -> None:
        """Send an event's message, and return when the master has it. Raises ``ChannelError``, ``RequestTimeout``."""
        self.loop.post(lambda: None if self._send(frame) else self._acknowledged.put("the master is away"))
        try:
            refused = self._acknowledged.get(timeout=self._timeout_s)
        except queue.Empty:
            raise RequestTimeout(f"the master did not take it within {self._timeout_s:g} s") from None
        if refused:
            raise ChannelError(refused)

    def close(self) -> None:
        """Disconnect."""
        if self._thread.is_alive():
            self.loop.post(self.loop.stop)
            self._thread.join()

    def _work(self) -> None:
        self.loop = Loop()
        self.calls = Calls(self.loop.post, self._send)
        self.channel = Channel(
            self.loop,
            self._address,
            self._keys,
            Timing.of(self._options),
            self,
            pending_retry_s=CONNECT_TIMEOUT_S,
            attach=False,
        )
        self._ready.set()
        self.channel.open()
        self._look()
        self.loop.run()
        self.loop.close()
        self.channel.close()

    def _look(self) -> None:
        """See whether the master has answered; only a welcome is told by a call."""
        if self.channel.state in (UP, PENDING, REFUSED):
            self._settled.set()
        else:
            self.loop.later(LOOK_INTERVAL_S, self._look)

    def _send(self, frame: bytes) -> bool:
        return self.channel.send(frame)

    # what the channel asks and tells

    def attachment(self) -> dict[str, Any]:
        """Return nothing: no jobs are asked for."""
        return {}

    def hello(self) -> dict[str, Any]:
        """Return the body of a ``hello``."""
        facts = {"id": self._options["id"], "version": __version__}
        return {**facts, "call": True}

    def welcomed(self, body: dict[str, Any]) -> None:
        """The master took us in."""
        pillar = body.get("pillar")
        self._has_pillar = isinstance(pillar, dict)
        self.pillar = pillar if isinstance(pillar, dict) else {}
        self.calls.opened()

    def attached(self, *, anew: bool) -> None:
        """No jobs are asked for."""

    def lost(self) -> None:
        """The channel is away."""
        self.calls.closed()

    def received(self, message: Message) -> None:
        """Take in an answer; nothing else is for us."""
        if message.type == "reply":
            self.calls.reply(message.seq, message.body)
        elif message.type == "ack":
            self._acknowledged.put(refusals(message.body).get(message.seq, ""))
