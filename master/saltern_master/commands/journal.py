"""``journal.*``: what agents delivered and no store would take."""

from __future__ import annotations

from typing import Any

from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command


@command("runner.journal.dead_letters", Need.RUNNER)
def dead_letters(context: Context) -> list[dict[str, Any]]:
    """List the records that could not be digested, with the reason: ``saltern-run journal.dead_letters``"""
    return context.services.dead_letters.listing()
