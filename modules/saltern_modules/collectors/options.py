"""The agent's option ``stats``: which collectors it switches on or off, and their options, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltern.named import NamedTuple
from saltern_modules.collectors.catalogue import listed, load


class Chosen(NamedTuple):
    """What the option ``stats`` comes to: what is wrong in it leaves out what it belongs to, and nothing else."""

    switches: dict[str, bool]
    """Whether each collector is on, by the configuration and its default."""

    asked: set[str]
    """Those that ``collectors`` says it of."""

    options: dict[str, dict[str, Any]]
    """The options of collectors that are given some, by name; all of them right."""

    faults: dict[str, str]
    """What is wrong with a collector's switch or options, in a line that names them, by its name."""

    nobodys: list[str]
    """The same, of what is no collector's."""


def chosen(config: object) -> Chosen:
    """Return what *config*, the option ``stats``, comes to; it never raises."""
    known = listed()
    found = Chosen({name: row.on for name, row in known.items()}, set(), {}, {}, [])
    if config is not None and not isinstance(config, Mapping):
        found.nobodys.append(f"stats: must hold options, not {config!r:.80}")
    for section, options in config.items() if isinstance(config, Mapping) else ():
        if options is None:  # a section of the file in which every line is a comment
            continue
        if section == "collectors":
            _switch(options, found)
        elif section not in known:
            found.nobodys.append(f"stats: there is no option {section!r:.80}{nearest(section, ['collectors', *known])}")
        elif fault := _fault(section, options):
            found.faults.setdefault(section, f"stats: {section}{fault}")
        else:
            found.options[section] = dict(options)
    return found


def _switch(switches: object, found: Chosen) -> None:
    """Take what ``collectors`` says into *found*."""
    if not isinstance(switches, Mapping):
        found.nobodys.append(f"stats: collectors must map names to true or false, not {switches!r:.80}")
        return
    for name, on in switches.items():
        if name not in found.switches:
            found.nobodys.append(f"stats: collectors has no {name!r:.80}{nearest(name, found.switches)}")
            continue
        found.asked.add(name)
        found.switches[name] = on is not False  # where nobody knows what was meant it is to show that it failed
        if not isinstance(on, bool):
            found.faults[name] = f"stats: collectors: {name} must be true or false, not {on!r:.80}"


def _fault(section: str, options: object) -> str:
    """Return what is wrong first with the *options* of the collector *section*, as it follows its name; or nothing."""
    if not isinstance(options, Mapping):
        return f" must hold options, not {options!r:.80}"
    try:
        collector = load(section)
        defaults = collector.settings
        for name, value in options.items():
            if name not in defaults:
                return f" has no option {name!r:.80}{nearest(name, defaults) if defaults else ': it has none'}"
            if not _is_like(value, defaults[name]):
                return f": {name} must be {_kind(defaults[name])}, not {value!r:.80}"
        collector.check({**defaults, **options})
    except ValueError as error:
        return f": {error}"
    except Exception as error:  # its file is damaged: the others go on
        return f": it can't be begun: {type(error).__name__}: {error}"
    return ""


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
