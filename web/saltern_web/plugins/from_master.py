"""Plugins from the master's file server, ``salt://_plugins/<name>/…``, of roots or git: taken over when asked for.

The console has no rights of its own, so an administrator's login reads them, and what was read is kept in the state
folder for everybody. Nothing of it is renewed by itself: what runs here changes when an administrator says so.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from saltern.files import make_folder, write_atomic
from saltern_web.api.client import Api
from saltern_web.api.errors import Refused
from saltern_web.plugins.names import META, READ, is_name
from saltern_web.plugins.plugin import MAX_FILE_BYTES

FOLDER = "_plugins"
MOST = 200
AT_ONCE = 4

Files = Mapping[str, Mapping[str, bytes]]
"""By plugin and file."""


class Taken(NamedTuple):
    """What came of it."""

    names: list[str]
    faults: list[str]


async def take_over(api: Api, kept: str) -> Taken:
    """Have the plugins of the master's file server in the folder *kept*. Raises what the API does, ``OSError``."""
    wanted = plugin_files(await api.runner("fileserver.file_list"))
    faults = []
    if len(wanted) > MOST:
        faults.append(f"the master has over {MOST} plugins: the others are left out")
        wanted = dict(list(wanted.items())[:MOST])
    found: dict[str, dict[str, bytes]] = {}
    turns = asyncio.Semaphore(AT_ONCE)

    async def read(name: str, file: str) -> None:
        path = f"{FOLDER}/{name}/{file}"
        try:
            async with turns:
                content = str(await api.runner("fileserver.read", path)).encode()
        except Refused as error:
            faults.append(f"{path}: {error}")
            return
        if len(content) > MAX_FILE_BYTES:
            faults.append(f"{path}: is over {MAX_FILE_BYTES:,} bytes: too large")
        else:
            found.setdefault(name, {})[file] = content

    await asyncio.gather(*(read(name, file) for name, files in wanted.items() for file in files))
    whole = {name: files for name, files in found.items() if META in files}
    await asyncio.to_thread(_keep, kept, whole)
    return Taken(sorted(whole), sorted(faults))


def plugin_files(paths: Sequence[str]) -> dict[str, list[str]]:
    """Return which of the files *paths* of the file server are a plugin's, by its name."""
    found: dict[str, list[str]] = {}
    for path in sorted(paths):
        top, _, rest = str(path).partition("/")
        name, _, file = rest.partition("/")
        if top == FOLDER and is_name(name) and file in READ:
            found.setdefault(name, []).append(file)
    return {name: files for name, files in found.items() if META in files}


def _keep(kept: str, plugins: Files) -> None:
    """Make *kept* hold these plugins, and no others."""
    make_folder(kept, 0o750)
    for name in os.listdir(kept):
        if name not in plugins:
            shutil.rmtree(os.path.join(kept, name), ignore_errors=True)
    for name, files in plugins.items():
        folder = os.path.join(kept, name)
        make_folder(folder, 0o750)
        for file in os.listdir(folder):
            if file not in files:
                os.unlink(os.path.join(folder, file))
        for file, content in files.items():
            write_atomic(os.path.join(folder, file), content, 0o640)
