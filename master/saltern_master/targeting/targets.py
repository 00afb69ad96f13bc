"""Targets as this master understands them: with its nodegroups, and what it knows of its minions."""

from __future__ import annotations

from collections.abc import Sequence

from saltern.config import MasterOptions
from saltern.errors import TargetError
from saltern_master.targeting.effort import Known
from saltern_master.targeting.nested import DELIMITER
from saltern_master.targeting.target import Target
from saltern_master.targeting.words import Nodegroups


class Targets:
    """Makes targets; ``known`` is what they are held against."""

    def __init__(self, options: MasterOptions, known: Known) -> None:
        self.known = known
        self.reread(options)

    def reread(self, options: MasterOptions) -> None:
        """Take over the nodegroups of *options*."""
        self._nodegroups = Nodegroups(options["nodegroups"], options["conf_file"])

    def covered_by(self, expression: str, minions: Sequence[str]) -> Sequence[str]:
        """Return those of *minions* that a compound *expression* of a grant means; one that fails means none."""
        try:
            return self.target(expression, "compound", reads_pillar=True).select(minions, self.known)
        except TargetError:
            return ()

    def fault(self, expression: str) -> str:
        """Return what keeps a compound *expression* of a grant from meaning anybody; nothing: it can be understood."""
        try:
            return self.target(expression, "compound", reads_pillar=True).problem
        except TargetError as error:
            return str(error)

    def target(self, target: str | list[str], kind: str, delimiter: str = DELIMITER, **more: bool) -> Target:
        """Return a target, see ``Target``. Raises ``TargetError``."""
        return Target(target, kind, delimiter=delimiter, nodegroups=self._nodegroups, **more)
