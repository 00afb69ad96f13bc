"""What in the schema files is allowed, but hardly meant."""

from __future__ import annotations

import difflib
import os

from saltern_graphite.rules.conf_file import ENCODING, Problem, Section, read_sections
from saltern_graphite.rules.rollup import AGGREGATION_FILE
from saltern_graphite.rules.schemas import DEFAULT_RETENTIONS_TEXT, SCHEMAS_FILE

KEYS = {
    SCHEMAS_FILE: ("pattern", "retentions"),
    AGGREGATION_FILE: ("pattern", "xFilesFactor", "aggregationMethod"),
}
"""The keys of each file, as one writes them."""
_ANYTHING = {"", ".", ".*", ".+", ".?", ".*?", "^", "$", "^.*", ".*$", "^.*$", "^.+$", "^.+", ".+$", "(.*)", "^(.*)$"}
"""Patterns that are found in every name; there are more ways to write one, but nobody does."""
_OF_OTHERS = {
    "priority": "the first section that fits counts, as in Carbon; go-carbon goes by this number first",
    "compressed": "only go-carbon writes compressed files; those that are there are left alone",
}
"""Keys that other programs know, in small letters, and what holds here."""


_UNREAD = {
    "rewrite-rules.conf": "metrics keep the names they come with",
    "aggregation-rules.conf": "sums over metrics are made when they are asked for, by sumSeries",
}
"""Files of Carbon whose absence changes what is stored, and what holds here."""


def advise(conf: str) -> list[Problem]:
    """Return what is odd about the schema files in the folder *conf*, in the order of files and lines."""
    found = []
    for file, keys in KEYS.items():
        path = os.path.join(conf, file)
        sections, _ = read_sections(path)
        odd = [*_unreached(sections, path)]
        seen: set[int] = set()
        known = {key.lower(): key for key in keys}
        meant = set(known).union(*(section.referred for section in sections))
        for section in sections:
            odd += _odd_keys(section, path, known, meant, seen)
            odd += _odd_pattern(section, path)
        found += sorted(odd, key=lambda problem: problem.line)
    for file, why in _UNREAD.items():
        path = os.path.join(conf, file)
        if _says_something(path):
            found.append(Problem(path, 0, f"is not read here: {why}"))
    schemas = os.path.join(conf, SCHEMAS_FILE)
    if not os.path.exists(schemas):
        found.append(Problem(schemas, 0, f"there is no such file: every metric gets {DEFAULT_RETENTIONS_TEXT}"))
    return found


def _says_something(path: str) -> bool:
    """Return whether the file *path* has more than comments."""
    try:
        with open(path, encoding=ENCODING, errors="replace") as file:
            return any(line.strip() and line.strip()[0] not in "#[" for line in file)
    except OSError:
        return False


def _unreached(sections: list[Section], path: str) -> list[Problem]:
    """Return the sections that no name comes to, because one before takes them all."""
    found = []
    taken: dict[str, Section] = {}
    all_taken: Section | None = None
    for section in sections:
        pattern = section.get("pattern")
        if pattern is None:
            continue
        before = all_taken or taken.get(pattern)
        if before:
            has = "takes every name" if before is all_taken else "has the same pattern"
            why = f"section [{section.name}] is never reached: [{before.name}] in line {before.line} {has}"
            found.append(Problem(path, section.line, why))
        taken.setdefault(pattern, section)
        if pattern in _ANYTHING and not all_taken:
            all_taken = section
    return found


def _odd_keys(section: Section, path: str, known: dict[str, str], meant: set[str], seen: set[int]) -> list[Problem]:
    """Return what is odd about keys not *meant*, in lines not *seen* before: all sections have those of [DEFAULT]."""
    found = []
    for key, (_, line) in section.options.items():
        if key in meant or line in seen:
            continue
        seen.add(line)
        if key in _OF_OTHERS:
            found.append(Problem(path, line, f"key {key!r} in [{section.name}] means nothing here: {_OF_OTHERS[key]}"))
            continue
        near = difflib.get_close_matches(key, known, 1)
        hint = f"did you mean {known[near[0]]}?" if near else f"the keys are {', '.join(known.values())}"
        found.append(Problem(path, line, f"key {key!r} in [{section.name}] means nothing: {hint}"))
    for key, line in section.repeated:
        why = f"{key} is said again in [{section.name}]: the last one counts (Carbon refuses such a file)"
        found.append(Problem(path, line, why))
    return found


def _odd_pattern(section: Section, path: str) -> list[Problem]:
    pattern = section.get("pattern") or ""
    if len(pattern) > 1 and pattern[0] in "'\"" and pattern[0] == pattern[-1]:
        why = f"pattern {pattern} in [{section.name}] is in quotes, which are part of it: no name has them"
        return [Problem(path, section.line_of("pattern"), why)]
    return []
