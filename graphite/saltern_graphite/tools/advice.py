"""What in the schema files is allowed, but hardly meant."""

from __future__ import annotations

import difflib
import os

from saltern_graphite.conf_file import Problem, Section, read_sections
from saltern_graphite.rollup import AGGREGATION_FILE
from saltern_graphite.schemas import DEFAULT_RETENTIONS_TEXT, SCHEMAS_FILE

KEYS = {
    SCHEMAS_FILE: ("pattern", "retentions"),
    AGGREGATION_FILE: ("pattern", "xFilesFactor", "aggregationMethod"),
}
"""The keys of each file, as one writes them."""
_ANYTHING = {"", ".", ".*", ".+", ".?", ".*?", "^", "$", "^.*", ".*$", "^.*$", "^.+$", "^.+", ".+$", "(.*)", "^(.*)$"}
"""Patterns that are found in every name; there are more ways to write one, but nobody does."""


def advise(conf: str) -> list[Problem]:
    """Return what is odd about the schema files in the folder *conf*, in the order of files and lines."""
    found = []
    for file, keys in KEYS.items():
        path = os.path.join(conf, file)
        sections, _ = read_sections(path)
        odd = [*_unreached(sections, path)]
        for section in sections:
            odd += _odd_keys(section, path, keys)
            odd += _odd_pattern(section, path)
        found += sorted(odd, key=lambda problem: problem.line)
    schemas = os.path.join(conf, SCHEMAS_FILE)
    if not os.path.exists(schemas):
        found.append(Problem(schemas, 0, f"there is no such file: every metric gets {DEFAULT_RETENTIONS_TEXT}"))
    return found


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


def _odd_keys(section: Section, path: str, keys: tuple[str, ...]) -> list[Problem]:
    known = {key.lower(): key for key in keys}
    found = []
    for key, (_, line) in section.options.items():
        if key in known:
            continue
        near = difflib.get_close_matches(key, known, 1)
        hint = f"did you mean {known[near[0]]}?" if near else f"the keys are {', '.join(keys)}"
        found.append(Problem(path, line, f"key {key!r} in [{section.name}] means nothing: {hint}"))
    for key, line in section.repeated:
        why = f"{key} is said again in [{section.name}]: the last one counts (Carbon refuses such a file)"
        found.append(Problem(path, line, why))
    return found


def _odd_pattern(section: Section, path: str) -> list[Problem]:
    if section.name == "DEFAULT":
        return [Problem(path, section.line, "[DEFAULT] is a section like others here; Carbon takes it for defaults")]
    pattern = section.get("pattern") or ""
    if len(pattern) > 1 and pattern[0] in "'\"" and pattern[0] == pattern[-1]:
        why = f"pattern {pattern} in [{section.name}] is in quotes, which are part of it: no name has them"
        return [Problem(path, section.line_of("pattern"), why)]
    return []
