"""Several messages for devices in one envelope: docs/protocol.md, "Devices", ``each``."""

from __future__ import annotations

from saltern_agent.envelope import HEAD, MESSAGE, MINION, NUMBER_BYTES, is_envelope

MAX_MESSAGES = 64
MAX_BYTES = 256 * 1024
AROUND_BYTES = 32
"""What goes around them at most."""

_NUMBER = len(HEAD) - 1
_NAME = len(HEAD) + NUMBER_BYTES + len(MINION)
"""Where in an envelope its number begins, and the length of the device's name."""
_HEAD = HEAD[:_NUMBER] + b"\x00\x81\xa4each\xdc"


class Bundle:
    """Envelopes that wait to be sent as one; ``first`` is the number of the first of them, 0 when there is none."""

    __slots__ = ("_alone", "_entries", "_size", "first")

    def __init__(self) -> None:
        self.first = 0
        self._alone = b""
        self._entries: list[bytes] = []
        self._size = 0

    def takes(self, frame: bytes, limit: int) -> bool:
        """Return whether *frame* may be one of them: it is an envelope, and all together stay within *limit* bytes."""
        size = self._size + len(frame) + AROUND_BYTES
        return len(self._entries) < MAX_MESSAGES and size <= min(limit, MAX_BYTES) and is_envelope(frame)

    def add(self, seq: int, frame: bytes) -> None:
        """Have *frame*, which has the number *seq* and was taken, wait."""
        if not self._entries:
            self.first, self._alone = seq, frame
        self._entries.append(_entry(frame))
        self._size += len(frame)

    def packed(self) -> bytes:
        """Return the message that they are sent as."""
        if len(self._entries) == 1:
            return self._alone
        return b"".join((_HEAD, len(self._entries).to_bytes(2, "big"), *self._entries))

    def clear(self) -> None:
        """Have none wait."""
        self.first, self._alone, self._size = 0, b"", 0
        self._entries.clear()


def _entry(frame: bytes) -> bytes:
    """Return ``[number, minion, message]`` of an envelope."""
    text = _NAME + 1 + frame[_NAME]  # where that ends
    message = text + len(MESSAGE)
    return b"".join((b"\x93", frame[_NUMBER : _NUMBER + 9], b"\xd9", frame[_NAME:text], b"\xc6", frame[message:]))
