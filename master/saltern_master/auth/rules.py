"""Rules: which functions, with which arguments. In Salt's form, a regular expression, alone or with conditions::

    test\\..*                                    # a string
    cmd\\.run: {args: ["df( -h)?"]}              # this one argument, and no keywords
    cmd\\.run:                                   # either of these
      - args: ["df( -h)?", "..."]               # any further arguments
        kwargs: {timeout: "[0-9]+", "...": }    # this keyword must be there; any others may be
      - args: [null]                            # one argument, whatever it is

Where Salt differs, it has a hole. Expressions match all of a name or a value, not its beginning; a name's dots are
dots, whether there is a backslash or not. Arguments and keywords that a condition doesn't name are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from saltern.errors import ConfigError
from saltern.power import Power
from saltern.secret import revealed
from saltern_master.auth.expression import Expression

FURTHER = "..."
"""Among the conditions: further arguments, or keywords, are free."""
EVERYTHING = (".*", "*")
"""What stands for every function, of any power; any other expression of several covers the weaker ones alone."""

_EXACT = re.compile(r"(?:[A-Za-z0-9_:-]|\\?\.|\\-)+")


class Conditions(NamedTuple):
    """What a function must be given: each of *args* and *kwargs*, ``None`` being any value."""

    args: tuple[Expression | None, ...] = ()
    kwargs: Mapping[str, Expression | None] = {}
    more_args: bool = False
    more_kwargs: bool = False

    def hold(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Return whether *args* and *kwargs* are what must be there, and nothing else unless it is free."""
        if len(args) < len(self.args) or (len(args) > len(self.args) and not self.more_args):
            return False
        if not self.kwargs.keys() <= kwargs.keys() or (len(kwargs) > len(self.kwargs) and not self.more_kwargs):
            return False
        return all(map(_fits, self.args, args)) and all(_fits(one, kwargs[key]) for key, one in self.kwargs.items())


class Rule(NamedTuple):
    """Functions by *pattern*, a *name* when that is one alone; with any arguments, or as one of *conditions* says."""

    pattern: Expression | None
    name: str = ""
    conditions: tuple[Conditions, ...] = ()

    @property
    def text(self) -> str:
        """The functions as they are written, more or less."""
        return self.name or (self.pattern.text if self.pattern else EVERYTHING[0])

    def means(self, function: str, power: Power | None = None) -> bool:
        """Return whether it is for *function*, which has *power*; ``None``: power doesn't count."""
        if self.name:
            return function == self.name
        if self.pattern is None:
            return True
        return (power is None or power.by_glob) and self.pattern.holds(function)

    def admits(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Return whether its functions may be given that."""
        return not self.conditions or any(one.hold(args, kwargs) for one in self.conditions)


def parse_rules(where: str, given: Any, *, bare: bool = False) -> tuple[Rule, ...]:
    """Return the rules in a string, a dict of conditions, or a list of these. Raises ``ConfigError``.

    *bare*: functions are named without their module.
    """
    return tuple(
        rule for one in (given if isinstance(given, list) else [given]) for rule in _rules(where, one, bare=bare)
    )


def _rules(where: str, given: Any, *, bare: bool) -> Iterator[Rule]:
    if isinstance(given, str):
        yield _rule(where, given, bare=bare)
    elif isinstance(given, dict) and given:
        for function, conditions in given.items():
            if not isinstance(function, str):
                raise ConfigError(f"{where}: {function!r:.80} is no function: use a regular expression of names")
            yield _rule(where, function, bare=bare)._replace(
                conditions=_conditions(f"{where}: {function:.80}", conditions)
            )
    else:
        raise ConfigError(
            f"{where}: {given!r:.80} must be a function, or {{function: {{args: [...], kwargs: {{...}}}}}}"
        )


def _rule(where: str, text: str, *, bare: bool) -> Rule:
    if not text or text.startswith("@"):
        raise ConfigError(f"{where}: {text!r:.80} is no function: grant it beside, not among functions")
    if text in EVERYTHING:
        return Rule(None)
    if _EXACT.fullmatch(text) is None:
        return Rule(Expression(where, text))
    name = text.replace("\\", "")
    if bare and "." in name:
        raise ConfigError(f"{where}: {name:.80}: functions stand here without their module: {name.split('.')[-1]:.80}")
    if not bare and "." not in name and ":" not in name:
        raise ConfigError(f"{where}: {name:.80} is no function: all those of a module are written {name:.80}\\..*")
    return Rule(None, name)


def _conditions(where: str, given: Any) -> tuple[Conditions, ...]:
    several = given if isinstance(given, list) else [given]
    if not several:
        raise ConfigError(f"{where}: an empty list admits no arguments whatever: leave it out, or name some")
    return tuple(_condition(where, one) for one in several)


def _condition(where: str, given: Any) -> Conditions:
    if not isinstance(given, dict) or not given or not given.keys() <= {"args", "kwargs"}:
        raise ConfigError(f"{where}: {given!r:.80} must be {{args: [...], kwargs: {{...}}}}, one of them or both")
    args, kwargs = given.get("args", []), given.get("kwargs", {})
    if not isinstance(args, list):
        raise ConfigError(f"{where}: args: {args!r:.80} must be a list of regular expressions")
    if not isinstance(kwargs, dict) or not all(isinstance(name, str) for name in kwargs):
        raise ConfigError(f"{where}: kwargs: {kwargs!r:.80} must be a map of names to regular expressions")
    more_args, more_kwargs = args[-1:] == [FURTHER], FURTHER in kwargs
    args = args[:-1] if more_args else args
    if FURTHER in args:
        raise ConfigError(f"{where}: args: {FURTHER!r} must be the last: it stands for all that follow")
    return Conditions(
        tuple(_value(f"{where}: args", one) for one in args),
        {name: _value(f"{where}: kwargs: {name:.80}", one) for name, one in kwargs.items() if name != FURTHER},
        more_args,
        more_kwargs,
    )


def _value(where: str, given: Any) -> Expression | None:
    if given is None:
        return None
    if isinstance(given, str):
        return Expression(where, given)
    if isinstance(given, (bool, int, float)):
        return Expression(where, re.escape(str(given)))
    raise ConfigError(f"{where}: {given!r:.80} must be a regular expression, or null for any value")


def _fits(expression: Expression | None, value: Any) -> bool:
    return expression is None or expression.holds(str(revealed(value)))
