"""What a command answers that goes on: a first result, then items for as long as the caller listens."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol


class Source(Protocol):
    """Where the items are from."""

    async def batch(self) -> list[bytes]:
        """Wait for items and return all there are, packed. An empty list ends the stream."""

    def close(self) -> None:
        """Nobody listens any more."""


class Stream(NamedTuple):
    """The first result, and the source of what follows."""

    result: Any
    source: Source
