"""``salt.state``: Saltern has no states; modules that import it can do the rest of their work."""

from __future__ import annotations

from typing import Any

from saltern.errors import CommandError


class State:
    """Raises ``CommandError`` when it is made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise CommandError(f"salt.state.{type(self).__name__}: Saltern has no states")


class HighState(State):
    """Raises ``CommandError`` when it is made."""


class Compiler(State):
    """Raises ``CommandError`` when it is made."""


BaseHighState = HighState
