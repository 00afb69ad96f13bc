"""One right: an entry, where it is from, and the groups of minions that the roles it came by limit it to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from saltern.power import Power
from saltern_master.auth.call import Call
from saltern_master.auth.entries import EVERY_MINION, Entry, OnMaster, OnMinions, Word
from saltern_master.auth.minion_groups import GroupBook

CoveredBy = Callable[[str, Sequence[str]], Collection[str]]
"""Returns those of some minions that a compound expression means."""
PowerOf = Callable[[str], Power]


class Right(NamedTuple):
    """An *entry*; of *within* each is some groups, and a minion must be in one of each."""

    entry: Entry
    where: str
    within: tuple[tuple[str, ...], ...] = ()

    def allows(self, call: Call, power_of: PowerOf) -> bool:
        """Return whether it is for *call*, on some minions."""
        return isinstance(self.entry, OnMinions) and self.entry.rule_for(call, power_of(call.function)) is not None

    def says(self, *words: str) -> bool:
        """Return whether it is one of *words*."""
        return isinstance(self.entry, Word) and self.entry.written in words

    def meant(self, minions: Sequence[str], groups: GroupBook, covered_by: CoveredBy) -> frozenset[str]:
        """Return those of *minions* that it is good for."""
        left: Sequence[str] = minions
        for names in self.within:
            left = list(groups.minions_of(names, left))
        if left and isinstance(self.entry, OnMinions) and self.entry.target != EVERY_MINION:
            left = list(frozenset(left).intersection(covered_by(self.entry.target, left)))
        return frozenset(left)

    def explained(self, call: Call, power_of: PowerOf) -> str:
        """Return the line that says what of it allows *call*: ``role dba (roles.d/x.yaml): cmd.run on group db``."""
        if not isinstance(self.entry, OnMinions):
            return f"{self.where}: {self.entry.written}"
        rule = self.entry.rule_for(call, power_of(call.function))
        parts = [f"{self.where}: {rule.text if rule else self.entry.written}"]
        parts += ["with these arguments"] if rule and rule.conditions else []
        parts += [f"on {self.entry.target}"] if self.entry.target != EVERY_MINION else []
        parts += [f"on group {' or '.join(names)}" for names in self.within]
        return " ".join(parts)

    def told(self) -> str:
        """Return the line that says what it is, whatever is asked: ``role dba (roles.d/x.yaml): @jobs on group db``."""
        groups = [f" on group {' or '.join(names)}" for names in self.within]
        return f"{self.where}: {self.entry.written}{''.join(groups)}"

    def shown(self, groups: GroupBook) -> Any:
        """Return it in Salt's grammar, as far as that can say it; ``None`` for what it has no word for."""
        if isinstance(self.entry, Word):
            return self.entry.written if self.entry.written.startswith("@") else None
        if isinstance(self.entry, OnMaster) or not self.within or not isinstance(self.entry, OnMinions):
            return self.entry.written
        limits = [[one for name in names for one in groups.members(name)] for names in self.within]
        if not all(limits):
            return None
        parts = [] if self.entry.target == EVERY_MINION else [self.entry.target]
        parts += [" or ".join(members) for members in limits]
        target = " and ".join(f"( {part} )" for part in parts) if len(parts) > 1 else parts[0]
        written = self.entry.written
        functions = next(iter(written.values())) if isinstance(written, Mapping) else [written]
        return {target: functions}
