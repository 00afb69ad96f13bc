"""``salt.payload``: values as msgpack."""

from __future__ import annotations

from typing import Any

from saltern.wire import pack_value, unpack_value


def dumps(msg: Any, use_bin_type: bool = False) -> bytes:
    """Return a plain value as msgpack."""
    return pack_value(msg)


def loads(msg: bytes, encoding: str | None = None, raw: bool = False) -> Any:
    """Return the value that msgpack stands for."""
    return unpack_value(msg)


unpackage, package = loads, dumps


def load(fn_: Any) -> Any:
    """Return the value in an open file."""
    data = fn_.read()
    fn_.close()
    return loads(data)


def dump(msg: Any, fn_: Any) -> None:
    """Write a value to an open file, and close it."""
    fn_.write(dumps(msg))
    fn_.close()


class Serial:
    """The same, as methods."""

    def __init__(self, opts: Any = None) -> None:
        self.opts = opts

    loads = staticmethod(loads)
    dumps = staticmethod(dumps)
    load = staticmethod(load)
    dump = staticmethod(dump)
