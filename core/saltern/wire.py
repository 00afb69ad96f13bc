"""Messages between agents and the master.

A message is one ZeroMQ frame, a msgpack array::

    [ version : 1, type : str, seq : int, body : map ]

``docs/protocol.md`` lists the types. Strings keep undecodable bytes of file names (``surrogateescape``d by Python)
by way of msgpack's ``surrogatepass``.

A ``Secret`` is msgpack's extension 1, its text in UTF-8. It is only packed, and only taken, where *secrets* is said:
on the way from a caller to the function that needs it. Elsewhere it is packed as ``***``, and refused when it comes.

What bytes may cost follows from how many there are. msgpack's unpacker reserves an array as long as its header says
and nests as deep as its own stack, so that a few kB of headers that lie come to gigabytes. Therefore bytes are walked
once without making anything of them (``_check``): headers that say more than is there, and nesting beyond
``MAX_NESTING``, end that walk at the price of reading them. Of what is left each byte becomes at most one small value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import msgpack

from saltern.errors import MessageTooLarge, WireError
from saltern.named import NamedTuple
from saltern.plain import Plain
from saltern.secret import MAX_SECRET_BYTES, Secret
from saltern.visible import shown

VERSION = 1
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
SECRET_EXTENSION = 1
_HEAD = bytes((0x94, VERSION))  # an array of four, the version
_SHORT_TEXT = 0xA0
_NUMBER_WIDTHS = {0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9}
MAX_NESTING = 32  # arrays and maps in one another, a message's own two included
MAX_KEY_CHARACTERS = 1000  # of a key that becomes text: each level of quoting could double it

QUICK_BYTES = 1024
"""Of most messages, and of every answer to a job that is no list."""

_CONTAINERS = bytes((*range(0x80, 0xA0), *range(0xDC, 0xE0)))  # first bytes of arrays and maps
_REFUSALS = (ValueError, RecursionError, msgpack.UnpackException)  # what msgpack raises for bytes


def _buffer() -> dict[str, int]:
    """Return what has msgpack begin with a small buffer, as far as its version can.

    Else it takes a quarter of a megabyte for each message, however short, which is 40 times the work once the C library
    has been told to give so much back to the system (``saltern_agent.memory``).
    """
    small = {"buf_size": 1024}
    try:
        msgpack.packb(None, **small)
    except TypeError:  # before 1.1
        return {}
    return small


_BUFFER = _buffer()


def _levels_above() -> bytes:
    """Return arrays in one another, so many that msgpack's stack has ``MAX_NESTING`` levels left behind them.

    Without its compiled part msgpack has no stack: Python's recursion limit bounds the nesting, and nothing is
    reserved for what a header says.
    """
    walker = msgpack.Unpacker()
    walker.feed(b"\x91" * 100_000)
    try:
        walker.skip()
    except _REFUSALS:
        levels: int = walker.tell()
        return b"\x91" * max(0, levels - MAX_NESTING)
    return b""  # pragma: no cover (a msgpack without any bound)


_ABOVE = _levels_above()


class Message(NamedTuple):
    """One message: its type, sequence number and body."""

    type: str
    seq: int
    body: dict[str, Any]


def pack(type_: str, seq: int, body: dict[str, Any], limit: int = MAX_MESSAGE_BYTES, *, secrets: bool = False) -> bytes:
    """Return the frame of a message made of plain values, and of secrets where they may pass.

    Raises ``WireError`` when *body* holds something that msgpack can't carry, or is nested too deep (see
    ``pack_any``), and ``MessageTooLarge`` over *limit* bytes.
    """
    try:
        frame: bytes = _pack((VERSION, type_, seq, body), secrets)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise WireError(f"a {type_} message can't be packed: {error}") from None
    if len(frame) > limit:
        raise MessageTooLarge(f"a {type_} message of {len(frame):,} bytes is over the limit of {limit:,}")
    try:
        _check(frame)
    except _REFUSALS as error:
        raise WireError(f"a {type_} message can't be packed: {_why(error)}") from None
    return frame


def pack_any(
    type_: str, seq: int, body: dict[str, Any], limit: int = MAX_MESSAGE_BYTES, *, secrets: bool = False
) -> bytes:
    """Like ``pack`` for a body of any values: they get their plain form.

    What was changed under ``return`` is named under ``plain`` in the body. Raises ``MessageTooLarge``.
    """
    try:
        return pack(type_, seq, body, limit, secrets=secrets)
    except MessageTooLarge:
        raise
    except WireError:
        plain = Plain(secrets=secrets)
        changed = {key: (plain if key == "return" else Plain(secrets=secrets)).of(value) for key, value in body.items()}
        return pack(type_, seq, {**changed, "plain": plain.marks} if plain.marks else changed, limit, secrets=secrets)


def unpack(frame: bytes | memoryview, limit: int = MAX_MESSAGE_BYTES, *, secrets: bool = False) -> Message:
    """Return the message of a frame. Raises ``WireError`` for anything else than a message of ours."""
    if len(frame) > limit:
        raise MessageTooLarge(f"a message of {len(frame):,} bytes is over the limit of {limit:,}")
    parts = unpack_value(frame, secrets=secrets)
    if not (isinstance(parts, list) and len(parts) == 4):
        raise WireError("not a message: expected an array [version, type, seq, body]")
    version, type_, seq, body = parts
    if version != VERSION:
        raise WireError(f"message version {shown(version, 20)} is not spoken here: this side speaks {VERSION}")
    if not (isinstance(type_, str) and type(seq) is int and isinstance(body, dict)):
        raise WireError("not a message: type must be text, seq a whole number, body a map")
    return Message(type_, seq, body)


def body_of(frame: bytes) -> bytes | None:
    """Return the bytes of a message's body as they came, ``None`` where the head isn't packed as ours are.

    For a frame that ``unpack`` took: what is kept of it need not be packed again.
    """
    if frame[:2] != _HEAD or frame[2] & 0xE0 != _SHORT_TEXT:
        return None
    at = 3 + (frame[2] & 0x1F)
    width = _NUMBER_WIDTHS.get(frame[at], 1 if frame[at] < 0x80 else 0)
    return frame[at + width :] if width else None


def with_fields(packed_map: bytes, fields: dict[str, Any]) -> bytes:
    """Return *packed_map*, a map's bytes, with a few *fields* more; none of them may be in it already."""
    first = packed_map[0]
    if first & 0xF0 == 0x80:
        count, pairs = first & 0x0F, packed_map[1:]
    else:
        width = {0xDE: 2, 0xDF: 4}[first]
        count, pairs = int.from_bytes(packed_map[1 : 1 + width], "big"), packed_map[1 + width :]
    count += len(fields)
    head = bytes((0x80 | count,)) if count < 16 else b"\xdf" + count.to_bytes(4, "big")
    assert len(fields) < 16
    return head + pairs + _pack(fields, secrets=False)[1:]


