"""``fileserver.*``: the files that minions get."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from saltern_master.fileserver.server import FileServer


def functions(files: FileServer, update: Callable[[], Awaitable[bool]]) -> dict[str, Callable[..., Any]]:
    """Return the functions of this module; *update* refreshes the backends and tells the minions."""

    async def update_() -> bool:
        """Fetch what is new from every backend now: ``saltern-run fileserver.update``"""
        return await update()

    async def envs() -> list[str]:
        """List the environments: ``saltern-run fileserver.envs``"""
        return await asyncio.to_thread(files.envs)

    async def file_list(saltenv: str = "base") -> list[str]:
        """List the files of an environment: ``saltern-run fileserver.file_list``"""
        return await asyncio.to_thread(files.file_list, saltenv)

    async def modules(saltenv: str = "base") -> dict[str, Any]:
        """Show the modules that minions sync, with digest and commit: ``saltern-run fileserver.modules``"""
        return await asyncio.to_thread(files.modules, saltenv)

    return {
        "fileserver.update": update_,
        "fileserver.envs": envs,
        "fileserver.file_list": file_list,
        "fileserver.modules": modules,
    }
