"""``salt.utils.decorators.extension_deprecation``: a name that code asks for before it is an extension."""

from __future__ import annotations

from typing import Any


def extension_deprecation_message(*args: Any, **kwargs: Any) -> Any:
    """Return a decorator that leaves functions as they are."""
    return lambda function: function
