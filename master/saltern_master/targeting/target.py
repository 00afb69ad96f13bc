"""A target: an expression and its kind, checked and compiled once, then held against minions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from saltern.errors import TargetError, TargetTooCostly
from saltern_master.targeting.compound import compound
from saltern_master.targeting.compound import listed as compound_lists
from saltern_master.targeting.effort import Effort, Known
from saltern_master.targeting.nested import DELIMITER
from saltern_master.targeting.selectors import (
    EXACT_LETTERS,
    LETTERS,
    MAX_NAMES,
    SIMPLE,
    UNREAD,
    UNREAD_LETTERS,
    Selector,
    names_alone,
    names_of,
    selector,
)
from saltern_master.targeting.words import Nodegroups, Word, group_words, words_of

COMPOUNDS = {"compound": LETTERS, "compound_pillar_exact": EXACT_LETTERS}
TYPES = (*SIMPLE, "nodegroup", *COMPOUNDS)
MAX_CHARS = 64 * 1024
MAX_LIST_CHARS = 2 * 1024 * 1024
LIMIT_S = 1.0

NO_GROUPS = Nodegroups({}, "the master's configuration")


class Target:
    """One target, for any number of resolutions, each within *limit_s* seconds of processor time."""

    def __init__(
        self,
        target: str | list[str],
        kind: str,
        limit_s: float = LIMIT_S,
        *,
        delimiter: str = DELIMITER,
        nodegroups: Nodegroups = NO_GROUPS,
        reads_pillar: bool = True,
    ) -> None:
        """A list is the words of a compound, or else names, whatever its *kind*.

        *delimiter*: what parts names and values of grains and pillar, in a target of these kinds alone.
        *reads_pillar*: whether who asks may read the pillar that it is held against; else values are compared exactly.
        Raises ``TargetError``.
        """
        if kind not in TYPES:
            raise TargetError(f"target type {kind!r:.40} is not known: use one of {', '.join(TYPES)}")
        if isinstance(target, list):
            target, kind = _joined(target, " ", kind) if kind in COMPOUNDS else _joined(target, ",", "list")
        most = MAX_CHARS if kind in SIMPLE and kind != "list" else MAX_LIST_CHARS
        if not isinstance(target, str):
            raise TargetError("a target must be text, or a list of names")
        if len(target) > most:
            raise TargetTooCostly(f"a target must be text of at most {most:,} characters, not {len(target):,}")
        if not delimiter:
            raise TargetError("the delimiter is empty: it parts a name from its value")
        self._text = target
        self._limit_s = limit_s
        self._notes: list[str] = []
        self._words: Sequence[Word] = ()
        self._kind = kind
        self._select = self._selector(delimiter, nodegroups, reads_pillar)
        self._effortless = Effort(target, Known(), limit_s) if names_alone(target, kind) else None
        """For a target that takes none, as reading a clock costs more than to see whether it names a minion."""

    def _selector(self, delimiter: str, nodegroups: Nodegroups, reads_pillar: bool) -> Selector:
        if self._kind in SIMPLE:
            kind = UNREAD if self._kind.startswith("pillar") and not reads_pillar else self._kind
            return selector(self._text, kind, delimiter, self._notes)
        if self._kind == "nodegroup":
            self._words = [Word(word, 0, True) for word in group_words(self._text, nodegroups)]
        else:
            self._words = words_of(self._text, nodegroups)
        letters = COMPOUNDS.get(self._kind, LETTERS) if reads_pillar else UNREAD_LETTERS
        return compound(self._text, self._words, letters, self._notes, Effort(self._text, Known(), self._limit_s))

    @property
    def problem(self) -> str:
        """What in it can't mean anybody, in a line; nothing when there is no such part."""
        return "; ".join(self._notes[:MAX_NOTES])

    @property
    def named(self) -> list[str]:
        """The names that it consists of, or its one glob; none of another kind's, which are expressions."""
        if self._kind == "list":
            return names_of(self._text)
        return [self._text] if self._kind == "glob" else []

    @property
    def listed(self) -> list[str]:
        """The names that it lists, each once: whoever lists a name wants that minion, and no other."""
        names = names_of(self._text) if self._kind == "list" else compound_lists(self._words)
        return list(dict.fromkeys(names))

    @property
    def listed_by_hand(self) -> list[str]:
        """The names that it lists itself: those of a nodegroup aren't for everybody to know."""
        if self._kind == "list":
            return self.listed
        return list(dict.fromkeys(compound_lists([word for word in self._words if not word.of_group])))

    def select(self, minions: Iterable[str], known: Known) -> list[str]:
        """Return those of *minions* that are meant, in their order.

        Raises ``TargetTooCostly`` when it takes too long.
        """
        ids = list(minions)
        effort = Effort(self._text, known, self._limit_s) if self._effortless is None else self._effortless
        chosen = self._select(frozenset(ids), effort)
        return [minion for minion in ids if minion in chosen]

    def matches(self, minion: str, known: Known) -> bool:
        """Return whether one minion is meant. Raises ``TargetTooCostly`` when it takes too long."""
        return bool(self.select((minion,), known))


MAX_NOTES = 5


def _joined(names: list[str], by: str, kind: str) -> tuple[str, str]:
    if len(names) > MAX_NAMES:
        raise TargetTooCostly(f"a list has at most {MAX_NAMES:,} names, not {len(names):,}")
    if not all(isinstance(name, (str, int)) for name in names):  # YAML reads an id of digits as a number
        raise TargetError("a list of minions has a name that isn't text")
    texts = [str(name) for name in names]
    if sum(map(len, texts)) + len(texts) > MAX_LIST_CHARS:
        raise TargetTooCostly(f"a list of minions has at most {MAX_LIST_CHARS:,} characters")
    return by.join(texts), kind
