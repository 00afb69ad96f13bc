"""A connection to an agent, as far as the master's inside needs to know one; entrances make them."""

from __future__ import annotations

from typing import Protocol


class Connection(Protocol):
    """One connection, known by the *key* that it authenticated with and the IP *address* it is from, or ``""``.

    *minion_id* is set by whoever finds out, from the key, whose connection it is.
    """

    key: str
    minion_id: str | None

    @property
    def address(self) -> str:
        """Return the IP address."""

    def send(self, frame: bytes) -> bool:
        """Send a frame; return ``False`` when the far end is gone or takes nothing more."""
