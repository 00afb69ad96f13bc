"""``salt.utils.msgpack``: values as msgpack, by the library's names."""

from __future__ import annotations

from typing import Any

import msgpack

exceptions = msgpack.exceptions
HAS_MSGPACK = True
version: tuple[int, ...] = msgpack.version


def packb(o: Any, **kwargs: Any) -> bytes:
    """Return *o* as msgpack."""
    made: bytes = msgpack.packb(o, **{key: value for key, value in kwargs.items() if key != "encoding"})
    return made


def unpackb(packed: bytes, **kwargs: Any) -> Any:
    """Return what msgpack stands for."""
    return msgpack.unpackb(packed, **{key: value for key, value in kwargs.items() if key != "encoding"})


dumps, loads = packb, unpackb


def dump(o: Any, stream: Any, **kwargs: Any) -> None:
    """Write *o* to an open file."""
    stream.write(packb(o, **kwargs))


def load(stream: Any, **kwargs: Any) -> Any:
    """Return what an open file holds."""
    return unpackb(stream.read(), **kwargs)


pack, unpack = dump, load
