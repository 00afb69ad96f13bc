"""``alerts.*``: thresholds and their states."""

from __future__ import annotations

from typing import Any

from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import Reach, command
from saltern_master.commands.shown import HIDDEN, local_time


@command("runner.alerts.list", Need.RUNNER, reach=Reach.VISIBLE)
async def listing(context: Context) -> list[dict[str, Any]]:
    """List the rules, with faults and every series' state: ``saltern-run alerts.list``

    Who sees some minions alone is shown the series that are about these, and no other, as far as ``metric_pattern``
    tells; and of a rule that has none, nothing.
    """
    return [
        {
            **rule,
            "last_evaluated": _time(rule["last_evaluated"]),
            "series": [{**one, "since": _time(one["since"])} for one in rule["series"]],
        }
        for rule in _visible(context, context.services.alerts.listing())
    ]


def _visible(context: Context, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rules as the caller may see them: a target, and what is wrong with it, may name any minion."""
    if not context.limited:
        return rules
    found = []
    for rule in rules:
        about = context.services.series_places.whose([one["series"] for one in rule["series"]])
        series = [
            one
            for one, minions in zip(rule["series"], about, strict=True)
            if minions is not None and all(map(context.sees, minions))
        ]
        if series:
            error = HIDDEN if rule["error"] else ""
            found.append({**rule, "target": HIDDEN, "error": error, "series": series})
    return found


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else local_time(seconds)
