"""``salt.serializers``: values as text, and back."""

from __future__ import annotations

from saltern.errors import SalternError


class DeserializationError(SalternError, RuntimeError):
    """A text that stands for no value."""


class SerializationError(SalternError, RuntimeError):
    """A value that can't be a text."""
