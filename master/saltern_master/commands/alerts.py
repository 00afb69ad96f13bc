"""``alerts.*``: thresholds and their states."""

from __future__ import annotations

from typing import Any

from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command
from saltern_master.commands.shown import local_time


@command("runner.alerts.list", Need.RUNNER)
async def listing(context: Context) -> list[dict[str, Any]]:
    """List the rules, with faults and every series' state: ``saltern-run alerts.list``"""
    return [
        {
            **rule,
            "last_evaluated": _time(rule["last_evaluated"]),
            "series": [{**one, "since": _time(one["since"])} for one in rule["series"]],
        }
        for rule in context.services.alerts.listing()
    ]


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else local_time(seconds)
