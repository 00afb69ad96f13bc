"""``salt.utils.itertools``: things gone through one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def split(orig: str, sep: str | None = None) -> Iterator[str]:
    """Yield the parts of a text."""
    yield from orig.split(sep)


def read_file(fh_: Any, chunk_size: int = 1048576) -> Iterator[Any]:
    """Yield what an open file holds, a part at a time, and close it."""
    with fh_ as stream:
        while chunk := stream.read(chunk_size):
            yield chunk
