"""What a minion may ask of the master: this, about itself, and nothing else."""

from __future__ import annotations

from typing import Annotated, Any

from saltern.ids import check_env, check_path
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command

Env = Annotated[str, check_env]
FilePath = Annotated[str, check_path]


@command("minion.ping", Need.MINION)
async def ping(context: Context) -> bool:
    """Answer."""
    return True


@command("minion.pillar", Need.MINION)
def pillar(context: Context) -> dict[str, Any]:
    """Return the minion's pillar."""
    return context.services.briefing.pillar_of(context.caller.name)


@command("minion.schedule", Need.MINION)
def schedule(context: Context) -> dict[str, Any]:
    """Return the minion's schedule."""
    return context.services.briefing.schedule_of(context.caller.name)


@command("minion.modules", Need.MINION)
def modules(context: Context, saltenv: Env = "base") -> dict[str, Any]:
    """Return the modules that minions sync: ``{"digest": …, "files": {path: {"hsum", "size", "commit"}}}``."""
    return context.services.briefing.modules(saltenv)


@command("minion.file_list", Need.MINION)
def file_list(context: Context, saltenv: Env = "base") -> list[str]:
    """Return the paths of the files that are served."""
    return context.services.files.file_list(saltenv)


@command("minion.file_hash", Need.MINION)
def file_hash(context: Context, path: FilePath, saltenv: Env = "base") -> dict[str, Any] | None:
    """Return what a file is: ``hash_type``, ``hsum``, ``size``, ``commit``; ``None`` when there is none."""
    return context.services.files.file_hash(saltenv, path)


@command("minion.file_chunk", Need.MINION)
def file_chunk(context: Context, path: FilePath, hsum: str, offset: int, saltenv: Env = "base") -> dict[str, Any]:
    """Return a file's next ``data``, up to 1 MiB from *offset*, and its ``size``."""
    return context.services.files.file_chunk(saltenv, path, hsum, offset)
