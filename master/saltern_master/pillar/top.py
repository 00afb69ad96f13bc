"""Top files: which sls files of which environment are for which target, merged from all environments.

base:
  'web*':                 a compound target, unless it says otherwise
    - webserver           an sls, or a glob of some
    - match: glob
    - ignore_missing: true
    - order: 2
"""

from __future__ import annotations

from typing import Any, NamedTuple

BROKEN = "Error encountered while rendering pillar top file."


class Entry(NamedTuple):
    """What one target of an environment gets, and how it is matched."""

    target: Any
    kind: str
    sls: list[str]
    claimed: bool
    """Whether its top file read grains to say so."""
    matches: list[Any]
    """The maps with ``match`` as they were written."""


class Top(NamedTuple):
    """All top files together: entries of each environment, in order, and sls that may be missing."""

    entries: dict[str, list[Entry]]
    may_be_missing: dict[str, set[str]]


class _Row(NamedTuple):
    kind: str
    sls: list[str]
    claimed: bool
    matches: list[Any]


def merged_tops(tops: list[tuple[dict[str, Any], bool]]) -> Top:
    """Merge top files as they were rendered, each with whether it read grains: a later one's target replaces.

    Raises ``TypeError`` for one that isn't in the form of a top file.
    """
    rows: dict[str, dict[Any, _Row]] = {}
    orders: dict[str, dict[Any, int]] = {}
    may_be_missing: dict[str, set[str]] = {}
    for top, claimed in tops:
        if not isinstance(top, dict):
            raise TypeError("a top file is a map")
        for env, targets in top.items():
            if env == "include":
                continue
            for target in targets:
                orders.setdefault(env, {})[target] = 0
                kind, missing = "compound", False
                sls: list[str] = []
                matches: list[Any] = []
                for part in targets[target]:
                    if isinstance(part, dict):
                        if "match" in part:
                            kind = str(part["match"])
                            matches.append(part)
                        if "order" in part:
                            orders[env][target] = _number(part["order"])
                        missing = missing or bool(part.get("ignore_missing", False))
                    elif isinstance(part, str) and part not in sls:
                        sls.append(part)
                if missing:
                    may_be_missing.setdefault(env, set()).update(sls)
                rows.setdefault(env, {})[target] = _Row(kind, sls, claimed, matches)
    entries = {}
    for env, targets in rows.items():
        order = orders[env]
        entries[env] = [Entry(one, *targets[one]) for one in sorted(targets, key=order.__getitem__)]
    return Top(entries, may_be_missing)


def _number(order: Any) -> int:
    if isinstance(order, int):
        return order
    try:
        return int(order)
    except (ValueError, TypeError):
        return 0
