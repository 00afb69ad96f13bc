"""Whom targets mean, beside what the real Salt answered (``support/salt_answers/record_targets.py``)."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from saltern.errors import TargetError, UnknownNodegroup
from saltern_master.targeting import Columns, DataFacts, Known, Nodegroups, Target

ANSWERS = json.loads((Path(__file__).parents[1] / "support/salt_answers/targets.json").read_text(encoding="utf-8"))
IDS: list[str] = ANSWERS["ids"]
GRAINS: dict[str, Any] = ast.literal_eval(ANSWERS["grains"])
PILLAR: dict[str, Any] = ast.literal_eval(ANSWERS["pillar"])
GROUPS = Nodegroups(ANSWERS["nodegroups"], "/etc/salt/master")

OTHERWISE = {
    # A comma: Salt's master takes it for several globs, its minions for one, so all are said not to return.
    "db01,web01": [],
    "db01,web01 or db02": ["db02"],
    # Parentheses left open: closed by Salt's master, refused by its minions, so all are said not to return.
    "( db01": [],
    "( db01 or web01": [],
    "not ( db01": [],
    "not ( nosuch": [],
    "( G@disks:name": [],
    "( not J@n:1.?": [],
    "( I@role:[wx]eb": [],
    "( E@(?i)WEB": [],
    # A nodegroup is one operand wherever it stands: in Salt what is beside it binds to its first or last word.
    "not N@either": ["db02", "web02", "web03.example.com", "Web04", "cache-1", "x86_64"],
    "N@either and web*": ["web01"],
    "N@opers and web*": ["web01"],
}
"""Targets that mean others here than in Salt, with the reason why, and whom they mean here."""


class Answer(NamedTuple):
    """Whom a target means, or ``None`` where a client refuses it; and the names in it that no minion has."""

    minions: list[str] | None
    missing: list[str]


def salts(master: int, missing: list[str]) -> Answer:
    minions = [minion for number, minion in enumerate(IDS) if master >> number & 1] if master >= 0 else None
    return Answer(minions, list(dict.fromkeys(missing)) if minions else [])


def ours(kind: str, target: str | list[str], delimiter: str, known: Known) -> Answer:
    try:
        meant = Target(target, kind, delimiter=delimiter, nodegroups=GROUPS)
    except UnknownNodegroup:
        return Answer(None, [])
    except TargetError:
        return Answer([], [])
    minions = meant.select(IDS, known)
    return Answer(minions, [name for name in meant.listed if name not in IDS] if minions else [])


@pytest.mark.parametrize("indexed", [False, True])
def test_a_target_means_the_minions_that_it_means_in_salt(indexed: bool) -> None:
    pillar = DataFacts(lambda minion: PILLAR.get(minion, {}))
    grains = Columns(lambda minion: GRAINS[minion], lambda: dict.fromkeys(IDS, "")) if indexed else None
    known = Known(grains or DataFacts(lambda minion: GRAINS[minion]), pillar)
    otherwise: dict[str, list[str] | None] = {}
    for kind, target, delimiter, master, _minions, missing in ANSWERS["rows"]:
        own = ours(kind, target, delimiter, known)
        if own != salts(master, missing):
            otherwise[str(target)] = own.minions
    assert otherwise == OTHERWISE
    assert len(ANSWERS["rows"]) > 2000
