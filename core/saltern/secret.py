"""Values that nobody is shown: passwords and tokens in pillar, configuration and arguments.

A ``Secret`` prints as ``***`` wherever it gets to: in logs, events, stores, returns. Whoever has to use the text asks
for it by ``reveal``, at the last moment. On the wire it is an extension of msgpack's (``saltern.wire``), and only
where the sender says that secrets may pass; everywhere else it crosses as ``***``.
"""

from __future__ import annotations

from _operator import _compare_digest  # as hmac has it, which loads OpenSSL: 3.6 MB of an agent
from collections.abc import Callable
from typing import Any, NoReturn

MASK = "***"
MAX_SECRET_BYTES = 64 * 1024
MAX_DEPTH = 100
"""What lies deeper in a value is taken for a secret as a whole."""
_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})
"""What most members are, which are looked at no further."""


class Secret:
    """A text that shows as ``***``. Equal ones have equal texts, compared in constant time."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Raises ``ValueError`` for a text over ``MAX_SECRET_BYTES``."""
        if len(text.encode("utf-8", "surrogatepass")) > MAX_SECRET_BYTES:
            raise ValueError(f"a secret is over {MAX_SECRET_BYTES:,} bytes")
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __str__(self) -> str:
        return MASK

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        own, others = (one._text.encode("utf-8", "surrogatepass") for one in (self, other))
        return _compare_digest(own, others)

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled: reveal it where its text is needed")


def masked(value: Any) -> Any:
    """Return *value* (lists and maps within each other) with ``***`` in the place of each secret."""
    return _changed(value, lambda _: MASK, 0)


def revealed(value: Any) -> Any:
    """Return *value* (lists and maps within each other) with each secret's text in its place."""
    return _changed(value, Secret.reveal, 0)


def secret_texts(value: Any) -> frozenset[str]:
    """Return the texts of all secrets within *value*."""
    found: set[str] = set()
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, Secret):
            found.add(one.reveal())
        elif isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, (list, tuple)):
            todo += one
    return frozenset(found)


def _changed(value: Any, change: Callable[[Secret], str], depth: int) -> Any:
    """Return a copy of *value* with its secrets changed; a key that is one is masked: a key can't be kept quiet."""
    if isinstance(value, Secret):
        return change(value)
    if not isinstance(value, (dict, list, tuple)):
        return value
    if depth >= MAX_DEPTH:
        return MASK
    if isinstance(value, dict):
        return {
            MASK if isinstance(key, Secret) else key: member
            if type(member) in _PLAIN
            else _changed(member, change, depth + 1)
            for key, member in value.items()
        }
    return [member if type(member) in _PLAIN else _changed(member, change, depth + 1) for member in value]
