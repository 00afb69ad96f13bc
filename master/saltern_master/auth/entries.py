"""Entries: what ``external_auth``, a role or a token's scope grants, in Salt's grammar, parsed once::

    - test\\..*                        # functions on every minion (``rules``)
    - "G@os:Debian and web*": [...]   # on the minions that this compound expression means
    - "@runner"                       # all functions of saltern-run (also @runners), or some: "@runner": [jobs\\..*]
    - "@wheel"                        # all functions of the wheel (also @wheels), or some
    - "@jobs"                         # of a module of either, @key, @manage …, or some: "@jobs": [list_.*]
    - "@events"                       # the event bus
    - "@hooks"                        # to post to hooks
    - role:watcher                    # all that a role grants

A function that runs anything, or does something indirectly, is covered by its exact name, or by ``.*``, which says
that everything is meant; by no other expression. A runner of the operator's own is covered by its name alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from saltern.errors import ConfigError
from saltern.power import Power
from saltern_master.auth.call import Call
from saltern_master.auth.rules import Rule, parse_rules

EVENTS, HOOKS = "@events", "@hooks"
ROLE = "role:"
EVERY_MINION = "*"
MAX_ENTRIES = 1000

_CLIENTS = {"@runner": "runner", "@runners": "runner", "@wheel": "wheel", "@wheels": "wheel"}
_MODULE = re.compile(r"@[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class OnMinions:
    """Functions of execution modules, on the minions that a compound expression means."""

    where: str
    written: Any
    """The entry in Salt's form."""
    target: str
    rules: tuple[Rule, ...]

    def rule_for(self, call: Call, power: Power) -> Rule | None:
        """Return the rule that allows *call* of a function which has *power*, or ``None``."""
        found = [rule for rule in self.rules if rule.means(call.function, power)]
        for rule in found:
            if not rule.conditions:
                return rule
        as_run = call.as_run() if found else None
        if as_run is None:
            return None
        return next((rule for rule in found if rule.admits(*as_run)), None)


@dataclass(frozen=True, slots=True)
class OnMaster:
    """Functions of the master's own *clients*, of one *module* or of all (``""``); without *rules* all of them."""

    where: str
    written: Any
    clients: tuple[str, ...]
    module: str = ""
    rules: tuple[Rule, ...] = ()

    def allows(
        self, client: str, function: str, args: list[Any], kwargs: Mapping[str, Any], *, by_name: bool = False
    ) -> bool:
        """Return whether *function* may be called so; *by_name*: only its exact name covers it."""
        return any(rule.admits(args, kwargs) for rule in self.rules_for(client, function, by_name=by_name))

    def rules_for(self, client: str, function: str, *, by_name: bool = False) -> list[Rule]:
        """Return the rules for *function*, with whatever arguments; *by_name*: those that name it exactly."""
        if client not in self.clients:
            return []
        if self.module:
            module, _, function = function.partition(".")
            if module != self.module:
                return []
        return [rule for rule in self.rules or (_ALL,) if rule.means(function) and (rule.name or not by_name)]


@dataclass(frozen=True, slots=True)
class Word:
    """What has no parts: ``@events``, ``@hooks``."""

    where: str
    written: str


@dataclass(frozen=True, slots=True)
class OfRole:
    """All that the role *name* grants."""

    where: str
    written: str
    name: str


Entry = OnMinions | OnMaster | Word | OfRole

_ALL = Rule(None)


def parse_entries(where: str, given: Any) -> tuple[Entry, ...]:
    """Return the entries in the list *given*, which stands *where* messages say. Raises ``ConfigError``."""
    if not isinstance(given, list):
        raise ConfigError(f"{where}: {given!r:.80} must be a list of entries, as in ['test\\..*', '@jobs']")
    if len(given) > MAX_ENTRIES:
        raise ConfigError(f"{where}: has {len(given):,} entries: {MAX_ENTRIES:,} are allowed")
    return tuple(entry for one in given for entry in _entries(where, one))


def _entries(where: str, given: Any) -> Iterator[Entry]:
    if isinstance(given, str):
        yield _alone(where, given)
    elif isinstance(given, dict) and given:
        for key, functions in given.items():
            if not isinstance(key, (str, int)) or isinstance(key, bool):  # YAML reads an id of digits as a number
                raise ConfigError(f"{where}: {key!r:.80} must be a target, or one of @runner, @wheel, @jobs …")
            yield _of_some(where, str(key), functions)
    else:
        raise ConfigError(f"{where}: {given!r:.80} must be a function, or {{target: [functions]}}")


def _alone(where: str, text: str) -> Entry:
    if text in (EVENTS, HOOKS):
        return Word(where, text)
    if text.startswith(ROLE):
        name = text.removeprefix(ROLE)
        if not name:
            raise ConfigError(f"{where}: {text} names no role: use {ROLE}watcher, or one of your own")
        return OfRole(where, text, name)
    if text.startswith("@"):
        return _of_master(where, text, text, ())
    return OnMinions(where, text, EVERY_MINION, parse_rules(where, text))


def _of_some(where: str, key: str, functions: Any) -> Entry:
    at = f"{where}: {key:.80}"
    written = {key: functions if isinstance(functions, list) else [functions]}
    if key in (EVENTS, HOOKS) or key.startswith(ROLE):
        raise ConfigError(f"{at}: takes no functions: write it alone")
    if key.startswith("@"):
        rules = parse_rules(at, functions, bare=key not in _CLIENTS)
        if not rules:
            raise ConfigError(f"{at}: has no functions: write it alone for all of them")
        return _of_master(at, key, written, rules)
    if not key.strip():
        raise ConfigError(f"{where}: {key!r} is no target: use a compound expression, * for every minion")
    if key.startswith("ldap("):
        raise ConfigError(f"{at}: hosts are not looked up in a directory here: use a target, or a role on a group")
    return OnMinions(where, written, key, parse_rules(at, functions))


def _of_master(where: str, key: str, written: Any, rules: tuple[Rule, ...]) -> OnMaster:
    client = _CLIENTS.get(key)
    if client is not None:
        return OnMaster(where, written, (client,), "", rules)
    if _MODULE.fullmatch(key) is None:
        raise ConfigError(f"{where}: {key:.80} is not known: use @runner, @wheel, @events, @hooks, or @ and a module")
    return OnMaster(where, written, ("runner", "wheel"), key[1:], rules)
