"""Ini files as Salt reads and writes them: sections in order, comments kept, as pure functions of a text.

A section is a mapping of its options. Its comments are in it too, by the names ``#comment1``, ``#comment2`` …, and
lines that are nothing known by ``#unknown1`` …. A line that is indented deeper belongs to the option above it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_HEADER = re.compile(r"^\s*\[(.+?)\]\s*$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*(#|;)\s*(.*)")
_INDENTED = re.compile(r"(\s+)(.*)")


class Section(dict[str, Any]):
    """The options of a section, or of the whole file with its sections as the last ones."""

    def __init__(self, name: str, separator: str, no_spaces: bool) -> None:
        super().__init__()
        self.name = name
        self.separator = separator
        self.no_spaces = no_spaces
        self._option = re.compile(rf"(\s*)(.+?)\s*({re.escape(separator)})\s*(.*)\s*")

    def read(self, text: str) -> None:
        """Take the lines of *text*, which has no sections."""
        text = text.strip("\n")
        comments = unknown = 0
        indent = ""
        for line in text.split("\n") if text else []:
            if _COMMENT.match(line):
                comments += 1
                self.take(f"#comment{comments}", line)
                continue
            indented = _INDENTED.match(line)
            if indented and indented[1].replace("\t", "    ") > indent and self:
                last = next(reversed(self))
                self.take(last, f"{self[last]}\n{line}")
                continue
            option = self._option.match(line)
            if option:
                indent = option[1].replace("\t", "    ")
                self.take(option[2], option[4])
                continue
            unknown += 1
            self.take(f"#unknown{unknown}", line)

    def take(self, key: str, value: Any) -> dict[str, Any]:
        """Set an option, or take the options of a section; return what that changed, ``{key: {'before', 'after'}}``.

        A new option takes the place of a comment that it is commented out in.
        """
        if isinstance(value, Mapping):
            return self._take_section(key, value)
        value = str(value)
        if key not in self:
            self._uncomment(key)
            self[key] = value
            return {key: {"before": None, "after": value}}
        if isinstance(self[key], Section):
            raise TypeError(f"{key} is a section, not an option")
        if self[key] == value:
            return {}
        before, self[key] = self[key], value
        return {key: {"before": before, "after": value}}

    def _take_section(self, key: str, options: Mapping[str, Any]) -> dict[str, Any]:
        there = self.get(key)
        if isinstance(there, Section):
            changed: dict[str, Any] = {}
            for name, value in options.items():
                changed |= there.take(name, value)
            return {key: changed} if changed else {}
        made = Section(key, self.separator, self.no_spaces)
        for name, value in options.items():
            made.take(name, value)
        before, self[key] = there, made
        return {key: {"before": before, "after": dict(made)}}

    def _uncomment(self, key: str) -> None:
        for name, line in self.items():
            option = self._option.match(line.lstrip("#")) if "#comment" in name and isinstance(line, str) else None
            if option and option[2] == key:
                break
        else:
            return
        after = False
        behind = []
        for other in list(self):
            if after:
                behind.append((other, self.pop(other)))
            after = after or other == name
        del self[name]
        self[key] = None
        self.update(behind)

    def written(self) -> Iterator[str]:
        """Yield the lines of the section, its header first, as texts with their line ends."""
        yield f"\n[{self.name}]\n"
        separator = self._written_separator()
        sections = []
        for name, value in self.items():
            if isinstance(value, Section):
                sections.append(value)
            elif _COMMENT.match(name):
                yield f"{value}\n"
            else:
                yield f"{name}{separator}{value}\n"
        for section in sections:
            yield from section.written()

    def _written_separator(self) -> str:
        if not self.separator.strip(" "):
            return " "
        return self.separator.strip() if self.no_spaces else f" {self.separator.strip()} "


def parsed(text: str, separator: str = "=", no_spaces: bool = False) -> Section:
    """Return the file *text* as one section that holds the others."""
    found = Section("", separator, no_spaces)
    first, *others = _HEADER.split("\n".join(text.splitlines()))
    found.read(first)
    for name, lines in zip(others[::2], others[1::2], strict=True):
        section = Section(name, separator, False)
        section.read(lines)
        found.take(name, section)
    return found


def text_of(file: Section) -> str:
    """Return the file's text."""
    _, *lines = file.written()
    if lines:
        lines[0] = lines[0].lstrip("\n")
    return "".join(lines)


def plain(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options alone, those of sections within too."""
    return {
        key: plain(value) if isinstance(value, Mapping) else value
        for key, value in section.items()
        if not key.startswith("#")
    }
