"""Returns that are alike: many devices of a host that are asked the same answer the same, but for how long it took.

``duration_ms`` is the last that such a return says: what stands before its eight bytes is packed once for all of them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from saltern.wire import QUICK_BYTES

if TYPE_CHECKING:
    from saltern_agent.jobs import Outcome

_TIME = struct.Struct(">d")
_BEFORE = b"\xabduration_ms\xcb"
"""Its name, a text of eleven characters, and what says that a number of eight bytes follows, in msgpack."""
_PLAIN = frozenset({bool, int, str, type(None)})
"""Types of values of which those that are equal are packed alike."""


class Alike:
    """Knows the last frame of one job without arguments, and of which outcome it was. May be used from any thread."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: tuple[Any, bytes] | None = None

    def frame(self, outcome: Outcome, version: dict[str, str | None] | None) -> bytes | None:
        """Return the frame of a return, if it is like the last one."""
        last = self._last
        if last is None or version is not None or last[0] != _told(outcome):
            return None  # its module's version comes after the time
        return last[1] + _TIME.pack(outcome.duration_ms)

    def packed(self, outcome: Outcome, frame: bytes) -> None:
        """Take note of a return's *frame*."""
        head = frame[: -_TIME.size]
        plain = type(outcome.value) in _PLAIN and type(outcome.retcode) is int and not outcome.marks
        if plain and type(outcome.duration_ms) is float and len(frame) <= QUICK_BYTES and head.endswith(_BEFORE):
            self._last = _told(outcome), head


def _told(outcome: Outcome) -> tuple[Any, ...]:
    """Return what a return says but for its time; values that are equal and of two types are others."""
    value, retcode, success, duration_ms, marks, _, out, _, _ = outcome
    return type(value), value, type(retcode), retcode, success, type(duration_ms), marks, out
