"""Commands that a device's pillar declares: ``restart {name}``, and what is put in their places.

Nothing that is put there can become more than one word. What a shell would take for more is quoted for one; where there
is no shell that is known (``interactive``), it is refused.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from saltern.errors import ArgumentError
from saltern.named import NamedTuple

PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,63})\}")
MAX_ARGUMENT = 4096


class DeclaredCommand(NamedTuple):
    """A command, how its answer is read, and what its places hold that nobody gives a value for."""

    run: str
    parse: str = "text"
    pattern: str = ""
    timeout: float = 0.0
    """Seconds; 0 for the device's ``command_timeout``."""
    defaults: Mapping[str, str] = MappingProxyType({})


def placeholders(run: str) -> list[str]:
    """Return the names of the places in a command, in their order."""
    return list(dict.fromkeys(PLACE.findall(run)))


def filled(name: str, command: DeclaredCommand, given: Mapping[str, Any], *, quotes: bool) -> str:
    """Return the line that runs *command*, with *given* in its places. Raises ``ArgumentError``.

    *quotes*: a shell reads it. An empty default leaves its place out.
    """
    places = placeholders(command.run)
    strange = sorted(given.keys() - set(places))
    if strange:
        raise ArgumentError(f"{name}: it takes no {strange[0]!r}{_takes(places)}")
    lacking = [place for place in places if place not in given and place not in command.defaults]
    if lacking:
        raise ArgumentError(f"{name}: {lacking[0]!r} is missing{_takes(places)}")

    def word(found: re.Match[str]) -> str:
        place = found[1]
        if place not in given and not command.defaults[place]:
            return ""
        return _word(name, place, given.get(place, command.defaults.get(place)), quotes=quotes)

    return PLACE.sub(word, command.run).strip()


def by_position(
    name: str, command: DeclaredCommand, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return arguments by the names of the places. Raises ``ArgumentError`` for one too many, and for one twice."""
    places = placeholders(command.run)
    if len(args) > len(places):
        raise ArgumentError(f"{name}: {len(args)} arguments{_takes(places)}")
    given = dict(zip(places, args, strict=False))
    twice = sorted(given.keys() & kwargs.keys())
    if twice:
        raise ArgumentError(f"{name}: {twice[0]!r} is given twice")
    return {**given, **kwargs}


def _takes(places: list[str]) -> str:
    return f": it takes {', '.join(places)}" if places else ": it takes no arguments"


def _word(name: str, place: str, value: Any, *, quotes: bool) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ArgumentError(f"{name}: {place}: a text or a number is right")
    text = str(value)
    if not text or len(text) > MAX_ARGUMENT or text.startswith("-") or not text.isprintable():
        why = "it is empty" if not text else "it begins with -" if text[0] == "-" else "it is no line of text"
        raise ArgumentError(f"{name}: {place}: {why}")
    quoted = shlex.quote(text)
    if quoted != text and not quotes:
        raise ArgumentError(f"{name}: {place}: {text[:60]!r} has more than letters, digits and @%+=:,./_- in it")
    return quoted
