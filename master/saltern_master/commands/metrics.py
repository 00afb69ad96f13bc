"""``metrics.*``: what became of the points."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from saltern.errors import FunctionNotFound
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import Reach, command


@command("runner.metrics.explain", Need.RUNNER, reach=Reach.VISIBLE)
async def explain(context: Context, minion: str, fun: str) -> dict[str, Any]:
    """Show what of a return became metrics: ``saltern-run metrics.explain web01 stats.collect``"""
    engine = context.services.engine
    if engine is None:
        raise FunctionNotFound("nothing is shipped: carbon_protocol is none")
    explained = engine.explain(minion, fun) if context.sees(minion) else None
    if explained is None:
        raise FunctionNotFound(
            f"{minion} returned no metrics of {fun} since the master started, or more than are remembered: "
            "is it scheduled with metrics: true?"
        )
    return explained


@command("runner.metrics.account", Need.RUNNER, reach=Reach.VISIBLE)
async def account(context: Context, minion: str = "") -> dict[str, dict[str, dict[str, float]]]:
    """Show what became of the scheduled runs of each minion, or of one: ``saltern-run metrics.account``

    For each schedule expected = received + missing + lost + dropped + skipped + failed, by now; and how many were late,
    and the percentage received of the last hour's.
    """
    await context.services.account_keeper.catch_up()
    if minion:
        now = time.time()
        tallies = context.services.accounting.of(minion) if context.sees(minion) else {}
        return {minion: {name: tally.numbers(now) for name, tally in tallies.items()}} if tallies else {}
    result: dict[str, dict[str, dict[str, float]]] = {}
    for rows in context.services.accounting.rows_by_turns(time.time()):
        for minion_id, name, numbers in rows:
            if context.sees(minion_id):
                result.setdefault(minion_id, {})[name] = numbers
        await asyncio.sleep(0)  # a fleet's account is long: others have their turns in between
    return result
