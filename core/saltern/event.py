"""Following and feeding the master's event bus from a program on its host.

::

    import saltern.event
    for event in saltern.event.MasterEvent(opts["sock_dir"]).iter_events(full=True):
        print(event["tag"], event["data"])
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltern.errors import SalternError
from saltern.local import LocalConnection

DEFAULT_WAIT_S = 5.0


LOST = "salt/events/lost"


class MasterEvent:
    """The event bus of the master whose sockets are in *sock_dir*.

    The connection is made, and events are gathered, from the first call that needs it (or ``subscribe``) on. The master
    keeps 8 MiB of them for one who reads too slowly, 1 MiB for other users than its own; what was lost beyond that is
    in ``lost``, and is told where it would have been by the event ``salt/events/lost`` (``{"events": …, "bytes": …}``),
    to those who follow all tags or this one.
    """

    def __init__(self, sock_dir: str) -> None:
        self.sock_dir = sock_dir
        self.lost = 0
        self._prefix = ""
        self._stream: LocalConnection | None = None

    def subscribe(self, tag: str = "") -> None:
        """Begin to receive events whose tags start with *tag*. Raises ``MasterNotRunning``, ``ChannelError``."""
        if self._stream is None:
            stream = LocalConnection(self.sock_dir)
            try:
                stream.call("event.subscribe", tag)
            except SalternError:
                stream.close()
                raise
            self._stream, self._prefix = stream, tag

    def get_event(self, wait: float = DEFAULT_WAIT_S, tag: str = "", full: bool = False) -> dict[str, Any] | None:
        """Return the next event whose tag starts with *tag*, or ``None`` after *wait* seconds.

        The event's data alone, or ``{"tag": …, "data": …}`` when *full*. Raises ``ChannelError``.
        """
        self.subscribe()
        assert self._stream is not None
        while (event := self._stream.receive(wait)) is not None:
            if self._is_wanted(event, tag):
                return event if full else event["data"]
        return None

    def iter_events(self, tag: str = "", full: bool = False, wait: float | None = None) -> Iterator[dict[str, Any]]:
        """Yield events for ever, or until none came for *wait* seconds. Raises ``ChannelError``."""
        self.subscribe(tag)
        assert self._stream is not None
        while (event := self._stream.receive(wait)) is not None:
            if self._is_wanted(event, tag):
                yield event if full else event["data"]

    def fire_event(self, data: dict[str, Any], tag: str) -> bool:
        """Put an event on the bus and return ``True``; users other than the master's own fire below
        ``salt/user/<name>/`` alone, which is put before a tag of theirs. Raises ``ChannelError``, ``NotAuthorised``.
        """
        with LocalConnection(self.sock_dir) as connection:
            connection.call("event.fire", tag, data)
        return True

    def close(self) -> None:
        """Stop receiving."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _is_wanted(self, event: dict[str, Any], tag: str) -> bool:
        if event["tag"] == LOST:
            self.lost += int(event["data"]["events"])
        return all(str(event["tag"]).startswith(wanted) for wanted in (tag, self._prefix))
