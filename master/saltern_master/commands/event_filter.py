"""What a follower of events asks for: those of some tags, and of returns not what was returned.

A glob is held against the tag of every event there is, so it has one wildcard, ``*``, for any text, ``/`` too, and is
looked for from left to right: no tag makes it start over.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from saltern.errors import ArgumentError
from saltern_master.bus import LOST, Event

MAX_GLOBS = 200
MAX_GLOB_CHARS = 512
MAX_STARS = 400
"""In all of them: what holding them against a tag takes."""
LEFT_OUT = ("return", "fun_args", "arg", "kwarg")
"""What a brief event of a return is without."""
JOBS = "salt/job/"
ON_THE_MASTER = ("salt/run/", "salt/wheel/")


class TagGlobs:
    """Tags that match one of *globs*; every tag, where there are none."""

    def __init__(self, globs: Iterable[str] = ()) -> None:
        """Raises ``ArgumentError`` for too many, or what is none."""
        texts = _checked(globs)
        self._every = not texts
        self._whole = frozenset(text for text in texts if "*" not in text)
        split = [text.split("*") for text in texts if "*" in text]
        self._globs = [(first, tuple(filter(None, middle)), last) for first, *middle, last in split]
        self._firsts = tuple({first for first, _, _ in self._globs})

    def match(self, tag: str) -> bool:
        """Return whether *tag* is meant."""
        if self._every or tag in self._whole:
            return True
        if not tag.startswith(self._firsts):
            return False
        return any(
            tag.startswith(first) and tag.endswith(last) and _in_turn(tag, len(first), middle, len(tag) - len(last))
            for first, middle, last in self._globs
        )


def _in_turn(tag: str, at: int, parts: tuple[str, ...], end: int) -> bool:
    """Return whether *parts* are found one behind the other in ``tag[at:end]``."""
    for part in parts:
        at = tag.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return at <= end


def _checked(globs: Iterable[Any]) -> list[str]:
    texts = list(dict.fromkeys(globs)) if all(isinstance(one, str) for one in globs) else None
    if texts is None or len(texts) > MAX_GLOBS or not all(0 < len(text) <= MAX_GLOB_CHARS for text in texts):
        raise ArgumentError(f"tags must be up to {MAX_GLOBS} texts of 1 to {MAX_GLOB_CHARS} characters, with * for any")
    if sum(text.count("*") for text in texts) > MAX_STARS:
        raise ArgumentError(f"tags may have {MAX_STARS} * in all: leave some out")
    return texts


class EventFilter:
    """Passes events whose tags match *globs*; *brief*: those of returns without what is in ``LEFT_OUT``."""

    def __init__(self, globs: Iterable[str] = (), *, brief: bool = False) -> None:
        """Raises ``ArgumentError``."""
        self._globs = TagGlobs(globs)
        self._brief = brief

    def wants(self, event: Event) -> bool:
        """Return whether *event* is asked for; that some were lost always is."""
        return self._globs.match(event.tag) or event.tag == LOST

    def shortened(self, event: Event) -> Event:
        """Return *event* as it is asked for."""
        if not (self._brief and _is_return(event.tag)):
            return event
        data = {name: value for name, value in event.data.items() if name not in LEFT_OUT}
        return Event(event.tag, data, event.size, number=event.number)


def _is_return(tag: str) -> bool:
    parts = tag.split("/", 5)
    if tag.startswith(JOBS):
        return len(parts) == 5 and parts[3] == "ret"
    return tag.startswith(ON_THE_MASTER) and len(parts) == 4 and parts[3] == "ret"
