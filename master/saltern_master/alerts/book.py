"""The rules in force: those of the option ``alerts``, of ``<config_dir>/alerts.d/*.yaml``, and those that the master
keeps for who edits them by its commands, ``<cachedir>/alerts.d/*.yaml`` (``kept_rules``).

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
from saltern.errors import CommandError, ConfigError
from saltern_master.alerts.kept_rules import KeptRules, rule_files
from saltern_master.alerts.parse import RuleFault, check_name, parse_rule
from saltern_master.alerts.rule import Rule

MAX_RULES = 2000
MAX_FILES = 500
FOLDER = "alerts.d"

_UNQUOTED = re.compile(rb"^[^#\n\"']*:[ \t]*[>!][^\n]*\d", re.MULTILINE)


Lines = Mapping[tuple[str, str | None], int]
"""Where a file's rules, as (name, ``None``), and their keys, as (name, key), stand."""


class Problem(NamedTuple):
    """A rule, or the file *name* as a whole, that can't be used: *text* says where and why.

    *place* is its file and line; *editable*: the master keeps it; *given* is what it says, as far as that is a rule.
    """

    name: str
    text: str
    place: str = ""
    editable: bool = False
    given: Mapping[str, Any] | None = None


class Rules(NamedTuple):
    """What some files gave."""

    rules: dict[str, Rule]
    problems: list[Problem]


class RuleBook:
    """The rules of a master with *options*; ``refresh`` reads them."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._folder = os.path.join(options["config_dir"], FOLDER)
        self.kept = KeptRules(os.path.join(options["cachedir"], FOLDER))
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
        found: dict[str, Rules] = {}
        for folder, most in self._folders():
            try:
                files = rule_files(folder)
            except OSError as error:
                text = f"{folder}: can't be read: {error.strerror}"
                gathered.append(Rules({}, [Problem(FOLDER, text, folder)]))
                continue
            found |= {file: self._of_file(file, editable=folder == self.kept.folder) for file in files[:most]}
            if len(files) > most:
                text = f"{folder}: holds over {most:,} files: join some"
                gathered.append(Rules({}, [Problem(FOLDER, text, folder)]))
        self._files = found
        self.rules, self.problems = _joined([*gathered[:1], *found.values(), *gathered[1:]])

    def check(self, name: str, given: Any) -> Rule:
        """Return the rule that *given* is under *name*. Raises ``RuleFault``."""
        return parse_rule(name, given, timeout_s=self._timeout_s)

    def put(self, name: str, given: Mapping[str, Any]) -> None:
        """Keep a rule that was checked; ``refresh`` takes it. May block.

        Raises ``RuleFault``, and ``CommandError`` for one that is written by hand, or can't be saved.
        """
        if place := self._written(name):
            raise CommandError(f"{name} is a rule of {place}: change it there, or choose another name")
        if name not in self.rules and len(self.rules) >= MAX_RULES:
            raise CommandError(f"there are {MAX_RULES:,} rules, which is the most: delete some first")
        self.kept.put(name, given)

    def remove(self, name: str) -> None:
        """Forget a rule that the master keeps; ``refresh`` takes it. May block.

        Raises ``RuleFault`` for what is no name, ``CommandError`` for another rule, or when it can't be deleted.
        """
        check_name(name)
        if self.kept.holds(name):
            self.kept.remove(name)
        elif place := self._written(name):
            raise CommandError(f"{name} is a rule of {place}: delete it there")
        else:
            raise CommandError(f"there is no rule {name}: saltern-run alerts.list shows those that there are")

    def _written(self, name: str) -> str:
        """Return where a rule called *name* is written by hand, or ``""``."""
        rule = self.rules.get(name)
        if rule is not None and not rule.editable:
            return rule.where or "the options"
        return next((one.place or one.text for one in self.problems if one.name == name and not one.editable), "")

    def _folders(self) -> tuple[tuple[str, int], ...]:
        return (self._folder, MAX_FILES), (self.kept.folder, MAX_RULES)

    def _sign(self) -> object:
        return [_sign(folder, most) for folder, most in self._folders()]

    def _of_options(self) -> Rules:
        file, lines = _where_set(str(self._options.get("conf_file", "")), "alerts")
        return self._parsed(file, "alerts", self._options["alerts"].items(), lines)

    def _of_file(self, file: str, *, editable: bool) -> Rules:
        try:
            given = [(setting.key, setting.value) for setting in read_settings(file)]
        except ConfigError as error:
            before = self._files.get(file, Rules({}, []))
            kept = f"; its {len(before.rules)} rules from before stay in force" if before.rules else ""
            name = os.path.join(FOLDER, os.path.basename(file))
            if editable:
                name = os.path.basename(file).removesuffix(".yaml")
            return Rules(before.rules, [Problem(name, f"{error}{_hint(file)}{kept}", file, editable)])
        return self._parsed(file, "", given, key_lines(file), editable=editable)

    def _parsed(
        self, file: str, under: str, given: Iterable[tuple[Any, Any]], lines: Lines, *, editable: bool = False
    ) -> Rules:
        rules: dict[str, Rule] = {}
        problems: list[Problem] = []
        for key, value in given:
            name = str(key)
            where = _place(file, line := lines.get((name, None)))
            try:
                rules[name] = parse_rule(name, value, timeout_s=self._timeout_s, where=where, editable=editable)
            except RuleFault as fault:
                place = _place(file, lines.get((name, fault.key), line))
                text = ": ".join(filter(None, (place, under, name[:100], fault.said)))
                problems.append(Problem(name, text, where, editable, value if isinstance(value, dict) else None))
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
                text = f"{rule.where}: {name} is a rule of {first} already: give it another name"
                problems.append(Problem(name, text, rule.where, rule.editable, rule.given))
            elif len(rules) >= MAX_RULES:
                text = f"{rule.where}: {name} is one too many: {MAX_RULES:,} rules at most"
                problems.append(Problem(name, text, rule.where, rule.editable, rule.given))
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


def _sign(folder: str, most: int) -> object:
    try:
        return [(file, *_signature(file)) for file in rule_files(folder)[: most + 1]]
    except OSError as error:
        return error.errno


def _signature(file: str) -> tuple[int, int, int]:
    try:
        status = os.stat(file)
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
