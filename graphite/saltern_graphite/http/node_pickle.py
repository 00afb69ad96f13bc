"""``/metrics/find?format=pickle``, which other Graphite servers ask for.

An interval there is an object of graphite-web's own classes. They are not needed to write it: what stands in the pickle
is their names and their attributes, so it is put together here from the opcodes that :mod:`pickletools` describes::

    [{"path": str, "is_leaf": True, "intervals": IntervalSet(intervals=[Interval(start, end, tuple, size)], size)},
     {"path": str, "is_leaf": False}, …]

All numbers are floats: epoch seconds, and sizes in seconds.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from saltern_graphite.http.node_formats import Described

_PROTOCOL = b"\x80\x02"
_SET, _ONE = b"h\x00", b"h\x01"  # what the two classes are remembered as
_CLASSES = b"cgraphite.intervals\nIntervalSet\nq\x000cgraphite.intervals\nInterval\nq\x010"
_NEW = b")\x81"  # the class before it, called without arguments
_DICT, _FILLED = b"}(", b"u"
_STATE = b"b"
_LIST, _APPENDED = b"](", b"e"
_PAIR = b"\x86"
_TRUE, _FALSE = b"\x88", b"\x89"
_END = b"."


def _text(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def _number(value: float) -> bytes:
    return b"G" + struct.pack(">d", value)


_PATH, _IS_LEAF, _INTERVALS = _text("path"), _text("is_leaf"), _text("intervals")
_START, _STOP, _TUPLE, _SIZE = _text("start"), _text("end"), _text("tuple"), _text("size")


def as_pickle(nodes: Sequence[Described]) -> bytes:
    """*nodes* as graphite-web pickles them."""
    known: dict[tuple[float, float], bytes] = {}
    parts = [_PROTOCOL, _CLASSES, _LIST]
    for path, interval in nodes:
        parts += [_DICT, _PATH, _text(path), _IS_LEAF, _TRUE if interval else _FALSE]
        if interval:
            if interval not in known:  # most have the same retentions
                known[interval] = _intervals(*interval)
            parts += [_INTERVALS, known[interval]]
        parts.append(_FILLED)
    return b"".join([*parts, _APPENDED, _END])


def _intervals(start: float, end: float) -> bytes:
    first, last, size = _number(start), _number(end), _number(end - start)
    one = [_ONE, _NEW, _DICT, _START, first, _STOP, last, _TUPLE, first, last, _PAIR, _SIZE, size, _FILLED, _STATE]
    return b"".join([_SET, _NEW, _DICT, _INTERVALS, _LIST, *one, _APPENDED, _SIZE, size, _FILLED, _STATE])
