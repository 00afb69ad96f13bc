"""Whether one minion is meant by a target, as Salt's matchers say it; pure functions of its facts.

What can't be understood matches nothing.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltern.named import NamedTuple
from saltern.traverse import traverse

DELIMITER = ":"
OPERATORS = frozenset(("and", "or", "not", "(", ")"))
MAX_WORDS = 10_000
MAX_DEPTH = 50

_TYPED = re.compile(r"(?:([GPIJLNSERTM])((?<=[GPIJ]).)?@)?(.+)$", re.DOTALL)
_REGEX_SIGNS = re.compile(r"[(\[{\\?}\])]")


class Minion(NamedTuple):
    """What targets go by."""

    id: str
    grains: Mapping[str, Any]
    pillar: Mapping[str, Any]
    nodegroups: Mapping[str, Any]


def glob(minion: Minion, target: Any) -> bool:
    """Return whether the id is matched by a glob."""
    return isinstance(target, str) and fnmatch.fnmatchcase(minion.id, target)


def pcre(minion: Minion, target: Any) -> bool:
    """Return whether a regular expression matches the id's beginning."""
    try:
        return re.match(target, minion.id) is not None
    except (re.error, TypeError):
        return False


def listed(minion: Minion, target: Any) -> bool:
    """Return whether the id is in a list, or in a text of ids with commas."""
    names = target.split(",") if isinstance(target, str) else target
    try:
        return minion.id in names
    except TypeError:
        return False


