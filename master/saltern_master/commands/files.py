"""``fileserver.*``: the files that minions get."""

from __future__ import annotations

from typing import Annotated, Any

from saltern.errors import FileServerError
from saltern.ids import check_env
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import Reach, command
from saltern_master.fileserver.backend import CHUNK_BYTES

Env = Annotated[str, check_env]


@command("runner.fileserver.update", Need.RUNNER, changes=True)
async def update(context: Context, remote: str = "") -> bool:
    """Fetch what is new from every backend now, or from one git remote: ``saltern-run fileserver.update remote=NAME``

    Returns whether modules changed. Remotes that failed are an error that says why; what came from others is served.
    """
    changed = await context.services.briefing.update_files(remote)
    faults = context.services.files.faults(remote)
    if faults:
        reasons = "; ".join(f"{name}: {why}" for name, why in faults.items())
        raise FileServerError(f"{len(faults)} of {context.services.files.remotes} git remotes failed: {reasons}")
    return changed


@command("runner.fileserver.envs", Need.RUNNER, reach=Reach.NONE)
def envs(context: Context) -> list[str]:
    """List the environments: ``saltern-run fileserver.envs``"""
    return context.services.files.envs()


@command("runner.fileserver.file_list", Need.RUNNER, reach=Reach.NONE)
def file_list(context: Context, saltenv: Env = "base") -> list[str]:
    """List the files of an environment: ``saltern-run fileserver.file_list``"""
    return context.services.files.file_list(saltenv)


@command("runner.fileserver.read", Need.RUNNER, reach=Reach.NONE)
def read(context: Context, path: str, saltenv: Env = "base") -> str:
    """Show a text file of up to 1 MiB as minions get it: ``saltern-run fileserver.read top.sls``"""
    files = context.services.files
    known = files.file_hash(saltenv, path)
    if known is None:
        raise FileServerError(f"{path:.200}: there is no such file in {saltenv}")
    if known["size"] > CHUNK_BYTES:
        raise FileServerError(f"{path:.200}: is over {CHUNK_BYTES:,} bytes: too large to be shown")
    try:
        content: bytes = files.file_chunk(saltenv, path, known["hsum"], 0)["data"]
        return content.decode()
    except UnicodeDecodeError:
        raise FileServerError(f"{path:.200}: is not text in UTF-8") from None


@command("runner.fileserver.dir_list", Need.RUNNER, reach=Reach.NONE)
def dir_list(context: Context, saltenv: Env = "base") -> list[str]:
    """List the folders of an environment: ``saltern-run fileserver.dir_list``"""
    found: list[str] = context.services.files.file_dirs(saltenv)["dirs"]
    return found


@command("runner.fileserver.empty_dir_list", Need.RUNNER, reach=Reach.NONE)
def empty_dir_list(context: Context, saltenv: Env = "base") -> list[str]:
    """List the folders of an environment that have nothing in them: ``saltern-run fileserver.empty_dir_list``"""
    found: list[str] = context.services.files.file_dirs(saltenv)["empty"]
    return found


@command("runner.fileserver.symlink_list", Need.RUNNER, reach=Reach.NONE)
def symlink_list(context: Context, saltenv: Env = "base") -> dict[str, str]:
    """Show where the links of an environment lead to, by path: ``saltern-run fileserver.symlink_list``"""
    found: dict[str, str] = context.services.files.file_dirs(saltenv)["links"]
    return found


@command("runner.fileserver.modules", Need.RUNNER, reach=Reach.NONE)
def modules(context: Context, saltenv: Env = "base") -> dict[str, Any]:
    """Show the modules that minions sync, with digest and commit: ``saltern-run fileserver.modules``"""
    return context.services.files.modules(saltenv)
