"""Which hosts a plugin shall run on: a target, resolved by the master, and then its hosts alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from saltern.errors import IdError
from saltern.ids import check_minion_id
from saltern_web.api.client import Api
from saltern_web.api.errors import NotAllowed, Refused
from saltern_web.pages.run.target import KINDS

TYPES = tuple((kind, KINDS[kind]) for kind in ("glob", "list", "group", "compound", "grain", "pcre", "nodegroup"))
MAX_TARGET = 8192
MAX_MINIONS = 20_000


class Chosen(NamedTuple):
    """A target, and the hosts that it meant when it was shown; *problem*: why there are none."""

    tgt: str = ""
    tgt_type: str = "glob"
    minions: tuple[str, ...] = ()
    problem: str = ""
    unknown: tuple[str, ...] = ()

    @property
    def joined(self) -> str:
        """The hosts as one field of a form."""
        return ",".join(self.minions)


def asked_target(given: Mapping[str, str]) -> Chosen:
    """Return the target that a query or form names."""
    tgt_type = given.get("tgt_type", "glob")
    return Chosen(
        given.get("tgt", "").strip()[:MAX_TARGET], tgt_type if tgt_type in [name for name, _ in TYPES] else "glob"
    )


async def resolved(api: Api, chosen: Chosen, groups: Mapping[str, tuple[str, ...]]) -> Chosen:
    """Return *chosen* with the hosts that the master says it means; *groups*: those of each group."""
    if not chosen.tgt:
        return chosen
    tgt, tgt_type = chosen.tgt, chosen.tgt_type
    if tgt_type == "group":
        if tgt not in groups:
            return chosen._replace(problem=f"there is no group {tgt[:80]!r}, or you see none of its hosts")
        tgt, tgt_type = ",".join(groups[tgt]), "list"
    try:
        told = await api.runner("manage.resolve", tgt, tgt_type=tgt_type)
    except (Refused, NotAllowed) as error:
        return chosen._replace(problem=str(error))
    minions = tuple(str(one) for one in told.get("minions", ()))
    problem = str(told.get("problem") or "") or ("" if minions else "no host is meant by it")
    return chosen._replace(
        minions=minions, problem=problem, unknown=tuple(str(one) for one in told.get("unknown", ())[:100])
    )


def confirmed(given: Mapping[str, str]) -> Chosen:
    """Return the hosts that were shown, as a form sends them back. Raises ``IdError``: it was tampered with."""
    names = [name for name in given.get("minions", "").split(",") if name]
    if len(names) > MAX_MINIONS:
        raise IdError(f"these are over {MAX_MINIONS:,} hosts: choose fewer at once")
    return asked_target(given)._replace(minions=tuple(check_minion_id(name) for name in names))
