"""Grants: what ``publisher_acl`` allows to whom, default deny. In Salt's form::

    publisher_acl:
      fred:                          # a user; a glob is as many, "*" everybody
        - test.*                     # on every minion
        - web*: [cmd.run, "pkg.*"]   # on these minions alone
      ops%:                          # everybody in the group ops
        - "@wheel"                   # saltern-key
        - "@runner"                  # saltern-run
        - "@runner": [manage.up]     # of it these functions alone
        - "@jobs"                    # short for "@runner": [jobs.*]
        - "@events"                  # the event bus

A glob covers functions that read or change something confined. What runs anything, or does something indirectly, is
covered by its exact name alone (``saltern.power``); so is a runner of the operator's own: ``"@runner": [mymod.fun]``.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from saltern.errors import ConfigError
from saltern.power import Power

RUNNER, WHEEL, EVENTS, JOBS = "@runner", "@wheel", "@events", "@jobs"
SPECIAL = (RUNNER, WHEEL, EVENTS, JOBS)
GROUP_MARK = "%"


class Grant(NamedTuple):
    """Functions (names and globs) on minions (a glob), or of the master itself (``@runner`` and the like)."""

    minions: str
    functions: list[str]


class Grants:
    """What the option says, checked."""

    def __init__(self, acl: Mapping[str, Any]) -> None:
        """Raises ``ConfigError`` for a grant that can't be understood."""
        self._grants = {user: [_grant(user, rule) for rule in _rules(user, rules)] for user, rules in acl.items()}

    def of(self, user: str, groups: Collection[str] = ()) -> list[Grant]:
        """Return the grants of *user*, who is in *groups*."""
        return [grant for who, grants in self._grants.items() if _means(who, user, groups) for grant in grants]


def covers(grant: Grant, function: str, power: Power, minion: str | None) -> bool:
    """Return whether *grant* is for *function*, which has *power*, on *minion*; on any one when it is ``None``."""
    return (
        not grant.minions.startswith("@")
        and (minion is None or fnmatch.fnmatchcase(minion, grant.minions))
        and any(
            power.by_glob and fnmatch.fnmatchcase(function, pattern) if is_glob(pattern) else function == pattern
            for pattern in grant.functions
        )
    )


def covers_own(grant: Grant, kind: str, function: str) -> bool:
    """Return whether *grant* is for the master's own *function* of a *kind* (``@runner``, ``@wheel``, ``@events``)."""
    return grant.minions == kind and any(fnmatch.fnmatchcase(function, pattern) for pattern in grant.functions)


def names_own(grant: Grant, kind: str, function: str) -> bool:
    """Return whether *grant* names the master's *function* of a *kind*, exactly."""
    return grant.minions == kind and function in grant.functions


def is_glob(pattern: str) -> bool:
    """Return whether *pattern* may stand for several names."""
    return any(sign in pattern for sign in "*?[")


def _means(who: str, user: str, groups: Collection[str]) -> bool:
    if who.endswith(GROUP_MARK):
        return any(fnmatch.fnmatchcase(group, who.removesuffix(GROUP_MARK)) for group in groups)
    return fnmatch.fnmatchcase(user, who)


def _rules(user: str, rules: Any) -> list[Any]:
    if user in ("", GROUP_MARK):
        raise ConfigError(f"publisher_acl: {user!r} names nobody: use a user, or a group as in ops%")
    if not isinstance(rules, list):
        raise ConfigError(f"publisher_acl: {user}: must be a list of grants, as in [test.*]")
    return rules


def _grant(user: str, rule: Any) -> Grant:
    if isinstance(rule, str):
        return _of_the_master(user, rule) if rule.startswith("@") else Grant("*", [rule])
    if isinstance(rule, dict) and len(rule) == 1:
        ((minions, functions),) = rule.items()
        functions = [functions] if isinstance(functions, str) else functions
        if isinstance(minions, str) and isinstance(functions, list) and all(isinstance(f, str) for f in functions):
            for function in functions:
                if function.startswith("@"):
                    raise ConfigError(
                        f"publisher_acl: {user}: {function} is no function: grant it beside, not in a list"
                    )
            if minions in (RUNNER, WHEEL) or not minions.startswith("@"):
                return Grant(minions, functions)
            _of_the_master(user, minions)
            raise ConfigError(f"publisher_acl: {user}: {minions} takes no functions: only {RUNNER} and {WHEEL} do")
    raise ConfigError(f"publisher_acl: {user}: {rule!r:.80} must be a function or 'minions: [functions]'")


def _of_the_master(user: str, rule: str) -> Grant:
    if rule not in SPECIAL:
        raise ConfigError(f"publisher_acl: {user}: {rule} is not known: use one of {', '.join(SPECIAL)}")
    return Grant(RUNNER, ["jobs.*"]) if rule == JOBS else Grant(rule, ["*"])
