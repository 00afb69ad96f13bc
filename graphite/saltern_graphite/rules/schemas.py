"""Which retentions a new metric's file gets: ``storage-schemas.conf`` in Carbon's own format.

::

    [name]
    pattern = ^servers\\.          a Python regular expression, searched for anywhere in the name
    retentions = 15s:2d,1m:14d    precision:retention, finest first

Sections are tried in file order; the first match wins. A precision is seconds or a number with a unit (s m h d w
y, or more of the word: 10min, 2days); a retention is a number of *points* or a length with a unit. A name that no
section matches gets :data:`DEFAULT_RETENTIONS_TEXT`. Files that exist already never change by themselves:
``saltern-graphite resize`` applies the rules to them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import pairwise

from saltern_graphite.rules.conf_file import Problem, Section, compile_pattern, read_rules

SCHEMAS_FILE = "storage-schemas.conf"
DEFAULT_RETENTIONS_TEXT = "15s:2d,1m:14d,10m:1y"
UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
UNIT_WORDS = ("seconds", "minutes", "hours", "days", "weeks", "years")
"""Whisper takes any beginning of these as a unit; Carbon's daemon the first letter alone."""

_LENGTH = re.compile(r"(\d{1,10})([a-z]*)\Z")
_MAX_UINT32 = 0xFFFF_FFFF  # a Whisper header holds its numbers in 32 bits
_POINT_BYTES = 12


@dataclass(frozen=True, slots=True)
class Retention:
    """One archive: a slot every *step* seconds, *points* slots."""

    step: int
    points: int

    @property
    def seconds(self) -> int:
        """How far back the archive reaches."""
        return self.step * self.points


@dataclass(frozen=True, slots=True)
class Schema:
    """A section: names in which *pattern* is found get *retentions*. The built-in default has line 0."""

    name: str
    pattern: re.Pattern[str]
    retentions: tuple[Retention, ...]
    line: int = 0


def parse_retentions(text: str) -> tuple[Retention, ...]:
    """Return the archives that *text* (``15s:2d,1m:14d``) describes, finest first.

    Raises ``ValueError`` saying what is wrong, including what Whisper itself would refuse: two archives of one
    precision, a precision that doesn't divide the next, a coarser archive that isn't longer, or a finer one with
    too few points to fill one slot of the next.
    """
    retentions = sorted((_parse_retention(part.strip()) for part in text.split(",")), key=lambda r: r.step)
    for fine, coarse in pairwise(retentions):
        if fine.step == coarse.step:
            raise ValueError(f"two archives of {fine.step} s: keep one")
        if coarse.step % fine.step:
            raise ValueError(f"a step of {fine.step} s does not divide the next, {coarse.step} s")
        if coarse.seconds <= fine.seconds:
            raise ValueError(
                f"the {coarse.step} s archive keeps {coarse.seconds} s, no more than the finer one's {fine.seconds} s"
            )
        if fine.points < coarse.step // fine.step:
            raise ValueError(
                f"the {fine.step} s archive has {fine.points} points, too few for one slot of {coarse.step} s"
            )
    if sum(retention.points for retention in retentions) * _POINT_BYTES > _MAX_UINT32 - 4096:
        raise ValueError("the file would be over 4 GiB, more than Whisper can address")
    return tuple(retentions)


def _parse_retention(text: str) -> Retention:
    precision, separator, length = text.partition(":")
    step, reach = _parse_length(precision), _parse_length(length)
    if not separator or step is None or reach is None:
        raise ValueError(f"{text!r} is not precision:retention such as 15s:2d (units s m h d w y)")
    step_s = step[0] * (step[1] or 1)
    if step_s == 0:
        raise ValueError(f"the precision in {text!r} is zero")
    points = reach[0] * reach[1] // step_s if reach[1] else reach[0]
    if points == 0:
        raise ValueError(f"{text!r} keeps no point at all: the retention is shorter than the precision")
    if step_s * points > _MAX_UINT32:
        raise ValueError(f"{text!r} reaches back over 136 years, more than Whisper can hold")
    return Retention(step_s, points)


def _parse_length(text: str) -> tuple[int, int] | None:
    """Return the number in *text* and the seconds of its unit, 0 without one; ``None`` for anything else."""
    found = _LENGTH.match(text.strip())
    if found is None or not found[1].isascii():
        return None
    if not found[2]:
        return int(found[1]), 0
    word = next((word for word in UNIT_WORDS if word.startswith(found[2])), None)
    return (int(found[1]), UNIT_S[word[0]]) if word else None


DEFAULT_SCHEMA = Schema("built-in default", re.compile(""), parse_retentions(DEFAULT_RETENTIONS_TEXT))


class Schemas:
    """The sections of one file, in order, and what was wrong with the others."""

    def __init__(self, schemas: list[Schema], problems: list[Problem]) -> None:
        self.schemas = schemas
        self.problems = problems

    @classmethod
    def load(cls, folder: str) -> Schemas:
        """Read ``storage-schemas.conf`` in *folder*; a missing file leaves the built-in default alone."""
        return cls(*read_rules(os.path.join(folder, SCHEMAS_FILE), _schema))

    def match(self, name: str) -> Schema:
        """Return the first section whose pattern is found in *name*, else the built-in default."""
        for schema in self.schemas:
            if schema.pattern.search(name):
                return schema
        return DEFAULT_SCHEMA


def _schema(section: Section, path: str) -> Schema | list[Problem]:
    """Return what *section* says, or all that is wrong with it."""
    problems = [
        Problem(path, section.line, f"section [{section.name}] has no {key}")
        for key in ("pattern", "retentions")
        if not section.get(key)
    ]
    pattern = compile_pattern(section, path, problems)
    retentions: tuple[Retention, ...] = ()
    try:
        if text := section.get("retentions"):
            retentions = parse_retentions(text)
    except ValueError as error:
        problems.append(Problem(path, section.line_of("retentions"), f"retentions in [{section.name}]: {error}"))
    return problems if problems or pattern is None else Schema(section.name, pattern, retentions, section.line)
