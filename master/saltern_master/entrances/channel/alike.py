"""Returns that are alike: of many devices that were asked the same, most answer the same but for how long it took.

What such frames have in common is unpacked and checked once. ``duration_ms`` is the last that they say, so what stands
before its eight bytes is the same of all, and each byte there means the same in all of them.
"""

from __future__ import annotations

import struct

from saltern.errors import WireError
from saltern.wire import QUICK_BYTES, Message, unpack
from saltern_master.shape import RETURN, Fitting, finite

DURATION = "duration_ms"
_TIME = struct.Struct(">d")
_BEFORE = b"\xab" + DURATION.encode() + b"\xcb"
"""Its name, a text of eleven characters, and what says that a number of eight bytes follows, in msgpack."""


class Alike:
    """Knows the last frame, and of one that came twice what it says."""

    __slots__ = ("_head", "_ret")

    def __init__(self) -> None:
        self._head = b""
        self._ret: Fitting | None = None

    def read(self, frame: bytes) -> Message | None:
        """Return the return that *frame* is, checked, if it is like the one before; ``None`` for any other frame."""
        head = frame[: -_TIME.size] if len(frame) <= QUICK_BYTES else b""
        if head != self._head:
            self._head, self._ret = head, None
            return None
        if self._ret is None:
            self._ret = _read(frame) if head.endswith(_BEFORE) else None
        if self._ret is None:
            return None
        (duration,) = _TIME.unpack_from(frame, len(head))
        if finite(duration):  # it isn't, which is said when it is taken as any other
            return None
        ret = Fitting(self._ret)
        ret[DURATION] = duration
        return Message("ret", 0, ret)


def _read(frame: bytes) -> Fitting | None:
    """Return what a return says whose last word is its duration; ``None`` for what is none, or doesn't fit."""
    try:
        message = unpack(frame)
        if message.type == "ret" and next(reversed(message.body), "") == DURATION:
            return Fitting(RETURN.checked(message.body))
    except WireError:
        pass  # which is said when it is taken as any other
    return None
