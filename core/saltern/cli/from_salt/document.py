"""The result: YAML of ours, each option with its comment, and what was left out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from saltern.cli.from_salt.conversion import Conversion, Note, Taken
from saltern.secret import Secret
from saltern.visible import visible

WIDTH = 118
INDENT = "    "


class Dumper(yaml.SafeDumper):
    """YAML's plain types, and texts marked ``!secret``."""


Dumper.add_representer(Secret, lambda dumper, secret: dumper.represent_scalar("!secret", secret.reveal(), style='"'))


def document(conversion: Conversion, files: Sequence[str], target: str) -> str:
    """Return the text for the file *target*, which was made of *files*."""
    shown = ", ".join(files[:5]) + (f" and {len(files) - 5} more" if len(files) > 5 else "")
    lines = [*_comment(f"{target}: made of {shown}"), ""]
    if not conversion.options and not conversion.own:
        lines += ["# Nothing in it differs from our defaults.", ""]
    lines += _entries(conversion.options, conversion)
    if conversion.own:
        lines += ["# Keys of your own, kept for config.get and for programs that read them.", ""]
        lines += _entries(conversion.own, conversion)
    if conversion.elsewhere:
        lines += ["# To the master's file, beside what it has there:", "#"]
        lines += [f"#{INDENT}{line}".rstrip() for line in _yaml(conversion.elsewhere).splitlines()]
        lines += [""]
    if conversion.notes:
        lines += ["# What has no equivalent, and what that means:", "#"]
        for note in conversion.notes:
            lines += _noted(note)
    return "\n".join(lines).rstrip("\n") + "\n"


def _entries(entries: Mapping[str, Taken], conversion: Conversion) -> Iterator[str]:
    for key, (value, comment) in entries.items():
        try:
            text = _yaml({key: value})
        except (yaml.YAMLError, RecursionError):
            conversion.notes.append(Note(key, "", "left out: it can't be written as YAML"))
            continue
        if comment:
            yield from _comment(comment)
        yield from (*text.splitlines(), "")


def _noted(note: Note) -> list[str]:
    where = f" ({note.where})" if note.where else ""
    return [f"#{INDENT}{line}" for line in _wrapped(f"{note.key}{where}: {note.text}", hanging=INDENT)]


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in _wrapped(text)]


def _wrapped(text: str, hanging: str = "") -> list[str]:
    """Return *text* as lines of a comment; whatever is in it, it ends none."""
    line = "".join(c if c.isprintable() else " " for c in visible(text))
    wrapped = textwrap.wrap(line, WIDTH - 6, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False)
    return wrapped or [""]


def _yaml(value: Any) -> str:
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=False)
