"""What a hook posts: the body that an event becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from saltern.errors import RecordError
from saltern_master.annotations.places import Places
from saltern_master.bus import Event
from saltern_master.webhooks.choice import Choice

MAX_BODY_BYTES = 1024 * 1024


class FormError(RecordError):
    """An event can't be put into this form, now or later."""


class Form(Protocol):
    """Makes bodies; may take its time, in a thread."""

    content_type: str

    def body(self, event: Event) -> bytes:
        """Return what *event* becomes. Raises ``FormError``."""


class Given:
    """What the configuration says of a hook's form: its options are taken one by one, what is left is none."""

    def __init__(self, name: str, options: Mapping[str, Any], choice: Choice, places: Callable[[], Places]) -> None:
        self.where = f"webhooks: {name}"
        self.name = name
        self.choice = choice
        self.places = places
        self._options = dict(options)

    def take(self, option: str, default: Any = None) -> Any:
        """Return an option's value."""
        return self._options.pop(option, default)

    def left(self) -> list[str]:
        """Return the options that nobody took."""
        return list(self._options)


def bounded(body: bytes) -> bytes:
    """Return *body*. Raises ``FormError`` when it is too large to be posted."""
    if len(body) > MAX_BODY_BYTES:
        raise FormError(f"its body is over {MAX_BODY_BYTES:,} bytes")
    return body
