"""``pillar.*`` and ``git_pillar.*`` of the runner, for who may do everything: a pillar is one minion's alone."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from saltern.errors import CommandError, NotAuthorised
from saltern.ids import check_env
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.params import NAMED
from saltern_master.commands.registry import command
from saltern_master.pillar.keeper import Pillars

Grains = Annotated[dict[str, Any], NAMED]
Env = Annotated[str, check_env]
AnyEnv = Annotated[str | None, check_env]


def _pillars(context: Context, function: str) -> Pillars:
    """Return the pillars. Raises ``NotAuthorised``."""
    if not context.services.policy.sees_all(context.caller):
        raise NotAuthorised(f"{context.caller} may not see what is a minion's alone: {function} is for who may do all")
    return context.services.briefing.pillars


@command("runner.pillar.show_pillar", Need.RUNNER, private=True)
async def show_pillar(
    context: Context, minion: str = "*", saltenv: AnyEnv = None, pillarenv: AnyEnv = None, *, grains: Grains
) -> dict[str, Any]:
    """Compile a minion's pillar now, and show it: ``saltern-run pillar.show_pillar web1``

    *saltenv* and *pillarenv* choose an environment; any other keyword is a grain in the place of the minion's own.
    What is wrong is under ``_errors``. The minion isn't told of it.
    """
    pillars = _pillars(context, "pillar.show_pillar")
    known = minion in context.services.keyring.minions()
    own = dict(context.services.fleet.grains(minion)) if known else {"fqdn": minion}
    return await pillars.made(minion, grains={**own, **grains}, saltenv=saltenv, pillarenv=pillarenv)


@command("runner.pillar.show_top", Need.RUNNER, private=True)
async def show_top(context: Context, minion: str = "*", saltenv: Env = "base") -> Any:
    """Show the top files of pillar as they are rendered for a minion: ``saltern-run pillar.show_top web1``

    ``{env: {target: [sls]}}``, or a list of what is wrong.
    """
    return await _pillars(context, "pillar.show_top").top(minion, saltenv)


@command("runner.pillar.show_pillar_cache", Need.RUNNER, private=True)
async def show_pillar_cache(context: Context, minion: str = "*") -> dict[str, Any]:
    """Show the pillars in force, as minions have them: ``saltern-run pillar.show_pillar_cache 'web*'``"""
    pillars = _pillars(context, "pillar.show_pillar_cache")
    return {one: pillars.of(one) for one in await _meant(context, minion)}


@command("runner.pillar.clear_pillar_cache", Need.RUNNER, changes=True)
async def clear_pillar_cache(context: Context, minion: str = "*") -> bool:
    """Forget pillars, last good ones too, and compile them anew: ``saltern-run pillar.clear_pillar_cache 'web*'``"""
    pillars = _pillars(context, "pillar.clear_pillar_cache")
    pillars.clear(await _meant(context, minion))
    return True


@command("runner.git_pillar.update", Need.RUNNER, changes=True)
async def update(context: Context, branch: str | None = None, repo: str | None = None) -> dict[str, bool]:
    """Fetch pillar's git remotes now: ``saltern-run git_pillar.update``

    Returns by remote whether something came. *branch* and *repo* (a URL or a name) narrow it.
    """
    told = await _pillars(context, "git_pillar.update").update_git(branch, repo)
    if not told:
        raise CommandError(
            "Specified git branch/repo not found in ext_pillar config"
            if branch is not None or repo is not None
            else "No git_pillar remotes are configured"
        )
    return told


async def _meant(context: Context, minion: str) -> list[str]:
    services = context.services
    target = services.targets.target(minion, "glob")
    return sorted(await asyncio.to_thread(target.select, services.keyring.minions(), services.targets.known))
