"""What a minion may ask of files: of those that the master serves, and to keep its own (``cp.push``)."""

from __future__ import annotations

from typing import Annotated, Any

from saltern.ids import check_env, check_path
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command

Env = Annotated[str, check_env]
FilePath = Annotated[str, check_path]


@command("minion.file_envs", Need.MINION)
def file_envs(context: Context) -> list[str]:
    """Return the environments that there are."""
    return context.services.files.envs()


@command("minion.file_list", Need.MINION)
def file_list(context: Context, saltenv: Env = "base") -> list[str]:
    """Return the paths of the files that are served; none in an environment that isn't."""
    files = context.services.files
    return files.file_list(saltenv) if saltenv in files.envs() else []


@command("minion.file_dirs", Need.MINION)
def file_dirs(context: Context, saltenv: Env = "base") -> dict[str, Any]:
    """Return the paths of folders, ``dirs``, of ``empty`` ones among them, and where ``links`` lead to, by path."""
    files = context.services.files
    return files.file_dirs(saltenv) if saltenv in files.envs() else {"dirs": [], "empty": [], "links": {}}


@command("minion.file_hash", Need.MINION)
def file_hash(context: Context, path: FilePath, saltenv: Env = "base") -> dict[str, Any] | None:
    """Return what a file is: ``hash_type``, ``hsum``, ``size``, ``commit``, ``mode``; ``None`` when there is none."""
    files = context.services.files
    return files.file_hash(saltenv, path) if saltenv in files.envs() else None


@command("minion.file_chunk", Need.MINION)
def file_chunk(context: Context, path: FilePath, hsum: str, offset: int, saltenv: Env = "base") -> dict[str, Any]:
    """Return a file's next ``data``, up to 1 MiB from *offset*, and its ``size``."""
    return context.services.files.file_chunk(saltenv, path, hsum, offset)


@command("minion.push_begin", Need.MINION)
def push_begin(context: Context, path: FilePath, hsum: str, size: int) -> dict[str, Any]:
    """Announce a file of *size* bytes with the SHA-256 *hsum*, to be kept as *path*; return how many it ``have``.

    ``done``: it is here already. Without the option ``file_recv``, or above ``file_recv_max_size``, ``refused`` says
    why. Raises ``FileServerError``, over the minion's share too.
    """
    return context.services.pushed.begin(context.caller.name, path, hsum, size)


@command("minion.push_write", Need.MINION)
def push_write(context: Context, path: FilePath, hsum: str, size: int, offset: int, data: bytes) -> dict[str, Any]:
    """Add *data* at *offset*, where what was announced ends; return how many bytes it ``have``, and ``done``.

    Raises ``ArgumentError`` for what doesn't fit there, ``FileServerError``.
    """
    return context.services.pushed.write(context.caller.name, path, hsum, size, offset, data)
