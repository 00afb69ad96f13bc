"""``salt.serializers.msgpack``."""

from __future__ import annotations

from typing import Any

from saltern.wire import pack_value, unpack_value

available = True


def serialize(obj: Any, **options: Any) -> bytes:
    """Return a value as msgpack."""
    return pack_value(obj)


def deserialize(stream_or_string: Any, **options: Any) -> Any:
    """Return the value that msgpack stands for."""
    data = stream_or_string.read() if hasattr(stream_or_string, "read") else stream_or_string
    return unpack_value(data)
