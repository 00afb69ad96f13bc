"""Whether a target of a top file means one minion: the master's own targets, held against its grains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import TargetError
from saltern_master.pillar.claims import Grains, proven
from saltern_master.targeting import TYPES, DataFacts, Known, Nodegroups, Target

NOT_HERE = {"data": "data of a minion isn't known here", "range": "range clusters aren't supported"}
MAX_TARGETS = 5000


class Matching:
    """Targets as they are compiled, kept for all minions."""

    def __init__(self, nodegroups: Mapping[str, Any], conf_file: str) -> None:
        self._groups = Nodegroups(nodegroups, conf_file)
        self._targets: dict[tuple[str, str], Target] = {}

    def means(self, target: str, kind: str, minion_id: str, grains: Grains, pillar: Mapping[str, Any]) -> bool:
        """Return whether *target* means the minion. Raises ``TargetError``."""
        known = Known(DataFacts(lambda _: grains), DataFacts(lambda _: pillar))
        return self._target(target, kind).matches(minion_id, known)

    def proven(self, target: str, kind: str, minion_id: str) -> bool:
        """Return whether a target that means the minion does so by its id alone."""
        try:
            nothing = Grains({}, minion_id)
            return proven(
                target, kind, self._groups, lambda tried: self.means(tried, "compound", minion_id, nothing, {})
            )
        except TargetError:
            return False

    def _target(self, target: str, kind: str) -> Target:
        found = self._targets.get((target, kind))
        if found is None:
            if kind not in TYPES:
                raise TargetError(
                    f"match: {kind} isn't known: {NOT_HERE.get(kind) or 'use one of ' + ', '.join(TYPES)}"
                )
            if len(self._targets) >= MAX_TARGETS:
                self._targets.clear()
            found = self._targets[target, kind] = Target(target, kind, nodegroups=self._groups)
        return found
