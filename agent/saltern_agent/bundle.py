"""Several messages for devices in one envelope: docs/protocol.md, "Devices", ``each``."""

from __future__ import annotations

from saltern_agent.envelope import HEAD, MESSAGE, MINION, NUMBER_BYTES, enveloped, is_envelope

MAX_MESSAGES = 64
MAX_BYTES = 256 * 1024
KEPT_BYTES = 32 * 1024
"""Of one that is kept as one message: whatever a master takes at most, it takes that."""
AROUND_BYTES = 32
"""What goes around them at most."""

_NUMBER = len(HEAD) - 1
_NAME = len(HEAD) + NUMBER_BYTES + len(MINION)
"""Where in an envelope its number begins, and the length of the device's name."""
_HEAD = HEAD[:_NUMBER] + b"\x00\x81\xa4each\xdc"
_TEXT = [bytes((0xD9, length)) for length in range(256)]
"""What stands before a text, by its length."""


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

    def holds(self, minion: str, frame: bytes, seq: int, limit: int) -> bool:
        """Have a message of the device *minion* wait, numbered *seq*, if it may; return whether that is so.

        *frame* was packed with number 0. All together may be kept, and sent again, as one message of *limit* bytes.
        """
        name = minion.encode()
        size = self._size + len(frame) + len(name) + AROUND_BYTES
        if len(self._entries) >= MAX_MESSAGES or size > min(limit, KEPT_BYTES):
            return False
        number = b"\xcf" + seq.to_bytes(NUMBER_BYTES, "big")
        if not self._entries:
            self.first, self._alone = seq, enveloped(minion, frame, seq)
        self._entries.append(
            b"".join((b"\x93", number, _TEXT[len(name)], name, b"\xc6", len(frame).to_bytes(4, "big"), frame))
        )
        self._size = size
        return True

    def packed(self) -> bytes:
        """Return the message that they are sent as."""
        if len(self._entries) == 1:
            return self._alone
        return b"".join((_HEAD, len(self._entries).to_bytes(2, "big"), *self._entries))

    def clear(self) -> None:
        """Have none wait."""
        self.first, self._alone, self._size = 0, b"", 0
        self._entries.clear()


def count_in(frame: bytes) -> int:
    """Return how many messages *frame* is: what ``Bundle.packed`` returned, or another one, which is one."""
    return int.from_bytes(frame[len(_HEAD) : len(_HEAD) + 2], "big") if frame.startswith(_HEAD) else 1


def numbered_to(frame: bytes, seq: int) -> bytes:
    """Return the bundle *frame* with other numbers, of which *seq* is the last."""
    number = seq - count_in(frame)
    parts, at = [frame[: len(_HEAD) + 2]], len(_HEAD) + 2
    while at < len(frame):
        number += 1
        text = at + 2 + NUMBER_BYTES  # where that begins
        message = text + 2 + frame[text + 1]
        end = message + 5 + int.from_bytes(frame[message + 1 : message + 5], "big")
        parts += (b"\x93\xcf", number.to_bytes(NUMBER_BYTES, "big"), frame[text:end])
        at = end
    return b"".join(parts)


def _entry(frame: bytes) -> bytes:
    """Return ``[number, minion, message]`` of an envelope."""
    text = _NAME + 1 + frame[_NAME]  # where that ends
    message = text + len(MESSAGE)
    return b"".join((b"\x93", frame[_NUMBER : _NUMBER + 9], b"\xd9", frame[_NAME:text], b"\xc6", frame[message:]))
