"""The batch protocol's frames: points in columns, acknowledged once they are in the log.

::

    frame   = length:u32 big-endian  msgpack map of that length
    client  {"v": 1, "type": "points", "seq": int, "names": [str], "times": [int], "values": [float]}
    server  {"v": 1, "type": "ack", "seq": int, "accepted": int, "refused": int, "why": {cause: count}, "which": [int]}
    server  {"v": 1, "type": "error", "seq": int | null, "error": "one line"}

The three columns have one length. An ``ack`` means that the accepted points survive a kill of the server; the refused
ones would be refused again, always: ``which`` has the places of all of them in the columns, in order, and is left out
when there are none. After an ``error`` with a ``seq`` nothing of that frame was stored and it is to be sent again;
after one without, the stream can't be followed any more and the server closes. Of a frame whose columns don't fit
together every point is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgpack

from saltern.errors import WireError

VERSION = 1
MAX_FRAME_BYTES = 16 * 1024 * 1024
LENGTH = struct.Struct(">I")


class BadFrame(WireError):
    """A frame that can't be used; ``seq`` is its number, if it has one, and ``lost`` says the stream is too.

    ``points`` is how many it holds that nobody could ever store, ``None`` when another program may know better.
    """

    def __init__(self, why: str, seq: int | None = None, *, lost: bool = False, points: int | None = None) -> None:
        super().__init__(why)
        self.seq = seq
        self.lost = lost
        self.points = points


@dataclass(frozen=True, slots=True)
class Points:
    """A client's frame: *seq* and three columns of one length."""

    seq: int
    names: list[str]
    times: list[int]
    values: list[float]


def encode(message: Mapping[str, object]) -> bytes:
    """Return the frame of *message*, its version put in."""
    body: bytes = msgpack.packb({"v": VERSION, **message})
    return LENGTH.pack(len(body)) + body


def decode(body: bytes | bytearray | memoryview) -> Points:
    """Return what a client's frame says, given without its length. Raises :class:`BadFrame`."""
    try:
        message = msgpack.unpackb(body, strict_map_key=False)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        why = str(error).partition("\n")[0] or type(error).__name__
        raise BadFrame(f"the frame is not msgpack: {why}", lost=True) from error
    if not isinstance(message, dict):
        raise BadFrame(f"the frame holds {type(message).__name__}, not a map", lost=True)
    seq = message.get("seq")
    if type(seq) is not int:
        raise BadFrame(f"seq is {seq!r:.40}, not a whole number")
    if message.get("v") != VERSION or message.get("type") != "points":
        kind, version = message.get("type"), message.get("v")
        raise BadFrame(f"type {kind!r:.40} of version {version!r:.40} is unknown: send points of version 1", seq)
    columns = [message.get(key) for key in ("names", "times", "values")]
    most = max(len(column) if isinstance(column, list) else 0 for column in columns)
    names = _column(message, "names", seq, most, str)
    times = _column(message, "times", seq, most, int)
    values = _column(message, "values", seq, most, float, int)
    if not len(names) == len(times) == len(values):
        lengths = f"{len(names)} names, {len(times)} times, {len(values)} values"
        raise BadFrame(f"the columns differ in length: {lengths}", seq, points=most)
    return Points(seq, names, times, list(map(float, values)))


def _column(message: Mapping[object, object], key: str, seq: int, points: int, *types: type) -> list[Any]:
    column = message.get(key)
    if not isinstance(column, list):
        raise BadFrame(f"{key} is no list", seq, points=points)
    if not set(map(type, column)) <= set(types):
        place, item = next((at, item) for at, item in enumerate(column) if type(item) not in types)
        raise BadFrame(f"{key}[{place}] is {item!r:.40}, not {types[0].__name__}", seq, points=points)
    return column
