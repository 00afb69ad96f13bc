"""Whom a form means: its target, and the hosts that it stands for now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from django.http import QueryDict

from saltern_web.api.client import Api
from saltern_web.api.errors import Refused
from saltern_web.fleet import Fleet

KINDS: Mapping[str, str] = {
    "glob": "name or pattern",
    "list": "list of hosts",
    "group": "group",
    "compound": "compound",
    "grain": "grain",
    "pcre": "regular expression",
    "ipcidr": "network",
    "nodegroup": "nodegroup",
    "pillar": "pillar",
}
HINTS: Mapping[str, str] = {
    "glob": "web* or *",
    "list": "web1, web2",
    "group": "web",
    "compound": "G@os:Debian and web*",
    "grain": "os:Debian",
    "pcre": "web[0-9]+",
    "ipcidr": "10.0.0.0/8",
    "nodegroup": "web",
    "pillar": "role:db",
}
MAX_CHARS = 1024 * 1024
MAX_LINE = 4000
"""Characters of a target that isn't a list."""
SHOWN = 200
_BETWEEN = re.compile(r"[\s,]+")


class Target(NamedTuple):
    """A target as it is typed, and its kind (of :data:`KINDS`)."""

    text: str = ""
    kind: str = "glob"

    @property
    def names(self) -> list[str]:
        """The hosts that a list names, each once."""
        return list(dict.fromkeys(name for name in _BETWEEN.split(self.text) if name))


class Meant(NamedTuple):
    """Whom a target means now: ids, sorted; the names in it that no host has; what can't mean anybody; who is away."""

    minions: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    problem: str = ""
    away: tuple[str, ...] = ()

    @property
    def first(self) -> tuple[str, ...]:
        """Those that are shown at once."""
        return self.minions[:SHOWN]

    @property
    def rest(self) -> tuple[str, ...]:
        """The others."""
        return self.minions[SHOWN:]

    @property
    def asked(self) -> str:
        """The one that is asked what it can do: one that is there."""
        away = frozenset(self.away)
        return next((minion for minion in self.minions if minion not in away), "")


def target_of(given: QueryDict) -> Target:
    """Return the target in a form or a link. Raises ``Refused`` for a kind that isn't there, or too long a one."""
    chosen = [name for one in (*given.getlist("minion"), *given.getlist("minions")) for name in _BETWEEN.split(one)]
    if any(chosen):
        return Target(", ".join(dict.fromkeys(name for name in chosen if name))[:MAX_CHARS], "list")
    kind = given.get("tgt_type", "glob")
    if kind not in KINDS:
        raise Refused(f"{kind[:40]} is no kind of target: {', '.join(KINDS)}")
    text = given.get("tgt", "").strip()
    if len(text) > (MAX_CHARS if kind == "list" else MAX_LINE):
        raise Refused("the target is too long")
    return Target(text, kind)


async def meant_by(api: Api, fleet: Fleet, target: Target) -> Meant:
    """Return whom *target* means, of whom the caller may command. What is wrong with it is its ``problem``."""
    if not target.text:
        return Meant()
    tgt: str | list[str] = target.text
    kind = target.kind
    if kind == "list":
        tgt = target.names
    elif kind == "group":
        if target.text not in fleet.groups:
            return Meant(problem=f"there is no group {target.text[:60]!r} with a host that you may see")
        tgt, kind = [host.id for host in fleet.of(target.text)], "list"
    try:
        told = await api.runner("manage.resolve", tgt=tgt, tgt_type=kind)
    except Refused as error:
        return Meant(problem=str(error))
    if not isinstance(told, dict):
        return Meant(problem=str(told).removeprefix("Exception occurred in runner manage.resolve: ")[:500])
    minions = tuple(map(str, told.get("minions", ())))
    known = fleet.by_id
    away = tuple(minion for minion in minions if minion in known and not known[minion].up)
    return Meant(minions, tuple(map(str, told.get("unknown", ()))), str(told.get("problem") or ""), away)
