"""A target: an expression and its kind, checked and compiled once, then held against minions."""

from __future__ import annotations

from collections.abc import Iterable

from saltern.errors import TargetError
from saltern_master.targeting.compound import compound
from saltern_master.targeting.compound import listed as compound_lists
from saltern_master.targeting.effort import Effort, GrainsOf
from saltern_master.targeting.selectors import MAX_NAMES, names_of, selector

TYPES = ("glob", "list", "pcre", "grain", "grain_pcre", "compound")
MAX_CHARS = 64 * 1024
MAX_LIST_CHARS = 2 * 1024 * 1024
LIMIT_S = 1.0


class Target:
    """One target, for any number of resolutions, each within *limit_s* seconds of processor time."""

    def __init__(self, target: str | list[str], kind: str, limit_s: float = LIMIT_S) -> None:
        """A list is one of names, whatever its *kind*. Raises ``TargetError``."""
        if kind not in TYPES:
            raise TargetError(f"target type {kind!r:.40} is not known: use one of {', '.join(TYPES)}")
        if isinstance(target, list):
            target, kind = _joined(target), "list"
        most = MAX_LIST_CHARS if kind == "list" else MAX_CHARS
        if not isinstance(target, str) or len(target) > most:
            raise TargetError(f"a target must be text of at most {most:,} characters")
        self._text = target
        self._limit_s = limit_s
        self._select = compound(target) if kind == "compound" else selector(target, kind)

    def select(self, minions: Iterable[str], grains: GrainsOf) -> list[str]:
        """Return those of *minions* that are meant, in their order. Raises ``TargetError`` when it takes too long."""
        ids = list(minions)
        chosen = self._select(frozenset(ids), Effort(self._text, grains, self._limit_s))
        return [minion for minion in ids if minion in chosen]

    def matches(self, minion: str, grains: GrainsOf) -> bool:
        """Return whether one minion is meant. Raises ``TargetError`` when it takes too long."""
        return bool(self.select((minion,), grains))


def resolve(target: str | list[str], kind: str, minions: Iterable[str], grains: GrainsOf) -> list[str]:
    """Return those of *minions* that *target* of *kind* means, in their order. Raises ``TargetError``."""
    return Target(target, kind).select(minions, grains)


def named(target: str | list[str], kind: str) -> list[str]:
    """Return the names that a target consists of, or its one glob; none of another kind's, which are expressions."""
    if isinstance(target, list):
        return [str(name) for name in target]
    if kind == "list":
        return names_of(target)
    return [target] if kind == "glob" else []


def listed(target: str | list[str], kind: str) -> list[str]:
    """Return the names that a target lists, each once: whoever lists a name wants that minion, and no other."""
    if kind == "compound" and isinstance(target, str):
        names = compound_lists(target)
    else:
        names = named(target, kind) if kind == "list" or isinstance(target, list) else []
    return list(dict.fromkeys(names))


def _joined(names: list[str]) -> str:
    if len(names) > MAX_NAMES:
        raise TargetError(f"a list has at most {MAX_NAMES:,} names, not {len(names):,}")
    if not all(isinstance(name, (str, int)) for name in names):  # YAML reads an id of digits as a number
        raise TargetError("a list of minions has a name that isn't text")
    texts = [str(name) for name in names]
    if sum(map(len, texts)) + len(texts) > MAX_LIST_CHARS:
        raise TargetError(f"a list of minions has at most {MAX_LIST_CHARS:,} characters")
    return ",".join(texts)
