"""``alerts.*``: thresholds and their states."""

from __future__ import annotations

from typing import Any

from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command


@command("runner.alerts.list", Need.RUNNER)
async def listing(context: Context) -> list[dict[str, Any]]:
    """List the rules, with faults and every series' state: ``saltern-run alerts.list``"""
    return context.services.alerts.listing()
