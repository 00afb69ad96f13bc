"""``fileserver.*``: the files that minions get."""

from __future__ import annotations

from typing import Annotated, Any

from saltern.ids import check_env
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command

Env = Annotated[str, check_env]


@command("runner.fileserver.update", Need.RUNNER, changes=True)
async def update(context: Context) -> bool:
    """Fetch what is new from every backend now: ``saltern-run fileserver.update``"""
    return await context.services.briefing.update_files()


@command("runner.fileserver.envs", Need.RUNNER)
def envs(context: Context) -> list[str]:
    """List the environments: ``saltern-run fileserver.envs``"""
    return context.services.files.envs()


@command("runner.fileserver.file_list", Need.RUNNER)
def file_list(context: Context, saltenv: Env = "base") -> list[str]:
    """List the files of an environment: ``saltern-run fileserver.file_list``"""
    return context.services.files.file_list(saltenv)


@command("runner.fileserver.modules", Need.RUNNER)
def modules(context: Context, saltenv: Env = "base") -> dict[str, Any]:
    """Show the modules that minions sync, with digest and commit: ``saltern-run fileserver.modules``"""
    return context.services.files.modules(saltenv)
