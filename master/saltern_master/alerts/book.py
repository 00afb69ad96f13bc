"""The rules in force: those of the option ``alerts`` and those of ``<config_dir>/alerts.d/*.yaml``.

A bad rule becomes a ``Problem``, named by file, line and key; the others work. A file of ``alerts.d`` is read again
when it changes; while it isn't YAML at all, its rules from before stay in force.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import yaml

from saltern.config.includes import option_files
from saltern.config.load import MAX_FILE_BYTES, read_settings
from saltern.errors import ConfigError
from saltern_master.alerts.parse import RuleFault, parse_rule
from saltern_master.alerts.rule import Rule

MAX_RULES = 2000
MAX_FILES = 500
FOLDER = "alerts.d"

_UNQUOTED = re.compile(rb"^[^#\n\"']*:[ \t]*[>!][^\n]*\d", re.MULTILINE)


Lines = Mapping[tuple[str, str | None], int]
"""Where a file's rules, as (name, ``None``), and their keys, as (name, key), stand."""


class Problem(NamedTuple):
    """A rule, or the file *name* as a whole, that can't be used: *text* says where and why."""

    name: str
    text: str


class Rules(NamedTuple):
    """What some files gave."""

    rules: dict[str, Rule]
    problems: list[Problem]


class RuleBook:
    """The rules of a master with *options*; ``refresh`` reads them."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._folder = os.path.join(options["config_dir"], FOLDER)
        self._timeout_s = float(options["alerts_script_timeout"])
        self._options = options
        self._signature: object = None
        self._files: dict[str, Rules] = {}
        self.rules: dict[str, Rule] = {}
        self.problems: list[Problem] = []

    def changed(self) -> bool:
        """Tell whether the files are others than at the last ``refresh``: a look at their sizes and times."""
        return self._sign() != self._signature

    def take(self, options: Mapping[str, Any]) -> None:
        """Take the rules among *options* for those to read, and have everything look changed."""
        self._options = options
        self._signature = None

    def refresh(self) -> None:
        """Read everything again."""
        self._signature = self._sign()
        gathered = [self._of_options()]
        try:
            files = self._list()
        except OSError as error:
            gathered.append(Rules({}, [Problem(FOLDER, f"{self._folder}: can't be read: {error.strerror}")]))
            files = []
        self._files = {file: self._of_file(file) for file in files[:MAX_FILES]}
        gathered.extend(self._files.values())
        if len(files) > MAX_FILES:
            gathered.append(Rules({}, [Problem(FOLDER, f"{self._folder}: holds over {MAX_FILES} files: join some")]))
        self.rules, self.problems = _joined(gathered)

    def _list(self) -> list[str]:
        if not os.path.isdir(self._folder):
            return []
        names = sorted(name for name in os.listdir(self._folder) if name.endswith((".yaml", ".yml")))
        return [os.path.join(self._folder, name) for name in names if not name.startswith(".")]

    def _sign(self) -> object:
        try:
            return [(file, *_signature(file)) for file in self._list()[: MAX_FILES + 1]]
        except OSError as error:
            return error.errno

    def _of_options(self) -> Rules:
        file, lines = _where_set(str(self._options.get("conf_file", "")), "alerts")
        return self._parsed(file, "alerts", self._options["alerts"].items(), lines)

    def _of_file(self, file: str) -> Rules:
        try:
            given = [(setting.key, setting.value) for setting in read_settings(file)]
        except ConfigError as error:
            before = self._files.get(file, Rules({}, []))
            kept = f"; its {len(before.rules)} rules from before stay in force" if before.rules else ""
            name = os.path.join(FOLDER, os.path.basename(file))
            return Rules(before.rules, [Problem(name, f"{error}{_hint(file)}{kept}")])
        return self._parsed(file, "", given, key_lines(file))

    def _parsed(self, file: str, under: str, given: Iterable[tuple[Any, Any]], lines: Lines) -> Rules:
        rules: dict[str, Rule] = {}
        problems: list[Problem] = []
        for key, value in given:
            name = str(key)
            line = lines.get((name, None))
            try:
                rules[name] = parse_rule(name, value, timeout_s=self._timeout_s, where=_place(file, line))
            except RuleFault as fault:
                place = _place(file, lines.get((name, fault.key), line))
                said = f"{fault.key} {fault}" if fault.key is not None else str(fault)
                problems.append(Problem(name, ": ".join(filter(None, (place, under, name[:100], said)))))
        return Rules(rules, problems)


def _place(file: str, line: int | None) -> str:
    return f"{file}: line {line}" if line else file


def key_lines(file: str, under: str | None = None) -> Lines:
    """Return the lines of a file's rules and of their keys.

    The rules are the file's top level, or the mapping at its top-level key *under*. A file that can't be read
    gives none.
    """
    try:
        with open(file, "rb") as stream:
            node = yaml.compose(stream.read(MAX_FILE_BYTES), yaml.SafeLoader)
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return {}
    if under is not None:
        node = next((value for key, value in _pairs(node) if key.value == under), None)
    lines: dict[tuple[str, str | None], int] = {}
    for name, rule in _pairs(node):
        lines[str(name.value), None] = name.start_mark.line + 1
        for key, _ in _pairs(rule):
            lines[str(name.value), str(key.value)] = key.start_mark.line + 1
    return lines


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _where_set(conf_file: str, option: str) -> tuple[str, Lines]:
    """Return the file that sets *option*, the last one winning as in ``load_options``, and its lines."""
    for file in reversed(list(option_files(conf_file) if conf_file else ())):
        lines = key_lines(file, option)
        if lines:
            return file, lines
    return "", {}


def _joined(gathered: Iterable[Rules]) -> tuple[dict[str, Rule], list[Problem]]:
    rules: dict[str, Rule] = {}
    problems: list[Problem] = []
    for part in gathered:
        problems.extend(part.problems)
        for name, rule in part.rules.items():
            if name in rules:
                first = rules[name].where or "the options"
                problems.append(
                    Problem(name, f"{rule.where}: {name} is a rule of {first} already: give it another name")
                )
            elif len(rules) >= MAX_RULES:
                problems.append(Problem(name, f"{rule.where}: {name} is one too many: {MAX_RULES:,} rules at most"))
            else:
                rules[name] = rule
    return rules, problems


def _hint(file: str) -> str:
    """Return a hint for the fault that everyone makes once: ``warn: > 90`` is no YAML, ``warn: "> 90"`` is."""
    try:
        with open(file, "rb") as stream:
            found = _UNQUOTED.search(stream.read(MAX_FILE_BYTES))
    except OSError:
        return ""
    return ': thresholds need quotes, as in warn: "> 90"' if found else ""


def _signature(file: str) -> tuple[int, int, int]:
    try:
        status = os.stat(file)
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
