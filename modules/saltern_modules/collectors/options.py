"""The agent's option ``stats``: which collectors it switches on or off, and their options, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules.collectors.catalogue import listed, load


def switched(config: Mapping[str, Any]) -> dict[str, bool]:
    """Return whether each collector is on, by the configuration and its default. Raises ``CommandError``."""
    known = listed()
    switches = config.get("collectors") or {}
    if not isinstance(switches, Mapping):
        raise CommandError(f"stats: collectors must map names to true or false, not {switches!r}")
    for name, on in switches.items():
        if name not in known:
            raise CommandError(f"stats: collectors has no {name!r}{nearest(name, known)}")
        if not isinstance(on, bool):
            raise CommandError(f"stats: collectors: {name} must be true or false, not {on!r}")
    return {name: switches.get(name, row.on) for name, row in known.items()}


def check(config: Mapping[str, Any]) -> None:
    """Raise ``CommandError`` for the first option in *config* that no collector has, or of a wrong type."""
    known = listed()
    for section, options in config.items():
        if section == "collectors":
            continue
        if section not in known or not load(section).settings:
            sections = ["collectors", *(name for name in known if load(name).settings)]
            raise CommandError(f"stats: there is no option {section!r}{nearest(section, sections)}")
        if options is None:  # a section of the file in which every line is a comment
            continue
        if not isinstance(options, Mapping):
            raise CommandError(f"stats: {section} must hold options, not {options!r}")
        defaults = load(section).settings
        for name, value in options.items():
            if name not in defaults:
                raise CommandError(f"stats: {section} has no option {name!r}{nearest(name, defaults)}")
            if not _is_like(value, defaults[name]):
                raise CommandError(f"stats: {section}: {name} must be {_kind(defaults[name])}, not {value!r}")
        try:
            load(section).check({**defaults, **options})
        except ValueError as error:
            raise CommandError(f"stats: {section}: {error}") from None


def _is_like(value: object, default: object) -> bool:
    """Return whether *value* has the type of *default*, and what it holds too."""
    if isinstance(default, dict):
        return isinstance(value, dict) and all(isinstance(k, str) and _is_like(v, []) for k, v in value.items())
    if isinstance(default, list):
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if isinstance(default, float):  # a whole number of seconds is written without a point
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is type(default) and (not isinstance(value, int) or value >= 0)


def _kind(default: object) -> str:
    """Return in words what an option of *default*'s type must be."""
    if isinstance(default, dict):
        return "a dict of lists such as {'name': ['text']}"
    if isinstance(default, list):
        return f"a list such as {default[:3] or ['text']!r}"
    if isinstance(default, bool):
        return "true or false"
    if isinstance(default, str):
        return f"a text such as {default!r}"
    return f"a number such as {default!r}, not below 0"


def nearest(name: object, known: Iterable[str]) -> str:
    """Return ``: did you mean 'x'?``, or the choices when none is near."""
    import difflib  # not needed by a right configuration

    names = list(known)
    close = difflib.get_close_matches(str(name), names, 1)
    return f": did you mean {close[0]!r}?" if close else f": use one of {', '.join(names)}"
