"""Calls of runner and wheel functions, as the bus tells of them and the job store keeps them.

Each call has a jid. ``salt/run/<jid>/new`` says that it began: ``fun`` (``runner.jobs.active``), ``jid``, ``user``,
``fun_args``; ``salt/run/<jid>/ret`` how it ended: the same, ``return`` and ``success``; ``salt/wheel/…`` likewise. What
is large or secret is only named there. One who calls too often is told of only so many times a minute.
"""

from __future__ import annotations

import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from saltern.secret import MASK, masked
from saltern.wire import pack_value
from saltern_master.auth.caller import Caller
from saltern_master.bus import EventBus, stamp
from saltern_master.commands.registry import Command
from saltern_master.inbox import Inbox
from saltern_master.jobs.store import held_by

MAX_TOLD_BYTES = 64 * 1024
"""Of what a function was given, and of what it returned, in an event."""
MAX_KEPT_BYTES = 4 * 1024 * 1024
"""Of what is kept of one call."""
TOLD_A_MINUTE = 3000
"""Calls of one principal."""
MAX_OWNERS = 10_000
"""Calls of which it is remembered whose they are."""
TAGS = {"runner": "salt/run", "wheel": "salt/wheel"}
TOO_LARGE = "over {:,} bytes: not kept here"


class Run(NamedTuple):
    """One call under way. *kept*: who runs a function in the background finds what it returned in the job store."""

    jid: str
    tag: str
    data: dict[str, Any]
    told: bool
    private: bool
    kept: bool


class Runs:
    """Tells of calls on *bus*, and has *inbox* keep those that are to be kept."""

    def __init__(
        self, bus: EventBus, inbox: Inbox, next_jid: Callable[[], str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._bus = bus
        self._inbox = inbox
        self._next_jid = next_jid
        self._clock = clock
        self._began = clock()
        self._told: dict[str, int] = {}
        self._name = f"{socket.gethostname()}_master"
        self._owners: OrderedDict[str, str] = OrderedDict()
        self.untold = 0

    def begin(
        self, caller: Caller, command: Command, args: Sequence[Any], kwargs: Mapping[str, Any], *, kept: bool = False
    ) -> Run:
        """Say that *caller* runs a runner or wheel function."""
        jid = self._next_jid()
        self._owners[jid] = caller.holder
        while len(self._owners) > MAX_OWNERS:
            self._owners.popitem(last=False)
        tag = f"{TAGS[command.client]}/{jid}"
        given, size = told([*args, kwargs] if kwargs else list(args))
        data = {"fun": command.name, "jid": jid, "user": caller.user, "fun_args": given}
        run = Run(jid, tag, data, self._may_tell(caller.principal), command.private, kept)
        if kept:
            load = {
                "jid": jid,
                "fun": command.name,
                "arg": [],
                "kwarg": {},
                "user": caller.user,
                "client": command.client,
            }
            self._inbox.put_job(
                {**load, "tgt": self._name, "tgt_type": "list", "minions": [self._name], **held_by(caller)}
            )
        if run.told:
            self._bus.publish(f"{tag}/new", data, size=size)
        return run

    def end(self, run: Run, answer: Any, *, success: bool) -> None:
        """Say what a call returned, or why it failed."""
        hidden = run.private and success
        if run.kept:
            whole = {**run.data, "return": MASK if hidden else kept_form(answer), "success": success, "_stamp": stamp()}
            ret = {**run.data, "return": whole, "success": success, "retcode": 0 if success else 1}
            self._inbox.put_return(self._name, ret)
        if run.told:
            returned, size = (MASK, 0) if hidden else told(answer)
            self._bus.publish(f"{run.tag}/ret", {**run.data, "return": returned, "success": success}, size=size)

    def owner(self, jid: str) -> str | None:
        """Return who began one of the last calls (``Caller.holder``)."""
        return self._owners.get(jid)

    def _may_tell(self, principal: str) -> bool:
        """Return whether a call of *principal* may be told of now; then it counts."""
        now = self._clock()
        if now - self._began >= 60.0:
            self._began, self._told = now, {}
        count = self._told.get(principal, 0)
        if count >= TOLD_A_MINUTE:
            self.untold += 1
            return False
        self._told[principal] = count + 1
        return True

    def metrics(self) -> dict[str, float]:
        """Return the counter."""
        return {"untold": self.untold}


def told(value: Any) -> tuple[Any, int]:
    """Return what an event says of *value*, with its secrets masked, and about how many bytes that takes."""
    size = about_bytes(value, MAX_TOLD_BYTES)
    return (TOO_LARGE.format(MAX_TOLD_BYTES), 64) if size > MAX_TOLD_BYTES else (masked(value), size + 256)


def kept_form(value: Any) -> Any:
    """Return what is kept of *value*."""
    if about_bytes(value, MAX_KEPT_BYTES) > MAX_KEPT_BYTES or len(pack_value(value)) > MAX_KEPT_BYTES:
        return TOO_LARGE.format(MAX_KEPT_BYTES)
    return masked(value)


def about_bytes(value: Any, limit: int) -> int:
    """Return about how many bytes *value* takes, or some number over *limit*: no more is looked at than that."""
    size, todo = 0, [value]
    while todo and size <= limit:
        one = todo.pop()
        if isinstance(one, (str, bytes)):
            size += len(one) + 1
        elif isinstance(one, (dict, list, tuple)):
            size += len(one) + 1
            if size <= limit:
                todo += one.values() if isinstance(one, dict) else one
                todo += one if isinstance(one, dict) else ()
        else:
            size += 8
    return size
