"""Carbon's pickle protocol: the body of a frame, ``[(name, (timestamp, value)), ...]``, into columns.

:mod:`saltern_graphite.receivers.formats.pickle_program` says why it is safe to unpickle what strangers send.
"""

from __future__ import annotations

import io
import pickle
from typing import Any, NoReturn

from saltern_graphite.receivers.formats.line import MAX_SAMPLES, Block
from saltern_graphite.receivers.formats.pickle_program import BadPickle, check

MAX_FRAME_BYTES = 1024 * 1024  # Carbon's PICKLE_RECEIVER_MAX_LENGTH
CAUSES = ("bad_pickle", "bad_item", "bad_time", "bad_value", "frame_too_long", "frame_cut")


class _Unpickler(pickle.Unpickler):
    """What runs a checked pickle; it looks up no name."""

    def find_class(self, module_name: str, global_name: str) -> NoReturn:
        raise BadPickle(f"{module_name[:80]}.{global_name[:80]} is no list, tuple, text or number")


def decode(body: bytes, now: float) -> Block:
    """Return the points of a frame's *body*; items that are no points are counted in the block.

    Names are text, or bytes in UTF-8. Timestamps and values are numbers or texts that ``float`` reads; a timestamp
    from -1 down to just above -2 becomes *now*. Raises :class:`BadPickle` when the frame can't be used at all.
    """
    check(body)
    # The reader that can be looked ahead in spares the unpickler a call for each instruction.
    reader = io.BufferedReader(io.BytesIO(body), max(len(body), 16))
    try:
        # What Python 2 called a string is bytes: broken UTF-8 makes a name that is refused, not a frame.
        items = _Unpickler(reader, encoding="utf-8", errors="surrogateescape").load()
    except Exception as error:  # a broken program raises nearly anything
        why = str(error).partition("\n")[0][:200]
        raise BadPickle(f"it can't be unpickled: {why or type(error).__name__}") from None
    if not isinstance(items, (list, tuple)):
        raise BadPickle(f"it is {type(items).__name__}, not a list of (name, (timestamp, value))")
    return _columns_at_once(items, now) or _columns_one_by_one(items, now)


def _columns_at_once(items: Any, now: float) -> Block | None:
    """Return the columns of *items* that are points throughout, or ``None``."""
    if not items:
        return Block()
    try:
        # A text of two letters can be unpacked too: types are compared first.
        if set(map(type, items)) != {tuple} or set(map(len, items)) != {2}:
            return None
        names, pairs = zip(*items, strict=True)
        if set(map(type, pairs)) != {tuple} or set(map(len, pairs)) != {2} or set(map(type, names)) != {str}:
            return None
        stamps, readings = zip(*pairs, strict=True)
        times, values = list(map(float, stamps)), list(map(float, readings))
    except (TypeError, ValueError, OverflowError):
        return None
    return None if not min(times) > -1 else Block(list(names), times, values)


def _columns_one_by_one(items: Any, now: float) -> Block:
    times: list[float] = []
    values: list[float] = []
    block = Block([], times, values)
    for item in items:
        try:
            name, (stamp, reading) = item
        except (TypeError, ValueError):
            name = None
        if isinstance(name, bytes):
            name = name.decode("utf-8", "surrogateescape")
        if not isinstance(name, str):
            block.refuse("bad_item", _describe(item) if len(block.samples) < MAX_SAMPLES else b"")
            continue
        cause = "bad_time"
        try:
            time = float(stamp)
            cause = "bad_value"
            value = float(reading)
        except (TypeError, ValueError, OverflowError):
            block.refuse(cause, name[:200].encode("utf-8", "replace"))
            continue
        block.names.append(name)
        times.append(now if -2 < time <= -1 else time)
        values.append(value)
    return block


def _describe(item: object) -> bytes:
    """Return what kind of thing *item* is; it may be endless, so only its first level is looked at."""
    if isinstance(item, (list, tuple)):
        return f"{type(item).__name__} of {', '.join(type(part).__name__ for part in item[:4])}".encode()
    return type(item).__name__.encode()
