"""What a low-level call comes to: a value, or parts that come one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

VALUE, MAP, LIST = "value", "map", "list"


class Begun:
    """A call that was taken. ``kind`` says what it gives:

    * ``value``: ``value``, which is there already;
    * ``map``: ``parts()`` yields pairs of a key and a value that make one map;
    * ``list``: ``parts()`` yields elements, each an answer of its own.

    Whoever takes one calls ``close`` in the end, or uses it in a ``with`` block.
    """

    def __init__(self, kind: str, value: Any = None, parts: Iterator[Any] | None = None) -> None:
        self.kind = kind
        self.value = value
        self._parts = iter(()) if parts is None else parts
        self._endings: list[Callable[[], None]] = []

    def parts(self) -> Iterator[Any]:
        """Yield what comes, up to the end. Raises what the connection to the master does."""
        yield from self._parts

    def gathered(self) -> Any:
        """Return all of it once it is there: the value, or the parts as a map or a list."""
        if self.kind == VALUE:
            return self.value
        return dict(self.parts()) if self.kind == MAP else list(self.parts())

    def then(self, ending: Callable[[], None]) -> None:
        """Have *ending* called when this is closed."""
        self._endings.append(ending)

    def close(self) -> None:
        """Stop waiting; a job goes on."""
        close = getattr(self._parts, "close", None)
        if close is not None:
            close()
        while self._endings:
            self._endings.pop()()

    def __enter__(self) -> Begun:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
