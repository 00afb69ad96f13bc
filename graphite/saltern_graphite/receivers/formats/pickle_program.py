"""What a pickle may do before it is run: make plain values, and little of them.

A pickle is a program. Before any of it runs, its instructions are gone through, each with its operand, and a frame that
holds one which senders of points don't need is refused. What may stay makes lists, tuples, texts, bytes, numbers,
``True``, ``False`` and ``None``, and nothing else: nothing that imports, calls or builds an object, no dict or set
(whose keys could be made to collide), no persistent id, no extension. So the unpickler never looks a name up; should it
ever, the one in :mod:`saltern_graphite.receivers.formats.pickle` refuses. Memory is bounded by the frame's length:

* a text or number never claims to be longer than what is there (``BINBYTES8``, ``LONG4`` and the like are out);
* a memo slot has a number below :data:`MAX_MEMO` (``LONG_BINPUT`` of slot 2**28 alone would take 4 GB);
* a frame that could ask for more than one empty list or 1-tuple, 80 bytes each, for every four of its own is refused;
* nothing that was built is ever walked deeper than a point is: depth, recursion, or one list held a million times by
  the memo cost nothing, and no ``repr`` of it is taken for the log.
"""

from __future__ import annotations

import re

from saltern.errors import WireError

MAX_MEMO = 1 << 20

_MAX_LISTS_PER_BYTE = 1 / 4  # a point written as two lists takes 14 bytes at the least
_MAX_STEP = 4_096  # instructions for one call of the regular expression, whose memory grows with them
_SIZED = {b"X": 4, b"T": 4, b"B": 4, b"C": 1, b"\x8a": 1}  # what a step leaves: bytes, long texts and numbers
_STOP = b"."
_GLOBAL = re.compile(rb"c([^\n]{1,80})\n([^\n]{1,80})\n")
_REFUSED = {
    b"c": "GLOBAL",
    b"i": "INST",
    b"o": "OBJ",
    b"R": "REDUCE",
    b"b": "BUILD",
    b"\x81": "NEWOBJ",
    b"\x92": "NEWOBJ_EX",
    b"\x93": "STACK_GLOBAL",
    b"}": "EMPTY_DICT",
    b"d": "DICT",
    b"\x8f": "EMPTY_SET",
    b"P": "PERSID",
    b"Q": "BINPERSID",
    b"r": "LONG_BINPUT",
    b"p": "PUT",
}


class BadPickle(WireError):
    """A frame that is refused as a whole."""


def _sized(head: bytes, size_bytes: int, longest: int) -> bytes:
    """Return the expression for *head*, a little-endian length of at most *longest*, and that many bytes.

    The lengths are tried in two steps, as a long list of alternatives is tried one by one.
    """
    rest = b"\\x00" * (size_bytes - 1)
    steps = []
    for low in range(0, longest + 1, 16):
        high = min(low + 15, longest)
        lengths = b"|".join(b"\\x%02x%s.{%d}" % (length, rest, length) for length in range(low, high + 1))
        steps.append(b"(?=[\\x%02x-\\x%02x])(?:%s)" % (low, high, lengths))
    return head + b"(?:" + b"|".join(steps) + b")"


# In the order of how often they are met: alternatives are tried one by one.
_OPCODES = re.compile(
    b"(?:"
    + b"|".join(
        (
            rb"[\x86\x94(]",  # TUPLE2 MEMOIZE MARK
            rb"[qhK].",  # BINPUT BINGET BININT1
            rb"G.{8}",  # BINFLOAT
            rb"J.{4}",  # BININT
            _sized(rb"X", 4, 255),
            _sized(rb"\x8c", 1, 255),  # SHORT_BINUNICODE
            _sized(rb"U", 1, 255),  # SHORT_BINSTRING
            rb"r..[\x00-\x0f]\x00",  # LONG_BINPUT
            rb"j.{4}",  # LONG_BINGET
            rb"M..",  # BININT2
            rb"[aetl)]",  # APPEND APPENDS TUPLE LIST EMPTY_TUPLE
            rb"[]\x85\x87N\x88\x89]",  # EMPTY_LIST TUPLE1 TUPLE3 NONE NEWTRUE NEWFALSE
            rb"[pg][0-9]{1,6}\n",  # PUT GET
            rb"[VS][^\n]*\n",  # UNICODE STRING
            rb"F[-+.0-9a-zA-Z]{1,40}\n",  # FLOAT
            rb"[IL][-+]?[0-9]{1,400}L?\n",  # INT LONG
            _sized(rb"\x8a", 1, 8),  # LONG1
            rb"\x80[\x00-\x05]",  # PROTO
            rb"\x95.{8}",  # FRAME, which is checked against what is there
        )
    )
    + b"){0,%d}" % _MAX_STEP,
    re.DOTALL,
)


def check(body: bytes) -> None:
    """Raise :class:`BadPickle` unless *body* is a program that makes plain values alone; see the module's text."""
    # These bytes may also stand in names and numbers, but not so many of them.
    if body.count(b"]") + body.count(b"\x85") > len(body) * _MAX_LISTS_PER_BYTE + 1:
        raise BadPickle("it holds more lists than a frame of points can")
    place = 0
    while True:
        found = _OPCODES.match(body, place)
        assert found is not None  # it also matches nothing
        stuck = found.end() == place
        place = found.end()
        code = body[place : place + 1]
        if code == _STOP:
            return
        size_bytes = _SIZED.get(code, 0)
        if size_bytes and len(body) > place + size_bytes:
            place += 1 + size_bytes
            place += int.from_bytes(body[place - size_bytes : place], "little")
        elif stuck:
            raise BadPickle(_why(body, place))
        if place >= len(body):
            raise BadPickle("it ends too soon")


def _why(body: bytes, place: int) -> str:
    """Return what is wrong with the instruction at *place*."""
    code = body[place : place + 1]
    name = _REFUSED.get(code, f"instruction {code!r}")
    found = _GLOBAL.match(body, place)
    if found:
        name += " of " + b".".join(found.groups()).decode("ascii", "replace")
    return f"{name} at byte {place}: points are lists, tuples, texts and numbers (a numpy number: send float(it))"
