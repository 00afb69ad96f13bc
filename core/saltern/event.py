"""Following and feeding the master's event bus from a program on its host.

::

    import saltern.event
    with saltern.event.get_event("master", sock_dir=opts["sock_dir"], opts=opts, listen=True) as events:
        for event in events.iter_events(tag="salt/job", full=True):
            print(event["tag"], event["data"])
"""

from __future__ import annotations

import fnmatch
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from saltern.errors import ArgumentError, ChannelError, SalternError
from saltern.local import Access, LocalConnection

DEFAULT_WAIT_S = 5.0
NO_BLOCK_S = 0.01
"""How long a call that doesn't block waits."""
RECONNECT_S = 1.0
LOST = "salt/events/lost"
MAX_KEPT = 10_000
"""Events that a subscriber keeps which came while another was waited for."""

Match = Callable[[str, str], bool]
"""Whether a tag, the first, is what is looked for."""

MATCHES: Mapping[str, Match] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "find": lambda tag, wanted: wanted in tag,
    "regex": lambda tag, wanted: re.match(wanted, tag) is not None,
    "fnmatch": lambda tag, wanted: fnmatch.fnmatchcase(tag, wanted),
}


class MasterEvent:
    """The event bus of the master whose sockets are in *sock_dir*; usable in a ``with`` block.

    The connection is made, and events are gathered, from the first call that needs it (or ``subscribe``) on. The master
    keeps 8 MiB of them for one who reads too slowly, 1 MiB for other users than its own; what was lost beyond that is
    in ``lost``, and is told where it would have been by the event ``salt/events/lost`` (``{"events": …, "bytes": …}``),
    to those who follow all tags or this one.
    """

    def __init__(self, sock_dir: str | Access) -> None:
        """*sock_dir*: or a way to the master as who logs in."""
        self.sock_dir = sock_dir
        self.lost = 0
        self._prefix = ""
        self._stream: LocalConnection | None = None
        self._interrupted = False
        self._subscribed: list[tuple[str, Match]] = []
        self._kept: deque[dict[str, Any]] = deque()

    def __enter__(self) -> MasterEvent:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def subscribe(self, tag: str = "", match_type: str | None = None) -> None:
        """Begin to receive events. Raises ``MasterNotRunning``, ``ChannelError``.

        The first call says what the master sends at all: tags that start with *tag* (all, for another *match_type*).
        Events with a tag that was subscribed to are kept, up to 10,000, while another is waited for.
        """
        match = match_of(match_type)
        if tag:
            self._subscribed.append((tag, match))
        self._connect(tag if match is MATCHES["startswith"] else "")

    def unsubscribe(self, tag: str = "", match_type: str | None = None) -> None:
        """Keep events with this tag no longer, and forget those that were kept."""
        one = (tag, match_of(match_type))
        if one in self._subscribed:
            self._subscribed.remove(one)
        self._kept = deque(event for event in self._kept if self._is_kept(event))

    def get_event(
        self,
        wait: float | None = DEFAULT_WAIT_S,
        tag: str = "",
        full: bool = False,
        match_type: str | None = None,
        no_block: bool = False,
        auto_reconnect: bool = False,
    ) -> dict[str, Any] | None:
        """Return the next event whose tag matches *tag*, or ``None`` after *wait* seconds (``None``: wait for ever).

        The event's data alone, with ``_stamp``, or ``{"tag": …, "data": …}`` when *full*. *match_type*: ``startswith``
        (the default), ``endswith``, ``find``, ``regex`` (from the start), ``fnmatch``. *no_block*: return at once.
        *auto_reconnect*: wait for a master that went away to come back. Raises ``ChannelError``, ``ArgumentError``.
        """
        match = match_of(match_type)
        self._connect()
        for event in self._kept:
            if match(event["tag"], tag):
                self._kept.remove(event)
                return event if full else event["data"]
        until = None if wait is None else time.monotonic() + (NO_BLOCK_S if no_block else wait)
        while (found := self._receive(until, again=auto_reconnect)) is not None:
            if match(found["tag"], tag):
                return found if full else found["data"]
            if self._is_kept(found):
                self._kept.append(found)
                if len(self._kept) > MAX_KEPT:
                    self._kept.popleft()
                    self.lost += 1
        return None

    def get_event_noblock(self) -> dict[str, Any] | None:
        """Return the next event as ``{"tag": …, "data": …}``, or ``None`` when there is none now."""
        return self.get_event(full=True, no_block=True)

    def get_event_block(self) -> dict[str, Any] | None:
        """Return the next event as ``{"tag": …, "data": …}``, waited for however long."""
        return self.get_event(None, full=True)

    def iter_events(
        self,
        tag: str = "",
        full: bool = False,
        match_type: str | None = None,
        auto_reconnect: bool = False,
        wait: float | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield events as ``get_event`` returns them, for ever, or until none came for *wait* seconds."""
        self._connect(tag if match_of(match_type) is MATCHES["startswith"] else "")
        while (event := self.get_event(wait, tag, full, match_type, auto_reconnect=auto_reconnect)) is not None:
            yield event

    def fire_event(self, data: dict[str, Any], tag: str, timeout: float = 1000) -> bool:
        """Put an event on the bus and return ``True``; users other than the master's own fire below
        ``salt/user/<name>/`` alone, which is put before a tag of theirs. Raises ``ChannelError``, ``NotAuthorised``.

        *timeout*: milliseconds, in Salt; here it changes nothing.
        """
        with LocalConnection(self.sock_dir) as connection:
            connection.call("event.fire", tag, data)
        return True

    fire_master = fire_event

    def close(self) -> None:
        """Stop receiving."""
        self._drop()
        self._kept.clear()

    destroy = close

    def interrupt(self) -> None:
        """End a call that waits, from another thread, and the subscription: it raises ``ChannelError``.

        A call that is about to wait, too: all do, until ``resume``.
        """
        self._interrupted = True
        if self._stream is not None:
            self._stream.interrupt()

    def resume(self) -> None:
        """Let calls wait again after ``interrupt``."""
        self._interrupted = False

    def _connect(self, prefix: str | None = None) -> LocalConnection:
        """Return the stream, of tags that start with *prefix* when it is new."""
        if self._stream is None:
            self._prefix = self._prefix if prefix is None else prefix
            stream = LocalConnection(self.sock_dir)
            try:
                stream.call("event.subscribe", self._prefix)
            except SalternError:
                stream.close()
                raise
            self._stream = stream
        return self._stream

    def _receive(self, until: float | None, *, again: bool) -> dict[str, Any] | None:
        """Return the next event, or ``None`` at the instant *until*. *again*: wait for a master that went away."""
        while True:
            left_s = None if until is None else max(until - time.monotonic(), 0.0)
            try:
                stream = self._connect()
                if self._interrupted:
                    raise ChannelError("the wait for events was ended")
                event = stream.receive(left_s)
            except ChannelError:
                self._drop()
                if not again or self._interrupted:
                    raise
                if left_s == 0:
                    return None
                time.sleep(RECONNECT_S if left_s is None else min(RECONNECT_S, left_s))
                continue
            if event is not None and event["tag"] == LOST:
                self.lost += int(event["data"]["events"])
            if event is None or event["tag"].startswith(self._prefix):
                return event

    def _drop(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _is_kept(self, event: Mapping[str, Any]) -> bool:
        return any(match(event["tag"], tag) for tag, match in self._subscribed)


def match_of(match_type: str | None) -> Match:
    """Return how tags are held against what is looked for. Raises ``ArgumentError``."""
    match = MATCHES.get(match_type or "startswith")
    if match is None:
        raise ArgumentError(f"match_type {match_type!r} is not known: use {', '.join(MATCHES)}")
    return match


def get_event(
    node: str,
    sock_dir: str | None = None,
    opts: Mapping[str, Any] | None = None,
    listen: bool = True,
    **others: Any,
) -> MasterEvent:
    """Return the event bus of the master, *node* ``"master"``, whose sockets are in *sock_dir*, or *opts* say where.

    *listen*: gather events from now on. Other keywords are Salt's, and change nothing. Raises ``ArgumentError`` for
    another node, ``MasterNotRunning``, ``ChannelError``.
    """
    if node != "master":
        raise ArgumentError(f"{node!r} has no event bus that programs can follow: there is the master's, 'master'")
    folder = sock_dir or (opts or {}).get("sock_dir")
    if not folder:
        raise ArgumentError("sock_dir, or opts with it, must say where the master's sockets are")
    events = MasterEvent(str(folder))
    if listen:
        events.subscribe()
    return events


def get_master_event(opts: Mapping[str, Any], sock_dir: str, listen: bool = True, **others: Any) -> MasterEvent:
    """Return the master's event bus; see ``get_event``."""
    return get_event("master", sock_dir, opts, listen)
