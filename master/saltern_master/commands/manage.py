"""``manage.*``, ``cache.*`` and ``doc.*``: which minions are there, what is known of them, what the master can do.

Who is there is known from the connections at any moment: nobody is asked, and nothing is waited for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from saltern import __version__
from saltern.errors import ArgumentError, CommandError, NotAuthorised
from saltern.key_functions import KeyFunctions
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.custom import docs_of_own
from saltern_master.commands.params import params_of
from saltern_master.commands.registry import Command, Reach, command
from saltern_master.commands.runs import about_bytes

MAX_SHOWN_BYTES = 32 * 1024 * 1024
Target = str | list  # type: ignore[type-arg]  # members are checked where they are used
Subset = str | list | None  # type: ignore[type-arg]
_NUMBERS = re.compile(r"\d+")
UP_TO_DATE, OLDER, NEWER, OFFLINE = (
    "Up to date",
    "Minion requires update",
    "Minion newer than master",
    "Minion offline",
)


@command("runner.manage.status", Need.RUNNER, reach=Reach.VISIBLE)
def status(
    context: Context,
    output: bool = True,
    tgt: Target = "*",
    tgt_type: str = "glob",
    timeout: float | None = None,
    gather_job_timeout: float | None = None,
) -> dict[str, list[str]]:
    """Say who is connected and who isn't: ``saltern-run manage.status 'web*'``

    A device is up when its host is connected and reaches it. *timeout* and *gather_job_timeout* are taken, and nothing
    is waited for.
    """
    found = _meant(context, tgt, tgt_type)
    up = [minion for minion in found if context.services.fleet.is_up(minion)]
    there = frozenset(up)
    return {"up": up, "down": [minion for minion in found if minion not in there]}


@command("runner.manage.up", Need.RUNNER, reach=Reach.VISIBLE)
def up(
    context: Context,
    tgt: Target = "*",
    tgt_type: str = "glob",
    timeout: float | None = None,
    gather_job_timeout: float | None = None,
) -> list[str]:
    """List the minions that are connected: ``saltern-run manage.up``"""
    return status.handler(context, True, tgt, tgt_type)["up"]  # type: ignore[no-any-return]


@command("runner.manage.down", Need.RUNNER, reach=Reach.VISIBLE)
async def down(
    context: Context,
    removekeys: bool = False,
    tgt: Target = "*",
    tgt_type: str = "glob",
    timeout: float | None = None,
    gather_job_timeout: float | None = None,
) -> list[str]:
    """List the accepted minions that are away: ``saltern-run manage.down``

    *removekeys*: delete their keys, too; that needs the right to ``key.delete``.
    """
    services = context.services
    if removekeys:
        delete = services.registry.get("wheel.key.delete")
        if delete is None or not services.policy.may_call(context.caller, delete):
            raise NotAuthorised(f"{context.caller} may not delete keys: grant @wheel in publisher_acl")
    gone: list[str] = (await asyncio.to_thread(status.handler, context, True, tgt, tgt_type))["down"]
    if removekeys and delete is not None:
        _check_each(context, delete, gone)
    if removekeys and gone:
        keys = KeyFunctions(services.keystore)
        accepted = [key for key in await asyncio.to_thread(keys.resolve, "*", ["minions"]) if key[1] in frozenset(gone)]
        try:
            done = await asyncio.to_thread(keys.delete_keys, accepted)
        finally:
            await services.key_refresh.now()
        for minion in done["done"].get("minions", ()):
            services.bus.publish("salt/key", {"result": True, "act": "delete", "id": minion})
    return gone


def _check_each(context: Context, delete: Command, minions: list[str]) -> None:
    """Raise ``NotAuthorised`` unless the caller may delete the key of each of *minions*, and of whatever minion."""
    policy, caller = context.services.policy, context.caller
    for minion in minions:
        if (
            not policy.may_give(caller, delete, [minion], {})
            or policy.limits(caller, delete, [minion], {}, ()) is not None
        ):
            raise NotAuthorised(f"{caller} may not delete the key of {minion}: grant @wheel for all minions")


@command("runner.manage.versions", Need.RUNNER, reach=Reach.VISIBLE)
def versions(context: Context) -> dict[str, Any]:
    """Show the minions' versions beside the master's: ``saltern-run manage.versions``"""
    services = context.services
    found: dict[str, Any] = {}
    for minion in context.visible(services.keyring.minions()):
        if not services.fleet.is_present(minion):
            found.setdefault(OFFLINE, {})[minion] = False
            continue
        version = str(services.fleet.grains(minion).get("salternversion", ""))
        own, its = _numbers(__version__), _numbers(version)
        found.setdefault(UP_TO_DATE if its == own else OLDER if its < own else NEWER, {})[minion] = version
    return {**found, "Master": __version__}


@command("runner.manage.key_regen", Need.RUNNER)
async def key_regen(context: Context) -> None:
    """Refuse: it would shut every minion out at once."""
    raise CommandError("manage.key_regen isn't done here: delete a minion's key on both sides, and accept its new one")


@command("runner.manage.clocks", Need.RUNNER, reach=Reach.VISIBLE)
async def clocks(context: Context) -> dict[str, float]:
    """Show how many seconds each minion's clock is ahead of the master's: ``saltern-run manage.clocks``"""
    skews = dict(context.services.clocks.skews_s())
    return {minion: round(skews[minion], 3) + 0.0 for minion in context.visible(skews)}


@command("runner.cache.grains", Need.RUNNER, reach=Reach.VISIBLE)
def grains(context: Context, tgt: Target, tgt_type: str = "glob") -> dict[str, Any]:
    """Show what is known of minions, those that are away too: ``saltern-run cache.grains 'web*'``"""
    return _gathered(context, tgt, tgt_type, context.services.fleet.grains)


@command("runner.cache.pillar", Need.RUNNER, private=True)
def pillar(context: Context, tgt: Target = "*", tgt_type: str = "glob") -> dict[str, Any]:
    """Show minions' pillar, for who may do everything: ``saltern-run cache.pillar 'web*'``"""
    if not context.services.policy.sees_all(context.caller):
        raise NotAuthorised(
            f"{context.caller} may not see what is a minion's alone: cache.pillar is for who may do all"
        )
    return _gathered(context, tgt, tgt_type, context.services.briefing.pillar_of)


