"""Reads Carbon's ``.conf`` files: sections in order, each option with the line it stands on.

Carbon reads them with Python's configparser; this reader takes the same files, with values that go on in lines that
are indented further, ``[DEFAULT]`` for what all other sections have, ``%(key)s`` for another value of the section and
``%%`` for a percent sign. It differs in one thing: a bad line or section is reported with its line number and costs
that section alone, never the file.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

DEFAULT = "DEFAULT"
"""The section whose options every other one has, unless it has them itself. With a pattern it is one like others."""

ENCODING = "utf-8-sig"
"""Editors of some systems begin a file with a byte order mark."""

Rule = TypeVar("Rule")

_HEADER = re.compile(r"\[(.+)\]")  # what follows it says nothing, as for configparser
_REFERENCE = re.compile(r"%(?:%|\(([^)]+)\)s)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DEEPEST = 10
"""So many references in one another are followed, as in Carbon."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file: *path*, 1-based *line* (0: the file as a whole) and *why*."""

    path: str
    line: int
    why: str

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.why}"


@dataclass(slots=True)
class Section:
    """A ``[name]`` with its options: lower-cased key -> (value, line); *repeated* are the lines of keys said before.

    Of a repeated key the last value counts. (Carbon does not start with such a file.) *referred* are the keys that
    values refer to.
    """

    name: str
    line: int
    options: dict[str, tuple[str, int]] = field(default_factory=dict)
    repeated: list[tuple[str, int]] = field(default_factory=list)
    referred: set[str] = field(default_factory=set)

    def get(self, key: str) -> str | None:
        """Return the value of *key* (lower case), or ``None``."""
        option = self.options.get(key)
        return option[0] if option else None

    def line_of(self, key: str) -> int:
        """Return the line of *key*, or the section's own when it isn't there."""
        return self.options.get(key, ("", self.line))[1]


def read_sections(path: str) -> tuple[list[Section], list[Problem]]:
    """Return the sections of *path* in file order, and what was wrong with it.

    A file that doesn't exist has no sections and no problems; one that can't be read is a problem.
    """
    text = read_text(path, errors="surrogateescape")
    return ([], [text]) if isinstance(text, Problem) else parse_sections(text or "", path)


def read_text(path: str, *, errors: str = "strict") -> str | Problem | None:
    """Return what is in the file *path*, ``None`` when there is none, or why it can't be read.

    *errors* is what ``open`` is to do with bytes that are not UTF-8.
    """
    try:
        with open(path, encoding=ENCODING, errors=errors) as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        return Problem(path, 0, f"can't be read: {reason}")


def parse_sections(text: str, path: str) -> tuple[list[Section], list[Problem]]:
    """Parse the *text* of the file *path*; see :func:`read_sections`."""
    sections: dict[str, Section] = {}
    problems: list[Problem] = []
    current: Section | None = None
    skipping = False
    key, indent = "", 0  # of the option that a further line may go on with
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if _SURROGATE.search(line):  # bytes that are not UTF-8, in other lines than comments
            problems.append(Problem(path, number, "not UTF-8"))
            if line[0] == "[":
                current = Section("", number)
            elif current is not None and not skipping:
                sections.pop(current.name, None)
            skipping, key = current is not None, ""
            continue
        deep = len(raw) - len(raw.lstrip())
        if current is not None and key and deep > indent:
            value, first = current.options[key]
            current.options[key] = (f"{value}\n{line}".strip(), first)
            continue
        if line[0] == "[":
            key = ""
            header = _HEADER.match(line)
            current = Section(header[1].strip() if header else line[1:], number)
            if current.name == DEFAULT:  # may go on anywhere
                current = sections.setdefault(DEFAULT, current)
            skipping = header is None or sections.get(current.name, current) is not current
            if header is None:
                problems.append(Problem(path, number, f"section header {line!r} lacks its ']', or the name in it"))
            elif skipping:
                problems.append(Problem(path, number, f"section [{current.name}] is there twice: rename one"))
            else:
                sections[current.name] = current
            continue
        if skipping:
            continue
        if current is None:
            problems.append(Problem(path, number, f"{line!r} stands before any [section]"))
            continue
        option = _split_option(line)
        if option is None:
            problems.append(Problem(path, number, f"{line!r} in [{current.name}] is not 'key = value'"))
            sections.pop(current.name, None)
            skipping, key = True, ""
            continue
        key, indent = option[0].lower(), deep
        if key in current.options:
            current.repeated.append((key, number))
        current.options[key] = (option[1], number)
    finished, wrong = _finished(sections, path)
    return finished, problems + wrong


