"""``manage.*`` and ``doc.*``: which minions are there, and what the master can do."""

from __future__ import annotations

from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command


@command("runner.manage.up", Need.RUNNER)
async def up(context: Context) -> list[str]:
    """List the minions that are connected: ``saltern-run manage.up``"""
    return [minion for minion in context.services.keyring.minions() if context.services.fleet.is_present(minion)]


@command("runner.manage.present", Need.RUNNER)
async def present(context: Context) -> list[str]:
    """List the minions that are connected: ``saltern-run manage.present``"""
    return [minion for minion in context.services.keyring.minions() if context.services.fleet.is_present(minion)]


@command("runner.manage.down", Need.RUNNER)
async def down(context: Context) -> list[str]:
    """List the accepted minions that are away: ``saltern-run manage.down``"""
    return [minion for minion in context.services.keyring.minions() if not context.services.fleet.is_present(minion)]


@command("runner.manage.status", Need.RUNNER)
async def status(context: Context) -> dict[str, list[str]]:
    """List both: ``saltern-run manage.status``"""
    there: dict[bool, list[str]] = {True: [], False: []}
    for minion in context.services.keyring.minions():
        there[context.services.fleet.is_present(minion)].append(minion)
    return {"up": there[True], "down": there[False]}


@command("runner.manage.clocks", Need.RUNNER)
async def clocks(context: Context) -> dict[str, float]:
    """Show how many seconds each minion's clock is ahead of the master's: ``saltern-run manage.clocks``"""
    return {minion: round(skew_s, 3) + 0.0 for minion, skew_s in context.services.clocks.skews_s()}


@command("runner.doc.runner", Need.RUNNER)
async def runner_docs(context: Context) -> dict[str, str]:
    """Show what each runner does: ``saltern-run -d``"""
    return {one.function: one.description for one in context.services.registry.offered_by("runner")}


@command("runner.doc.wheel", Need.RUNNER)
async def wheel_docs(context: Context) -> dict[str, str]:
    """Show what each wheel function does: ``saltern-run doc.wheel``"""
    return {one.function: one.description for one in context.services.registry.offered_by("wheel")}