def pack_text(text: str) -> bytes:
    """Return what ``pack_value`` does of a text, in a quarter of the time where that is short."""
    packed = text.encode("utf-8", "surrogatepass")
    size = len(packed)
    if size < 32:
        return bytes((_SHORT_TEXT | size,)) + packed
    return bytes((0xD9, size)) + packed if size < 256 else pack_value(text)


def pack_value(value: Any, *, secrets: bool = False) -> bytes:
    """Return the msgpack of any value in its plain form; what was changed is not named."""
    try:
        packed = _pack(value, secrets)
        _check(packed)
    except (TypeError, OverflowError, *_REFUSALS):
        packed = _pack(Plain(secrets=secrets).of(value), secrets)
    return packed


def unpack_value(packed: bytes | memoryview, *, secrets: bool = False) -> Any:
    """Return the value of some msgpack bytes. Raises ``WireError`` for bytes that aren't, or are nested too deep."""
    try:
        _check(packed)
        try:
            return _unpack(packed, None, secrets)
        except TypeError:
            # A map with a list as key: Python's tuples pack so. The key becomes its text.
            return _unpack(packed, _with_text_keys, secrets)
    except (TypeError, *_REFUSALS) as error:
        raise WireError(f"not msgpack: {_why(error)}") from None


def _pack(value: Any, secrets: bool) -> bytes:
    default = _extension if secrets else None
    packed: bytes = msgpack.packb(value, unicode_errors="surrogatepass", default=default, **_BUFFER)
    return packed


def _check(packed: bytes | memoryview) -> None:
    """Raise one of ``_REFUSALS`` unless *packed* begins with a whole value that isn't nested too deep."""
    if len(packed) <= MAX_NESTING:
        return  # too short for either
    if len(packed) <= QUICK_BYTES and len(packed) - len(bytes(packed).translate(None, _CONTAINERS)) <= MAX_NESTING:
        return  # no more heads of arrays and maps than there may be levels, and each may lie about as little
    room = len(_ABOVE) + len(packed)
    walker = msgpack.Unpacker(read_size=room, max_buffer_size=room)
    walker.feed(_ABOVE)
    walker.feed(packed)
    walker.skip()


def _unpack(
    packed: bytes | memoryview, pairs_hook: Callable[[list[tuple[Any, Any]]], dict[Any, Any]] | None, secrets: bool
) -> Any:
    # By default an array, a map, a text … is at most as long as the bytes.
    return msgpack.unpackb(
        packed,
        strict_map_key=False,
        unicode_errors="surrogatepass",
        object_pairs_hook=pairs_hook,
        max_ext_len=MAX_SECRET_BYTES if secrets else 0,
        ext_hook=_secret if secrets else _refused,
        timestamp=1,  # an extension of msgpack's own: a number, were it ever sent
    )


def _extension(value: Any) -> msgpack.ExtType:
    """Return what a secret is packed as; called for what isn't plain."""
    if not isinstance(value, Secret):
        raise TypeError(f"can not serialize {type(value).__name__!r} object")
    return msgpack.ExtType(SECRET_EXTENSION, value.reveal().encode("utf-8", "surrogatepass"))


def _secret(code: int, data: bytes) -> Secret:
    return Secret(data.decode("utf-8", "surrogatepass")) if code == SECRET_EXTENSION else _refused(code, data)


def _refused(code: int, _data: bytes) -> NoReturn:
    raise ValueError(f"extension {code} is not taken here")


def _with_text_keys(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    return {
        str(tuple(key) if isinstance(key, list) else key)[:MAX_KEY_CHARACTERS]
        if isinstance(key, (list, dict))
        else key: value
        for key, value in pairs
    }


def _why(error: Exception) -> str:
    if isinstance(error, msgpack.StackError):
        return f"nested deeper than {MAX_NESTING} levels"
    if isinstance(error, msgpack.OutOfData):
        return "the bytes end too early"
    return str(error) or type(error).__name__
