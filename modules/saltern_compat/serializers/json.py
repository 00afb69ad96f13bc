"""``salt.serializers.json``."""

from __future__ import annotations

from typing import Any

from saltern_compat.serializers import DeserializationError, SerializationError
from saltern_compat.utils import json

available = True
__all__ = ["available", "deserialize", "serialize"]


def deserialize(stream_or_string: Any, **options: Any) -> Any:
    """Return what a text or an open file says. Raises ``DeserializationError``."""
    try:
        text = stream_or_string.read() if hasattr(stream_or_string, "read") else stream_or_string
        return json.loads(text, **options)
    except ValueError as error:
        raise DeserializationError(str(error)) from error


def serialize(obj: Any, **options: Any) -> Any:
    """Return a value as text, or write it to the open file ``fp``. Raises ``SerializationError``."""
    try:
        stream = options.pop("fp", None)
        return json.dump(obj, stream, **options) if stream else json.dumps(obj, **options)
    except (TypeError, ValueError) as error:
        raise SerializationError(str(error)) from error
