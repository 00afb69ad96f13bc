"""Reads Carbon's ``.conf`` files: sections in order, each option with the line it stands on.

Carbon reads them with Python's configparser; this reader takes the same files and differs in one thing: a bad
line or section is reported with its line number and costs that section alone, never the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field


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

    Of a repeated key the last value counts. (Carbon does not start with such a file.)
    """

    name: str
    line: int
    options: dict[str, tuple[str, int]] = field(default_factory=dict)
    repeated: list[tuple[str, int]] = field(default_factory=list)

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
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return [], []
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        return [], [Problem(path, 0, f"can't be read: {reason}")]
    return parse_sections(text, path)


def parse_sections(text: str, path: str) -> tuple[list[Section], list[Problem]]:
    """Parse the *text* of the file *path*; see :func:`read_sections`."""
    sections: dict[str, Section] = {}
    problems: list[Problem] = []
    current: Section | None = None
    skipping = False
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            current = Section(line[1:-1].strip(), number)
            skipping = line[-1] != "]" or current.name in sections
            if line[-1] != "]":
                problems.append(Problem(path, number, f"section header {line!r} lacks its ']'"))
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
            skipping = True
            continue
        key = option[0].lower()
        if key in current.options:
            current.repeated.append((key, number))
        current.options[key] = (option[1], number)
    return list(sections.values()), problems


def compile_pattern(section: Section, path: str, problems: list[Problem]) -> re.Pattern[str] | None:
    """Return the ``pattern`` of *section*; ``None`` when there is none or it is added to *problems*."""
    pattern = section.get("pattern")
    if not pattern:
        return None
    try:
        return re.compile(pattern)
    except re.error as error:
        why = f"pattern {pattern!r} in [{section.name}] is not a regular expression: {error}"
        problems.append(Problem(path, section.line_of("pattern"), why))
        return None


def _split_option(line: str) -> tuple[str, str] | None:
    """Split at the first ``=`` or ``:``, whichever comes first, as configparser does."""
    places = [place for place in (line.find("="), line.find(":")) if place > 0]
    if not places:
        return None
    place = min(places)
    return line[:place].strip(), line[place + 1 :].strip()