def read_rules(path: str, rule_of: Callable[[Section, str], Rule | list[Problem]]) -> tuple[list[Rule], list[Problem]]:
    """Return what *rule_of* makes of each section of *path*, in file order, and what was wrong with the others."""
    sections, problems = read_sections(path)
    rules: list[Rule] = []
    for section in sections:
        found = rule_of(section, path)
        if isinstance(found, list):
            problems.extend(found)
        else:
            rules.append(found)
    return rules, sorted(problems, key=lambda problem: problem.line)


def compiled(pattern: str) -> re.Pattern[str]:
    """Compile *pattern*, a user's. Raises ``ValueError`` saying what is wrong with it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of "[[", which means what it always did
            return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from None


def compile_pattern(section: Section, path: str, problems: list[Problem]) -> re.Pattern[str] | None:
    """Return the ``pattern`` of *section*; ``None`` when there is none or it is added to *problems*."""
    pattern = section.get("pattern")
    if not pattern:
        return None
    try:
        return compiled(pattern)
    except ValueError as error:
        why = f"pattern {pattern!r} in [{section.name}] is not a regular expression: {error}"
        problems.append(Problem(path, section.line_of("pattern"), why))
        return None


def _finished(sections: dict[str, Section], path: str) -> tuple[list[Section], list[Problem]]:
    """Return *sections* with what they have from :data:`DEFAULT`, and with what values refer to, and what is wrong."""
    common = sections.get(DEFAULT, Section(DEFAULT, 0)).options
    if "pattern" not in common:
        sections.pop(DEFAULT, None)
    finished: list[Section] = []
    problems: list[Problem] = []
    for section in sections.values():
        section.options = {**common, **section.options}
        wrong = _fill_in(section, path)
        problems += wrong
        if not wrong:
            finished.append(section)
    return finished, problems


def _fill_in(section: Section, path: str) -> list[Problem]:
    """Put what values refer to in its place, in *section*; return which of them can't be."""
    filled, problems = {}, []
    for key, (_, line) in section.options.items():
        try:
            filled[key] = _filled(section, key), line
        except ValueError as error:
            problems.append(Problem(path, line, f"{key} in [{section.name}]: {error}"))
    section.options = filled
    return problems


def _filled(section: Section, key: str, depth: int = 0) -> str:
    """Return the value of *key* with what it refers to. Raises ``ValueError`` saying what is wrong.

    Any other percent sign is one. (Carbon does not start with such a file.)
    """

    def meant(found: re.Match[str]) -> str:
        if found[1] is None:
            return "%"
        other = found[1].lower()
        if other not in section.options:
            raise ValueError(f"there is no key {found[1]!r}, to which {found[0]} refers")
        if depth == _DEEPEST:
            raise ValueError(f"{found[0]} leads in circles")
        section.referred.add(other)
        return _filled(section, other, depth + 1)

    return _REFERENCE.sub(meant, section.options[key][0])


def _split_option(line: str) -> tuple[str, str] | None:
    """Split at the first ``=`` or ``:``, whichever comes first, as configparser does."""
    places = [place for place in (line.find("="), line.find(":")) if place > 0]
    if not places:
        return None
    place = min(places)
    return line[:place].strip(), line[place + 1 :].strip()
