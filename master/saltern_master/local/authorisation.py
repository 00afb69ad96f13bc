"""What a local user may do: ``publisher_acl``, default deny.

Root and the user that runs the master may do everything. Others what the option grants, in Salt's form::

    publisher_acl:
      fred:
        - test.*                 # on every minion
        - web*: [cmd.run, "pkg.*"]   # on these minions alone
      ops:
        - "@runner"              # saltern-run
        - "@wheel"               # saltern-key
        - "@events"              # the event bus

A grant for some minions holds only when *every* minion that the target resolved to is among them: the resolved set
is authorised, never the expression.
"""

from __future__ import annotations

import fnmatch
import os
import pwd
from typing import Any, NamedTuple

from saltern.errors import ConfigError

RUNNER, WHEEL, EVENTS = "@runner", "@wheel", "@events"
SPECIAL = (RUNNER, WHEEL, EVENTS)


class Grant(NamedTuple):
    """Functions (globs) on minions (a glob)."""

    minions: str
    functions: list[str]


class Authorisation:
    """Checked grants by user name."""

    def __init__(self, acl: dict[str, Any]) -> None:
        """Raises ``ConfigError`` for a grant that can't be understood."""
        self._grants = {user: [_grant(user, rule) for rule in _rules(user, rules)] for user, rules in acl.items()}

    def may_do_all(self, uid: int) -> bool:
        """Return whether *uid* is root or the master's own user."""
        return uid in (0, os.geteuid())

    def may(self, uid: int, special: str) -> bool:
        """Return whether *uid* may use ``@runner``, ``@wheel`` or ``@events``."""
        return self.may_do_all(uid) or any(special in grant.functions for grant in self._of(uid))

    def may_run(self, uid: int, minions: list[str], functions: list[str]) -> bool:
        """Return whether *uid* may run every one of *functions* on every one of *minions*."""
        if self.may_do_all(uid):
            return True
        grants = self._of(uid)
        return bool(grants) and all(
            any(_covers(grant, minion, function) for grant in grants)
            for minion in minions or [""]
            for function in functions
        )

    def _of(self, uid: int) -> list[Grant]:
        return self._grants.get(user_name(uid), [])


def user_name(uid: int) -> str:
    """Return the name of a user, or its number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _covers(grant: Grant, minion: str, function: str) -> bool:
    return fnmatch.fnmatchcase(minion, grant.minions) and any(
        fnmatch.fnmatchcase(function, pattern) for pattern in grant.functions
    )


def _rules(user: str, rules: Any) -> list[Any]:
    if not isinstance(rules, list):
        raise ConfigError(f"publisher_acl: {user}: must be a list of grants, as in [test.*]")
    return rules


def _grant(user: str, rule: Any) -> Grant:
    if isinstance(rule, str):
        if rule.startswith("@") and rule not in SPECIAL:
            raise ConfigError(f"publisher_acl: {user}: {rule} is not known: use one of {', '.join(SPECIAL)}")
        return Grant("*", [rule])
    if isinstance(rule, dict) and len(rule) == 1:
        ((minions, functions),) = rule.items()
        functions = [functions] if isinstance(functions, str) else functions
        if isinstance(minions, str) and isinstance(functions, list) and all(isinstance(f, str) for f in functions):
            return Grant(minions, functions)
    raise ConfigError(f"publisher_acl: {user}: {rule!r:.80} must be a function or 'minions: [functions]'")
