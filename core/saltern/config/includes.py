"""Which files a configuration is made of, as in Salt: ``default_include`` and ``include``, globs both.

::

    master            include: [sites/*.yaml]     the main file: its own keys are the weakest
    master.d/*.conf                               default_include, in order of their names
    sites/*.yaml                                  what include names, in the order that it stands there

Relative names are below the folder of the file that says them. A file that is included may include more. What is
included takes the place of what the main file says; what several files of one kind say of the same mapping or list is
put together, later ones winning.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from saltern.errors import ConfigError

INCLUDE, DEFAULT_INCLUDE = "include", "default_include"
MAX_FILES = 1000
"""Of one configuration: an include may name a folder by mistake, or itself."""
MAX_DEPTH = 10
"""Of files that include files."""

MAIN, DROP_IN, INCLUDED, OWN = range(4)

_MENTIONS = re.compile(rb"""^["']?(?:default_)?include["']?\s*:""", re.MULTILINE)


class OptionFile(NamedTuple):
    """A file of a configuration, and what it is there for: ``MAIN``, ``DROP_IN``, ``INCLUDED``, ``OWN``."""

    path: str
    rank: int


def option_files(main: str, own: Sequence[str] = ()) -> Iterator[str]:
    """Yield the files behind the configuration file *main* that are there, later ones winning, those of *own* last.

    A folder that this user may not list is yielded itself: reading it says so. Raises ``ConfigError`` when there are
    more than ``MAX_FILES``.
    """
    for file in ranked_files(main, own):
        yield file.path


def ranked_files(main: str, own: Sequence[str] = ()) -> Iterator[OptionFile]:
    """Yield the files as ``option_files`` does, each with its rank. Raises ``ConfigError``."""
    if os.path.exists(main):
        yield OptionFile(main, MAIN)
    seen = {os.path.realpath(main)}
    asked = _asked(main)
    first = asked.get(DEFAULT_INCLUDE) or [f"{os.path.basename(main)}.d/*.conf"]
    for patterns, rank in ((first, DROP_IN), (asked.get(INCLUDE, []), INCLUDED), (own, OWN)):
        for path in _included(main, patterns, seen, 1):
            if len(seen) > MAX_FILES:
                raise ConfigError(f"{main}: includes more than {MAX_FILES:,} files: look at include and {first[0]}")
            yield OptionFile(path, rank)


def unmatched(main: str) -> Iterator[tuple[str, str]]:
    """Yield each file and the pattern of its ``include`` that names no file."""
    for file in option_files(main):
        for pattern in _asked(file).get(INCLUDE, []):
            if not _matches(file, pattern):
                yield file, pattern


def _included(by: str, patterns: Sequence[str], seen: set[str], depth: int) -> Iterator[str]:
    """Yield the files that *patterns* of the file *by* name, and after each what it includes; none twice."""
    if depth > MAX_DEPTH:
        raise ConfigError(f"{by}: is included by way of more than {MAX_DEPTH} files")
    for pattern in patterns:
        for path in _matches(by, pattern):
            real = os.path.realpath(path)
            if real in seen:
                continue
            seen.add(real)
            yield path
            yield from _included(path, _asked(path).get(INCLUDE, []), seen, depth + 1)


def _matches(by: str, pattern: str) -> list[str]:
    path = os.path.join(os.path.dirname(by), os.path.expanduser(pattern))
    folder = os.path.dirname(path)
    if os.path.isdir(folder) and not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):
        return [folder]
    return sorted(found for found in glob.iglob(path) if not os.path.isdir(found) or not glob.has_magic(pattern))


def _asked(file: str) -> dict[str, list[str]]:
    """Return what *file* includes; one that can't be read, or is broken, includes nothing: reading it says why."""
    from saltern.config.load import MAX_FILE_BYTES, read_settings

    try:
        with open(file, "rb") as stream:
            text = stream.read(MAX_FILE_BYTES + 1)
        if len(text) > MAX_FILE_BYTES or not _MENTIONS.search(text):
            return {}
        return {s.key: texts_of(s.value) for s in read_settings(file) if s.key in (INCLUDE, DEFAULT_INCLUDE)}
    except (OSError, ConfigError):
        return {}


def texts_of(value: Any) -> list[str]:
    """Return the patterns that an include names: one text, or a list of them."""
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str) and one and "\0" not in one]


def together(old: Any, new: Any) -> Any:
    """Return what two files say of one key: mappings and lists put together, else *new*."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: together(old[key], value) if key in old else value for key, value in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        return [*old, *(member for member in new if member not in old)]
    return new