@command("wheel.minions.connected", Need.WHEEL)
async def connected(context: Context) -> list[str]:
    """List the minions that are connected: ``WheelClient(opts).cmd("minions.connected")``"""
    return [minion for minion in context.services.keyring.minions() if context.services.fleet.is_up(minion)]


@command("runner.doc.runner", Need.RUNNER, reach=Reach.NONE)
async def runner_docs(context: Context) -> dict[str, str]:
    """Show what each runner does: ``saltern-run -d``; of the operator's own those that you may call"""
    ours = {one.function: one.description for one in context.services.registry.offered_by("runner")}
    return {**await docs_of_own(context), **ours}


@command("runner.doc.wheel", Need.RUNNER, reach=Reach.NONE)
async def wheel_docs(context: Context) -> dict[str, str]:
    """Show what each wheel function does: ``saltern-run doc.wheel``"""
    return {one.function: one.description for one in context.services.registry.offered_by("wheel")}


def _present(context: Context, subset: Subset = None, show_ip: bool = False) -> Any:
    services = context.services
    wanted = _wanted(subset)
    there = [one for one in context.visible(services.keyring.minions()) if services.fleet.is_up(one)]
    found = [one for one in there if wanted is None or one in wanted]
    return {minion: services.fleet.address(minion) for minion in found} if show_ip else found


def _not_present(context: Context, subset: Subset = None, show_ip: bool = False) -> list[str]:
    services = context.services
    wanted = _wanted(subset)
    away = [one for one in context.visible(services.keyring.minions()) if not services.fleet.is_up(one)]
    return [one for one in away if wanted is None or one in wanted]


def _wanted(subset: Subset) -> frozenset[str] | None:
    if subset is None:
        return None
    return frozenset(subset.split(",") if isinstance(subset, str) else map(str, subset))


def presence_commands() -> tuple[Command, ...]:
    """Return ``manage.present`` and ``manage.not_present``, under each of the names that Salt has for them."""
    made = []
    for kind in ("present", "joined", "allowed", "alived", "reaped", "list_state"):
        away = "list_not_state" if kind == "list_state" else f"not_{kind}"
        for name, call in ((kind, _present), (away, _not_present)):
            made.append(_declared(name, call))
    return tuple(made)


def _declared(name: str, function: Callable[..., Any]) -> Command:
    def call(context: Context, subset: Subset = None, show_ip: bool = False) -> Any:
        return function(context, subset, show_ip)

    who = "connected" if function is _present else "accepted and away"
    also = " *show_ip*: with the address that each is connected from." if function is _present else ""
    call.__doc__ = f"List the minions that are {who}: ``saltern-run manage.{name}``\n\n*subset*: of these alone.{also}"
    return Command(f"runner.manage.{name}", Need.RUNNER, params_of(call), call, False, False, reach=Reach.VISIBLE)


def _meant(context: Context, tgt: Any, tgt_type: str) -> list[str]:
    services = context.services
    target = services.targets.target(tgt, tgt_type, reads_pillar=services.policy.sees_all(context.caller))
    return sorted(target.select(context.visible(services.keyring.minions()), services.targets.known))


def _gathered(context: Context, tgt: Any, tgt_type: str, what: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    found, left = {}, MAX_SHOWN_BYTES
    for minion in _meant(context, tgt, tgt_type):
        found[minion] = what(minion)
        left -= about_bytes(found[minion], left)
        if left < 0:
            raise ArgumentError(f"that is over {MAX_SHOWN_BYTES >> 20} MiB: ask for fewer minions")
    return found


def _numbers(version: str) -> list[int]:
    return [int(number[:9]) for number in _NUMBERS.findall(version[:100])][:4]