def address(minion: Minion, target: Any) -> bool | list[Any]:
    """Return whether the minion has an address, or one in a network; ``[]`` when it is neither."""
    try:
        wanted: Any = ipaddress.ip_address(target)
    except ValueError:
        try:
            wanted = ipaddress.ip_network(target)
        except ValueError:
            return []
    own = minion.grains.get(f"ipv{wanted.version}", [])
    if isinstance(wanted, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return str(wanted) in own
    try:
        return any(ipaddress.ip_address(one) in wanted for one in own)
    except ValueError:
        return False


def nested(data: Mapping[str, Any], expression: Any, delimiter: str = DELIMITER, *, regex: bool = False) -> bool:
    """Return whether *expression*, ``a:b:value``, is true of *data*; keys and values may be globs, or expressions.

    Each way of parting it into a key and a value is tried, the longest key first.
    """
    if not isinstance(expression, str) or delimiter not in expression:
        return False
    parts = expression.split(delimiter)
    for count in range(len(parts) - 1, 0, -1):
        key = delimiter.join(parts[:count])
        if key == "*":
            value, wanted = data, expression
        else:
            value, wanted = traverse(data, key, {}, delimiter), delimiter.join(parts[count:])
        if value != {} and _is(value, wanted, regex):
            return True
    return False


def _is(value: Any, wanted: str, regex: bool) -> bool:
    if isinstance(value, dict):
        return _in_mapping(value, wanted, regex)
    if isinstance(value, list | tuple):
        return any(
            (isinstance(one, dict) and _in_mapping(one, wanted, regex)) or _like(one, wanted, regex) for one in value
        )
    return _like(value, wanted, regex)


def _in_mapping(value: Mapping[Any, Any], wanted: str, regex: bool) -> bool:
    anywhere = wanted.startswith("*:")
    wanted = wanted.removeprefix("*:")
    if wanted == "*" or wanted in value or any(_like(key, wanted, regex) for key in value):
        return True
    if nested(value, wanted, regex=regex):
        return True
    if not anywhere:
        return False
    for one in value.values():
        if isinstance(one, dict):
            found = _in_mapping(one, wanted, regex)
        elif isinstance(one, list):
            found = any(_like(member, wanted, regex) for member in one)
        else:
            found = _like(one, wanted, regex)
        if found:
            return True
    return False


def _like(value: Any, wanted: str, regex: bool) -> bool:
    text, wanted = str(value).lower(), str(wanted).lower()
    if not regex:
        return fnmatch.fnmatchcase(text, wanted)
    try:
        return re.match(wanted, text) is not None
    except re.error:
        return False


def compound(minion: Minion, target: Any) -> bool:
    """Return whether a compound target, a text or a list of its words, means the minion."""
    if isinstance(target, str):
        target = target.split()
    if not isinstance(target, list | tuple):
        return False
    try:
        return _Compound(minion, _expanded(target, minion.nodegroups)).whole()
    except (ValueError, RecursionError):
        return False


def _expanded(words: Sequence[Any], groups: Mapping[str, Any], within: tuple[str, ...] = ()) -> list[str]:
    """Return the words with those of nodegroups put in. One that isn't there, or contains itself, has none."""
    found: list[str] = []
    for word in map(str, words):
        if not (word.startswith("N@") and len(word) > 2):
            found.append(word)
        elif (name := word[2:]) in groups and name not in within and len(within) < MAX_DEPTH:
            found += _group(groups[name], groups, (*within, name))
        if len(found) > MAX_WORDS:
            raise ValueError("too many words")
    return found


def _group(group: Any, groups: Mapping[str, Any], within: tuple[str, ...]) -> list[str]:
    words = group.split() if isinstance(group, str) else [str(one) for one in group] if isinstance(group, list) else []
    if words and not OPERATORS & set(words) and not any("*" in word or re.match("[A-Z]@", word) for word in words):
        kind = "E@" if any(_REGEX_SIGNS.fullmatch(word) for word in words) else "L@"
        return [kind + ",".join(words)]
    inner = _expanded(words, groups, within)
    return ["(", *inner, ")"] if inner else []


class _Compound:
    """``or`` binds weakest, ``not`` strongest; ``a not b`` is ``a and not b``. Raises ``ValueError``."""

    def __init__(self, minion: Minion, words: list[str]) -> None:
        self._minion = minion
        self._words = words
        self._at = 0

    def whole(self) -> bool:
        """Return what all of the expression comes to. Raises ``ValueError`` for one that is none."""
        found = self._any()
        if self._at < len(self._words):
            raise ValueError("an operator is missing")
        return found

    def _next(self) -> str | None:
        return self._words[self._at] if self._at < len(self._words) else None

    def _take(self, word: str) -> bool:
        if self._next() != word:
            return False
        self._at += 1
        return True

    def _any(self) -> bool:
        found = self._all()
        while self._take("or"):
            found = self._all() or found
        return found

    def _all(self) -> bool:
        found = self._not()
        while self._take("and") or self._next() == "not":
            found = self._not() and found
        return found

    def _not(self) -> bool:
        return not self._operand() if self._take("not") else self._operand()

    def _operand(self) -> bool:
        if self._take("("):
            found = self._any()
            if not self._take(")"):
                raise ValueError("a parenthesis is open")
            return found
        word = self._next()
        if word is None or word in OPERATORS:
            raise ValueError("a target is missing")
        self._at += 1
        return self._simple(word)

    def _simple(self, word: str) -> bool:
        typed = _TYPED.match(word)
        engine, delimiter, pattern = typed.groups() if typed else (None, None, word)
        if engine is None:
            return glob(self._minion, word)
        if engine in _NESTED:
            part, regex = _NESTED[engine]
            data: Mapping[str, Any] = getattr(self._minion, part)
            return nested(data, pattern, delimiter or DELIMITER, regex=regex)
        if engine not in _BY_LETTER:
            raise ValueError(f"there is no {engine}@ here")
        return bool(_BY_LETTER[engine](self._minion, pattern))


_NESTED = {"G": ("grains", False), "P": ("grains", True), "I": ("pillar", False), "J": ("pillar", True)}
_BY_LETTER: Mapping[str, Callable[[Minion, Any], Any]] = {
    "L": listed,
    "S": address,
    "E": pcre,
    "T": lambda minion, target: False,  # resources, which there are none of
    "M": lambda minion, target: minion.id == target,
}
