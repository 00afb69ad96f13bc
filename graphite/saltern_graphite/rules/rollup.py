"""How a new metric's file rolls up: ``storage-aggregation.conf`` in Carbon's own format.

::

    [name]
    pattern = \\.count$
    xFilesFactor = 0               share of slots that must be known for a roll-up, 0..1
    aggregationMethod = sum        average sum last max min avg_zero absmax absmin

The first section whose pattern is found wins; either key may be missing. What no section says is average with an
xFilesFactor of 0. Carbon's default of 0.5 blanks long ranges: a metric sent every minute into a 15 s archive
knows a quarter of its slots, so nothing of it would ever reach the coarse archives. With 0 one known point is enough,
and an average, sum, min or max of what is known is what a reader of a long range wants.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from saltern_graphite.rules.conf_file import Problem, Section, compile_pattern, read_rules

AGGREGATION_FILE = "storage-aggregation.conf"
METHODS = ("average", "sum", "last", "max", "min", "avg_zero", "absmax", "absmin")
"""Whisper's methods; a file's header holds the 1-based place in this list."""
DEFAULT_METHOD = "average"
_OTHER_WORDS = {"avg": "average"}  # go-carbon's
DEFAULT_X_FILES_FACTOR = 0.0


@dataclass(frozen=True, slots=True)
class Aggregation:
    """A section: names in which *pattern* is found roll up by *method*. The built-in default has line 0."""

    name: str
    pattern: re.Pattern[str]
    method: str = DEFAULT_METHOD
    x_files_factor: float = DEFAULT_X_FILES_FACTOR
    line: int = 0


DEFAULT_AGGREGATION = Aggregation("built-in default", re.compile(""))


class Aggregations:
    """The sections of one file, in order, and what was wrong with the others."""

    def __init__(self, rules: list[Aggregation], problems: list[Problem]) -> None:
        self.rules = rules
        self.problems = problems

    @classmethod
    def load(cls, folder: str) -> Aggregations:
        """Read ``storage-aggregation.conf`` in *folder*; a missing file leaves the built-in default alone."""
        return cls(*read_rules(os.path.join(folder, AGGREGATION_FILE), _rule))

    def match(self, name: str) -> Aggregation:
        """Return the first section whose pattern is found in *name*, else the built-in default."""
        for rule in self.rules:
            if rule.pattern.search(name):
                return rule
        return DEFAULT_AGGREGATION


def _rule(section: Section, path: str) -> Aggregation | list[Problem]:
    """Return what *section* says, or all that is wrong with it."""
    problems: list[Problem] = []
    if not section.get("pattern"):
        problems.append(Problem(path, section.line, f"section [{section.name}] has no pattern"))
    pattern = compile_pattern(section, path, problems)
    method = section.get("aggregationmethod")
    method = DEFAULT_METHOD if method is None else method
    method = _OTHER_WORDS.get(method, method)
    if method not in METHODS:
        why = f"aggregationMethod {method!r} in [{section.name}] is unknown: use one of {', '.join(METHODS)}"
        problems.append(Problem(path, section.line_of("aggregationmethod"), why))
    text = section.get("xfilesfactor")
    text = str(DEFAULT_X_FILES_FACTOR) if text is None else text
    try:
        factor = float(text)
    except ValueError:
        factor = -1.0
    if not 0 <= factor <= 1:
        why = f"xFilesFactor {text!r} in [{section.name}] is not a number from 0 to 1"
        problems.append(Problem(path, section.line_of("xfilesfactor"), why))
    return problems if problems or pattern is None else Aggregation(section.name, pattern, method, factor, section.line)
