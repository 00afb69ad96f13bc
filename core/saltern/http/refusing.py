"""How an application says no: its own form of an error, for what is refused before it is asked."""

from __future__ import annotations

from typing import Protocol

from starlette.types import ASGIApp


class Refuse(Protocol):
    """Makes the answer that an application gives to what it refuses."""

    def __call__(self, status: int, message: str, /) -> ASGIApp:
        """Return the answer that says *message*, one line."""
        ...
