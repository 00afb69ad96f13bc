"""The names of the nodegroups that a minion is in: ``- nodegroups: NAME``, ``{NAME: [web, all]}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import TargetError
from saltern_master.pillar.matching import Matching

__opts__: Mapping[str, Any]
__grains__: Any
__pillar__: Mapping[str, Any]


def groups_of(minion_id: str, opts: Mapping[str, Any], grains: Any, pillar: Mapping[str, Any]) -> list[str]:
    """Return the nodegroups that mean a minion."""
    matching = Matching(opts["nodegroups"], opts["__settings__"].conf_file)
    found = []
    for group in opts["nodegroups"]:
        try:
            if matching.means(group, "nodegroup", minion_id, grains, pillar):
                found.append(group)
        except TargetError:
            continue
    return found


def ext_pillar(minion_id: str, pillar: dict[str, Any], pillar_name: str | None = None) -> dict[str, Any]:
    """Return the minion's nodegroups under *pillar_name*, or ``nodegroups``."""
    return {pillar_name or "nodegroups": groups_of(minion_id, __opts__, __grains__, __pillar__)}
