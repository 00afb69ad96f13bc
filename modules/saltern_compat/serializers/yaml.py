"""``salt.serializers.yaml``."""

from __future__ import annotations

from typing import Any

from saltern_compat.serializers import DeserializationError, SerializationError
from saltern_compat.utils import yaml

available = True
__all__ = ["available", "deserialize", "serialize"]


def deserialize(stream_or_string: Any, **options: Any) -> Any:
    """Return what a text or an open file says. Raises ``DeserializationError``."""
    try:
        text = stream_or_string.read() if hasattr(stream_or_string, "read") else stream_or_string
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DeserializationError(str(error)) from error


def serialize(obj: Any, **options: Any) -> Any:
    """Return a value as text, or write it to the open file ``stream``. Raises ``SerializationError``."""
    try:
        options.setdefault("default_flow_style", False)
        made = yaml.safe_dump(obj, options.pop("stream", None), **options)
        return made.removesuffix("\n") if isinstance(made, str) else made
    except (TypeError, ValueError, yaml.YAMLError) as error:
        raise SerializationError(str(error)) from error
