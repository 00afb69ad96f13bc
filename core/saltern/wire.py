"""Messages between agents and the master.

A message is one ZeroMQ frame, a msgpack array::

    [ version : 1, type : str, seq : int, body : map ]

``docs/protocol.md`` lists the types. Strings keep undecodable bytes of file names (``surrogateescape``d by Python)
by way of msgpack's ``surrogatepass``.

A ``Secret`` is msgpack's extension 1, its text in UTF-8. It is only packed, and only taken, where *secrets* is said:
on the way from a caller to the function that needs it. Elsewhere it is packed as ``***``, and refused when it comes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import msgpack

from saltern.errors import MessageTooLarge, WireError
from saltern.plain import Plain
from saltern.secret import MAX_SECRET_BYTES, Secret

VERSION = 1
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
MAX_NESTED_ITEMS = 2_000_000  # of one array or map; keeps a hostile header from reserving memory
SECRET_EXTENSION = 1


class Message(NamedTuple):
    """One message: its type, sequence number and body."""

    type: str
    seq: int
    body: dict[str, Any]


def pack(type_: str, seq: int, body: dict[str, Any], limit: int = MAX_MESSAGE_BYTES, *, secrets: bool = False) -> bytes:
    """Return the frame of a message made of plain values, and of secrets where they may pass.

    Raises ``WireError`` when *body* holds something that msgpack can't carry (see ``pack_any``) and
    ``MessageTooLarge`` over *limit* bytes.
    """
    try:
        frame: bytes = _pack((VERSION, type_, seq, body), secrets)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise WireError(f"a {type_} message can't be packed: {error}") from None
    if len(frame) > limit:
        raise MessageTooLarge(f"a {type_} message of {len(frame):,} bytes is over the limit of {limit:,}")
    return frame


def pack_any(
    type_: str, seq: int, body: dict[str, Any], limit: int = MAX_MESSAGE_BYTES, *, secrets: bool = False
) -> bytes:
    """Like ``pack`` for a body with any values under ``return``: they get their plain form.

    What was changed is named under ``plain`` in the body. Raises ``MessageTooLarge``.
    """
    try:
        return pack(type_, seq, body, limit, secrets=secrets)
    except MessageTooLarge:
        raise
    except WireError:
        plain = Plain(secrets=secrets)
        changed = plain.of(body.get("return"))
        rest = Plain(secrets=secrets).of({key: value for key, value in body.items() if key != "return"})
        return pack(type_, seq, {**rest, "return": changed, "plain": plain.marks}, limit, secrets=secrets)


def unpack(frame: bytes | memoryview, limit: int = MAX_MESSAGE_BYTES, *, secrets: bool = False) -> Message:
    """Return the message of a frame. Raises ``WireError`` for anything else than a message of ours."""
    if len(frame) > limit:
        raise MessageTooLarge(f"a message of {len(frame):,} bytes is over the limit of {limit:,}")
    parts = unpack_value(frame, secrets=secrets)
    if not (isinstance(parts, list) and len(parts) == 4):
        raise WireError("not a message: expected an array [version, type, seq, body]")
    version, type_, seq, body = parts
    if version != VERSION:
        raise WireError(f"message version {version!r:.20} is not spoken here: this side speaks {VERSION}")
    if not (isinstance(type_, str) and type(seq) is int and isinstance(body, dict)):
        raise WireError("not a message: type must be text, seq a whole number, body a map")
    return Message(type_, seq, body)


def pack_value(value: Any, *, secrets: bool = False) -> bytes:
    """Return the msgpack of any value in its plain form; what was changed is not named."""
    try:
        return _pack(value, secrets)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return _pack(Plain(secrets=secrets).of(value), secrets)


def unpack_value(packed: bytes | memoryview, *, secrets: bool = False) -> Any:
    """Return the value of some msgpack bytes. Raises ``WireError`` for bytes that aren't."""
    try:
        return _unpack(packed, None, secrets)
    except TypeError:
        # A map with a list as key: Python's tuples pack so. The key becomes its text.
        try:
            return _unpack(packed, _with_text_keys, secrets)
        except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
            raise _not_msgpack(error) from None
    except (ValueError, RecursionError, msgpack.UnpackException) as error:
        raise _not_msgpack(error) from None


def _pack(value: Any, secrets: bool) -> bytes:
    packed: bytes = msgpack.packb(value, unicode_errors="surrogatepass", default=_extension if secrets else None)
    return packed


def _unpack(
    packed: bytes | memoryview, pairs_hook: Callable[[list[tuple[Any, Any]]], dict[Any, Any]] | None, secrets: bool
) -> Any:
    return msgpack.unpackb(
        packed,
        strict_map_key=False,
        unicode_errors="surrogatepass",
        object_pairs_hook=pairs_hook,
        max_array_len=MAX_NESTED_ITEMS,
        max_map_len=MAX_NESTED_ITEMS,
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
        str(tuple(key)) if isinstance(key, list) else str(key) if isinstance(key, dict) else key: value
        for key, value in pairs
    }


def _not_msgpack(error: Exception) -> WireError:
    return WireError(f"not msgpack: {error or type(error).__name__}")
