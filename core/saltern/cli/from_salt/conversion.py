"""What becomes of each option of a configuration of Salt's: an option of ours, a key of the user's own, or a note."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from saltern.config.includes import DEFAULT_INCLUDE, INCLUDE, MAIN, ranked_files, together
from saltern.config.load import read_settings, wrong_key
from saltern.config.of_salt import instead_of, refused
from saltern.config.schema import Schema, fault
from saltern.errors import ConfigError

CHECKS = 20
"""How often what depends on other options is checked, each time without what was wrong."""

_WRONG = re.compile(r"^.*?: (\w+): (.*)$", re.DOTALL)


class Given(NamedTuple):
    """A value of Salt's configuration, and where it stands."""

    value: Any
    where: str


class Taken(NamedTuple):
    """An option of ours, and what to say of it."""

    value: Any
    comment: str = ""


class Note(NamedTuple):
    """An option of Salt's that was left out, wholly or in part: where it stands and what that means."""

    key: str
    where: str
    text: str


def given_in(file: str) -> tuple[dict[str, Given], list[str]]:
    """Return what Salt reads from *file* and what is beside it, by key, and the files. Raises ``ConfigError``."""
    given: dict[str, Given] = {}
    ranks: dict[str, int] = {}
    files = []
    for path, rank in ranked_files(file):
        files.append(path)
        for setting in read_settings(path):
            key, value = setting.key, setting.value
            if rank != MAIN and ranks.get(key) == rank:
                value = together(given[key].value, value)
            ranks[key] = rank
            given[key] = Given(value, f"{path}:{setting.line}")
    return given, files


class Conversion:
    """One configuration on its way; converters take what they use with ``pop`` and say what came of it."""

    def __init__(self, schema: Schema, given: Mapping[str, Given]) -> None:
        self.schema = schema
        self.options: dict[str, Taken] = {}
        self.own: dict[str, Taken] = {}
        self.notes: list[Note] = []
        self.elsewhere: dict[str, Any] = {}
        """Of a minion's file, what the master's says here: ``schedule``."""
        self._given = dict(given)
        self._types = schema.types()

    def pop(self, key: str) -> Given | None:
        """Return what Salt's *key* is set to, and take it out of what is left."""
        return self._given.pop(key, None)

    def take(self, key: str, value: Any, comment: str = "", *, of: tuple[str, Given] | None = None) -> None:
        """Set our option *key*; note what is wrong with *value*, as said by Salt's option *of*."""
        name, given = of or (key, Given(value, ""))
        if problem := fault(self.schema, key, self._types[key], value):
            self.note(name, given, f"left out: {key} {problem}")
        else:
            self.options[key] = Taken(value, comment)

    def note(self, key: str, given: Given, text: str) -> None:
        """Say that something of Salt's *key* was left out."""
        self.notes.append(Note(key, given.where, text))

    def run(self, converters: Mapping[str, Callable[[Conversion, str, Given], None]]) -> None:
        """Convert everything: first what has a converter, in their order, then all else."""
        for key in (INCLUDE, DEFAULT_INCLUDE):
            self._given.pop(key, None)  # what they name was read
        for key, convert in converters.items():
            if (given := self.pop(key)) is not None:
                self._one(key, given, convert)
        for key in list(self._given):
            if (rest := self.pop(key)) is not None:
                self._one(key, rest, Conversion._as_it_is)
        self._check_together()

    def _one(self, key: str, given: Given, convert: Callable[[Conversion, str, Given], None]) -> None:
        if given.value is None and key in self._types:
            return  # as if it weren't set
        convert(self, key, given)

    def _as_it_is(self, key: str, given: Given) -> None:
        if key in self.schema.defaults:
            self.take(key, given.value, of=(key, given))
        elif instead := instead_of(self.schema.name, key):
            left_out = "left out: instead, " if refused(self.schema.name, key) else ""
            self.note(key, given, f"{left_out}{instead}")
        elif wrong := wrong_key(self.schema, key):
            self.note(key, given, f"left out: here it {wrong}")
        else:
            self.own[key] = Taken(given.value)

    def _check_together(self) -> None:
        """Leave out what doesn't fit the other options, as reading the result would find."""
        for _ in range(CHECKS):
            options = {**self.schema.defaults, **{key: taken.value for key, taken in self.options.items()}}
            if "id" in options:
                options["id"] = options["id"] or "any"  # else this host's name would be looked up
            try:
                self.schema.finish({**options, "conf_file": "the result", "config_dir": ""})
                return
            except ConfigError as error:
                found = _WRONG.match(str(error))
                key, text = found.groups() if found else ("", "")
                if key not in self.options:
                    return  # of this host, not of the configuration
                self.notes.append(Note(key, "", f"left out: {text}"))
                del self.options[key]


def seconds(value: Any) -> float | None:
    """Return a number that is given as one, or as the text of one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None
