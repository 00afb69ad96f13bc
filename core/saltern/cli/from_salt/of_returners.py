"""A master's job caches and returners: here it writes what minions return to databases, by its option ``returners``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from saltern.cli.from_salt.conversion import Conversion, Given, Taken
from saltern.config.of_salt import RETURNER_KEYS

COMMENT = "The master writes what minions return to these databases, in Salt's tables."
WITHOUT_EVENTS = "sqlite3"


def job_cache(conversion: Conversion, key: str, given: Given) -> None:
    """``ext_job_cache`` and ``master_job_cache``: beside our own store, not in its place."""
    if isinstance(given.value, str) and given.value in RETURNER_KEYS:
        _entry(conversion, given.value)
        conversion.note(key, given, f"returners has {given.value}; jobs are kept in job_db, too, which runners read")
    elif given.value not in (None, "", "local_cache"):
        conversion.note(key, given, f"left out: returners takes {', '.join(RETURNER_KEYS)}")


def option(conversion: Conversion, key: str, given: Given) -> None:
    """``mysql.host``, ``returner.mysql.host``, or ``mysql: {host: …}``."""
    name, _, one = key.removeprefix("returner.").partition(".")
    said = {one: given.value} if one else given.value
    if not isinstance(said, dict):
        conversion.note(key, given, "left out: it is no mapping of options")
        return
    entry = _entry(conversion, name)
    for what, value in said.items():
        if what in RETURNER_KEYS[name] and value is not None:
            entry[what] = value
        else:
            conversion.note(
                key, given, f"left out in part: {what!r:.80}: {name} takes {', '.join(RETURNER_KEYS[name])}"
            )


def event_return(conversion: Conversion, key: str, given: Given) -> None:
    """Names of returners."""
    names = [given.value] if isinstance(given.value, str) else given.value
    if not isinstance(names, list):
        conversion.note(key, given, "left out: it is no list of returners")
        return
    known = [name for name in names if isinstance(name, str) and name in RETURNER_KEYS and name != WITHOUT_EVENTS]
    others = [str(name) for name in names if name and name not in known]
    for name in known:
        _entry(conversion, name)
    if others:
        conversion.note(
            key, given, f"left out in part: {', '.join(others)}: a program may follow events (saltern.event)"
        )
    if known:
        conversion.take(key, known, of=(key, given))


def _entry(conversion: Conversion, name: str) -> dict[str, Any]:
    """Return the options of a returner, made now unless it was."""
    taken = conversion.options.setdefault("returners", Taken({}, COMMENT))
    entry: dict[str, Any] = taken.value.setdefault(name, {"driver": name})
    return entry


RETURNER_CONVERTERS: dict[str, Callable[[Conversion, str, Given], None]] = {
    "ext_job_cache": job_cache,
    "master_job_cache": job_cache,
    "event_return": event_return,
    **{
        f"{prefix}{name}{dot}{key}": option
        for name, keys in RETURNER_KEYS.items()
        for prefix in ("", "returner.")
        for dot, key in (("", ""), *((".", key) for key in keys))
    },
}
