"""What minions may ask of others by way of the master: ``peer``, ``peer_run``, ``mine_get``. Default deny.

Each option is a map, as in Salt: regular expressions of asking minions' ids to lists of regular expressions of
functions; both match where the text begins. In place of one, ``{"web*": [expressions]}`` allows these on the minions
alone that the glob means::

    peer: {"web.*": [test.ping, {"db*": ["network\\..*"]}]}

An expression covers no function that runs commands or makes others run: that one needs its exact name.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import regex

from saltern.errors import ConfigError
from saltern.pattern_size import refusal

MATCH_WITHIN_S = 0.05
EVERYONE = "*"


class Rule(NamedTuple):
    """Functions, by a regular expression and its text, on the minions that a glob means."""

    functions: regex.Pattern[str]
    text: str
    minions: str


class Peers:
    """The rules in the option *name*. Raises ``ConfigError`` for one that can't be understood."""

    def __init__(self, name: str, given: Mapping[str, Any]) -> None:
        self._rules = [(_compiled(name, str(who)), list(_rules(name, str(who), what))) for who, what in given.items()]

    def mentions(self, minion: str) -> bool:
        """Return whether there is a rule for *minion* at all."""
        return any(_matches(who, minion) for who, rules in self._rules if rules)

    def on(self, minion: str, function: str, *, by_pattern: bool = True) -> list[str]:
        """Return globs of the minions on which *minion* may have *function* run; none: on no minion.

        *by_pattern*: whether an expression may cover it, or its exact name alone.
        """
        return [
            rule.minions
            for who, rules in self._rules
            if _matches(who, minion)
            for rule in rules
            if (_matches(rule.functions, function) if by_pattern else rule.text == function)
        ]


def _rules(name: str, who: str, what: Any, minions: str = EVERYONE) -> Iterator[Rule]:
    if not isinstance(what, list):
        raise ConfigError(f"{name}: {who}: must be a list of functions, not {what!r:.80}")
    for one in what:
        if isinstance(one, str):
            yield Rule(_compiled(name, one), one, minions)
        elif isinstance(one, dict) and minions == EVERYONE:
            for glob, functions in one.items():
                yield from _rules(name, f"{who}: {glob}", functions, str(glob))
        else:
            raise ConfigError(
                f"{name}: {who}: must hold functions, or {{glob of minions: [functions]}}, not {one!r:.80}"
            )


def _compiled(name: str, text: str) -> regex.Pattern[str]:
    why = refusal(text)
    if why:
        raise ConfigError(f"{name}: {why}")
    try:
        return regex.compile(text, regex.VERSION0)
    except regex.error as error:
        raise ConfigError(f"{name}: {text!r:.100} is not a regular expression: {error}") from None


def _matches(pattern: regex.Pattern[str], text: str) -> bool:
    """Return whether *pattern* matches where *text* begins; one that takes too long doesn't."""
    try:
        return pattern.match(text, timeout=MATCH_WITHIN_S) is not None
    except TimeoutError:
        return False


def covers(globs: list[str], minion: str) -> bool:
    """Return whether one of *globs* means *minion*."""
    return any(glob == EVERYONE or fnmatch.fnmatchcase(minion, glob) for glob in globs)
