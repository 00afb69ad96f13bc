"""The words of a compound target, its nodegroups put in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from saltern.errors import TargetTooCostly, UnknownNodegroup

MAX_WORDS = 10_000
"""Of one target, with all of its nodegroups put in, and their names."""
MAX_LISTED_CHARS = 2 * 1024 * 1024
MAX_DEPTH = 50

OPERATORS = frozenset(("and", "or", "not", "(", ")"))
_GROUP = "N@"
_TYPED = re.compile(r"[A-Z]@")
_REGEX_SIGNS = re.compile(r"[(\[{\\?}\])]")
_WORD = re.compile(r"\S+")

Groups = Mapping[str, Any]


class Nodegroups(NamedTuple):
    """The option ``nodegroups``, and the file that it is from."""

    groups: Groups
    where: str


class Word(NamedTuple):
    """One word, and where in the target it, or the nodegroup that it is of, begins."""

    text: str
    at: int
    of_group: bool = False


def words_of(text: str, nodegroups: Nodegroups) -> list[Word]:
    """Return the words of a compound target. Raises ``UnknownNodegroup``, ``TargetTooCostly``."""
    expansion = _Expansion(nodegroups.groups)
    words: list[Word] = []
    for found in _WORD.finditer(text):
        expansion.count()
        word, at = found.group(), found.start()
        if word.startswith(_GROUP) and len(word) > len(_GROUP):
            words += (Word(part, at, True) for part in group_words(word[len(_GROUP) :], nodegroups, expansion))
        else:
            words.append(Word(word, at))
    return words


def group_words(name: str, nodegroups: Nodegroups, expansion: _Expansion | None = None) -> list[str]:
    """Return what a nodegroup stands for. Raises ``UnknownNodegroup``, ``TargetTooCostly``."""
    if name not in nodegroups.groups:
        raise UnknownNodegroup(f"Node group {name} unavailable in {nodegroups.where}")
    return (expansion or _Expansion(nodegroups.groups)).of(name, ())


class _Expansion:
    """One target's expansion, bounded as a whole: groups that name others twice each grow without end."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._count = 0
        self._chars = 0

    def count(self) -> None:
        """Count one word. Raises ``TargetTooCostly`` when there are too many."""
        self._count += 1
        if self._count > MAX_WORDS:
            raise TargetTooCostly(f"the target has over {MAX_WORDS:,} words: use a list, or a glob")

    def of(self, name: str, within: tuple[str, ...]) -> list[str]:
        """Return the words of a group in parentheses; one that contains itself, or isn't there, has none."""
        if name in within or name not in self._groups:
            return []
        if len(within) >= MAX_DEPTH:
            raise TargetTooCostly(f"the nodegroup {within[0]!r:.100} is nested over {MAX_DEPTH} deep")
        value = self._groups[name]
        words = value.split() if isinstance(value, str) else [str(word) for word in value] if _listed(value) else []
        whole = _names(words)
        if whole:
            self._chars += len(whole)
            if self._chars > MAX_LISTED_CHARS:
                raise TargetTooCostly(f"the target's nodegroups list over {MAX_LISTED_CHARS:,} characters of names")
            return [whole]
        found: list[str] = []
        for word in words:
            self.count()
            if word.startswith(_GROUP) and len(word) > len(_GROUP):
                found += self.of(word[len(_GROUP) :], (*within, name))
            else:
                found.append(word)
        return ["(", *found, ")"] if found else []


def _listed(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _names(words: Iterable[str]) -> str:
    """Return the one word that plain names are together, a list or an expression; nothing when they are a compound."""
    if any(word in OPERATORS or "*" in word or _TYPED.match(word) for word in words):
        return ""
    joined = ",".join(words)
    return f"E@{joined}" if _REGEX_SIGNS.search(joined) else f"L@{joined}"
