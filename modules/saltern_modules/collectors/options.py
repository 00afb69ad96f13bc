"""The agent's option ``stats``: which collectors it switches on or off, and their options, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules.collectors.catalogue import listed, load


def switched(config: Mapping[str, Any]) -> dict[str, bool]:
    """Return whether each collector is on, by the configuration and its default. Raises ``CommandError``."""
    known = listed()
    switches = config.get("collectors", {})
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
        if not isinstance(options, Mapping):
            raise CommandError(f"stats: {section} must hold options, not {options!r}")
        defaults = load(section).settings
        for name, value in options.items():
            if name not in defaults:
                raise CommandError(f"stats: {section} has no option {name!r}{nearest(name, defaults)}")
            wanted = type(defaults[name])
            if type(value) is not wanted or (wanted is list and not all(isinstance(v, str) for v in value)):
                example = f"{wanted.__name__} such as {defaults[name]!r}"
                raise CommandError(f"stats: {section}: {name} must be a {example}, not {value!r}")


def nearest(name: object, known: Iterable[str]) -> str:
    """Return ``: did you mean 'x'?``, or the choices when none is near."""
    import difflib  # not needed by a right configuration

    names = list(known)
    close = difflib.get_close_matches(str(name), names, 1)
    return f": did you mean {close[0]!r}?" if close else f": use one of {', '.join(names)}"
