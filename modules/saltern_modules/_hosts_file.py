"""The file of host names, ``/etc/hosts`` (hosts(5)), read and changed line by line: what isn't meant stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from saltern.named import NamedTuple
from saltern_modules._lines import ended


class Line(NamedTuple):
    """A line with an address: its names, and its comment, empty when there is none."""

    ip: str
    names: list[str]
    comment: str

    @property
    def text(self) -> str:
        """The line as it is written."""
        written = f"{self.ip}\t\t{' '.join(self.names)}"
        return f"{written}\t\t# {self.comment}" if self.comment else written


def parse_line(line: str) -> Line | None:
    """Return what *line* says, None for a comment and for a blank line."""
    content, _, comment = line.strip().partition("#")
    words = content.split()
    return Line(words[0], words[1:], comment.strip()) if words else None


def parse_hosts(text: str) -> dict[str, Any]:
    """Return ``{address: {'aliases': [names], 'comment': the last one}, 'comment-0': [line], …}``, in order."""
    found: dict[str, Any] = {}
    comments = 0
    for line in text.split("\n"):
        said = parse_line(line)
        if said:
            entry = found.setdefault(said.ip, {"aliases": []})
            entry["aliases"].extend(said.names)
            if said.comment:
                entry["comment"] = said.comment
        elif line.strip():
            found[f"comment-{comments}"] = [line.strip()]
            comments += 1
    return found


def with_last(text: str, ip: str, change: Callable[[Line], Line]) -> str:
    """Return *text* with *change* made to the last line of *ip*, or to a new one at the end."""
    lines = text.split("\n")
    at = next((number for number in reversed(range(len(lines))) if _is_of(lines[number], ip)), None)
    if at is None:
        return _ended(text) + change(Line(ip, [], "")).text + "\n"
    said = parse_line(lines[at])
    assert said is not None
    lines[at] = change(said).text
    return _ended("\n".join(lines))


def with_names(text: str, ip: str, alias: str, comment: str | None) -> str:
    """Return *text* with *alias*, names with blanks between, as all that *ip* is called; with none, without *ip*."""
    line = f"{ip}\t\t{alias}\t\t# {comment}\n" if comment else f"{ip}\t\t{alias}\n"
    new = [line] if alias.strip() else []
    kept: list[str] = []
    for old in ended(text):
        if _is_of(old, ip):
            kept += new
            new = []
        else:
            kept.append(old)
    return "".join(kept) if not new else _ended("".join(kept)) + line


def without_name(text: str, ip: str, alias: str) -> str:
    """Return *text* with *alias* gone from the lines of *ip*; a line without names goes too."""
    kept = []
    for line in ended(text):
        said = parse_line(line)
        if said is None or said.ip != ip:
            kept.append(line)
            continue
        names = [name for name in said.names if name != alias]
        written = f"{ip}\t\t{''.join(f'{name} ' for name in names)}"
        if names:
            kept.append(f"{written}# {said.comment}\n" if said.comment else f"{written}\n")
    return "".join(kept)


def _is_of(line: str, ip: str) -> bool:
    said = parse_line(line)
    return said is not None and said.ip == ip


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
