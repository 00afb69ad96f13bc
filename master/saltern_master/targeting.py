"""From a target expression to the minions it means.

Types, with the command line's flags for them: ``glob`` (default), ``list`` (-L), ``pcre`` (-E), ``grain`` (-G,
``os:Debian``, values as globs, nested by ``:``) and ``compound`` (-C: ``G@os:Debian and web* and not L@web1,web2``,
with parentheses and the prefixes ``G@ P@ E@ L@``).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltern.errors import TargetError

Grains = Mapping[str, Any]
Matcher = Callable[[str], bool]

MAX_EXPRESSION = 64 * 1024
TYPES = ("glob", "list", "pcre", "grain", "grain_pcre", "compound")


def resolve(target: str | list[str], kind: str, minions: Iterable[str], grains: Callable[[str], Grains]) -> list[str]:
    """Return those of *minions* that *target* of type *kind* means. Raises ``TargetError``."""
    if kind not in TYPES:
        raise TargetError(f"target type {kind!r} is not known: use one of {', '.join(TYPES)}")
    if isinstance(target, list):
        target = ",".join(str(name) for name in target)
        kind = "list"
    if not isinstance(target, str) or len(target) > MAX_EXPRESSION:
        raise TargetError(f"a target must be text of at most {MAX_EXPRESSION} characters")
    matches = _Compound(target, grains).matcher() if kind == "compound" else _matcher(target, kind, grains)
    return [minion for minion in minions if matches(minion)]


def _matcher(target: str, kind: str, grains: Callable[[str], Grains]) -> Matcher:
    if kind == "glob":
        pattern = re.compile(fnmatch.translate(target))
        return lambda minion: pattern.match(minion) is not None
    if kind == "list":
        names = {name.strip() for name in target.split(",")}
        return lambda minion: minion in names
    if kind == "pcre":
        expression = _regex(target)
        return lambda minion: expression.match(minion) is not None
    if kind == "grain":
        return _grain_matcher(target, grains, lambda text: re.compile(fnmatch.translate(text), re.IGNORECASE))
    return _grain_matcher(target, grains, _regex)


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise TargetError(f"{text!r} is not a regular expression: {error}") from None


def _grain_matcher(target: str, grains: Callable[[str], Grains], compiled: Callable[[str], re.Pattern[str]]) -> Matcher:
    parts = target.split(":")
    if len(parts) < 2:
        raise TargetError(f"{target!r} is not a grain target: write name:value, as in os:Debian")
    # Keys may hold ':' too: every split of the text into key path and value is tried, as Salt does.
    splits = [(parts[:i], compiled(":".join(parts[i:]))) for i in range(1, len(parts))]
    return lambda minion: any(_grain_holds(grains(minion), path, value) for path, value in splits)


def _grain_holds(node: Any, path: list[str], value: re.Pattern[str]) -> bool:
    for name in path:
        if not (isinstance(node, Mapping) and name in node):
            return False
        node = node[name]
    if isinstance(node, Mapping):
        return any(value.match(str(key)) for key in node)
    members = node if isinstance(node, (list, tuple)) else [node]
    return any(value.match(str(member)) for member in members)


_PREFIXES = {"G": "grain", "P": "grain_pcre", "E": "pcre", "L": "list"}
_TOKEN = re.compile(r"\(|\)|[^\s()]+(?:\([^\s)]*\)[^\s()]*)*")


class _Compound:
    """Parses ``a and not (b or c)``: ``or`` binds weakest, ``not`` strongest."""

    def __init__(self, text: str, grains: Callable[[str], Grains]) -> None:
        self._text = text
        self._grains = grains
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def matcher(self) -> Matcher:
        matcher = self._or()
        if self._at < len(self._tokens):
            raise self._fault(f"{self._tokens[self._at]!r} is unexpected")
        return matcher

    def _or(self) -> Matcher:
        left = self._and()
        while self._take("or"):
            left = _either(left, self._and())
        return left

    def _and(self) -> Matcher:
        left = self._not()
        while self._take("and"):
            left = _both(left, self._not())
        return left

    def _not(self) -> Matcher:
        if self._take("not"):
            inner = self._not()
            return lambda minion: not inner(minion)
        if self._take("("):
            inner = self._or()
            if not self._take(")"):
                raise self._fault("a ')' is missing")
            return inner
        if self._at >= len(self._tokens) or self._tokens[self._at] in ("and", "or", ")"):
            raise self._fault("a target is missing")
        token = self._tokens[self._at]
        self._at += 1
        if len(token) > 1 and token[1] == "@":
            kind = _PREFIXES.get(token[0])
            if kind is None:
                raise self._fault(f"{token[:2]} is not known: use one of G@ P@ E@ L@")
            return _matcher(token[2:], kind, self._grains)
        return _matcher(token, "glob", self._grains)

    def _take(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == word:
            self._at += 1
            return True
        return False

    def _fault(self, what: str) -> TargetError:
        return TargetError(f"compound target {self._text!r:.200}: {what}")


def _either(left: Matcher, right: Matcher) -> Matcher:
    return lambda minion: left(minion) or right(minion)


def _both(left: Matcher, right: Matcher) -> Matcher:
    return lambda minion: left(minion) and right(minion)
