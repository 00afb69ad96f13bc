"""What a user names to be watched: a process, a port, a log file.

An entry of such an option is the thing itself or, to choose how it is called in metrics' names, ``name=thing``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from saltern.named import NamedTuple
from saltern_modules.collectors.segment import segment

MAX_NAMED = 200
"""Entries of one option."""

_NAMED = re.compile(r"([A-Za-z0-9_-]{1,100})=(.+)", re.DOTALL)


class Named(NamedTuple):
    """One entry."""

    label: str
    """The segment of a metric's name that stands for it."""

    thing: str


def named(entries: Iterable[str], label: Callable[[str], str] = segment) -> list[Named]:
    """Return what is named, in its order; *label* makes a segment of a thing that was given no name."""
    things = []
    for entry in entries:
        found = _NAMED.fullmatch(entry)
        things.append(Named(found[1], found[2]) if found else Named(label(entry), entry))
    return things


def check_named(option: str, things: list[Named], example: str, parse: Callable[[str], object] | None = None) -> None:
    """Raise ``ValueError`` when *things* are too many, one is empty, or two would be called the same.

    Or when *parse* does, of one of them.
    """
    for _, thing in things:
        try:
            if parse is not None:
                parse(thing)
        except ValueError as error:
            raise ValueError(f"{option}: {error}") from None
    if len(things) > MAX_NAMED:
        raise ValueError(f"{option} may name {MAX_NAMED} at most, not {len(things)}")
    seen: dict[str, str] = {}
    for label, thing in things:
        if "\0" in thing:
            raise ValueError(f"{option}: {thing!r} holds a zero character, which nothing on a host has in its name")
        if not thing.strip():
            raise ValueError(f"{option} holds an empty entry: name one such as {example!r}")
        if label in seen:
            raise ValueError(f"{option}: {seen[label]!r} and {thing!r} would both be called {label!r}")
        seen[label] = thing
