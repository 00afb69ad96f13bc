"""Taking runners, outputters and what they share from the file server to ``cachedir/extmods``, by digest.

Files are compiled in a process of its own before any of them takes its place: one that doesn't compile is refused by
name, a package as a whole, and what was there before stays. What the file server has no more disappears.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from saltern.digest import sha256
from saltern.errors import ArgumentError, CommandError, FileServerError, os_errors
from saltern.files import make_folder, write_atomic
from saltern.set_aside import foreign_aside
from saltern.visible import shown, visible
from saltern_master.custom.child import Children
from saltern_master.custom.places import KINDS, OUTPUT, Places
from saltern_master.fileserver.module_tree import PACKAGE_FILE
from saltern_master.fileserver.server import FileServer

CHECK_WITHIN_S = 60.0
FOLDERS = {f"_{kind}": kind for kind in KINDS} | {"_outputters": OUTPUT}
STAGING = "staging-"


class Wanted(NamedTuple):
    """One file that the file server has: by its place below the kind's folder."""

    saltenv: str
    path: str
    hsum: str


class Choice(NamedTuple):
    """Which modules are taken, by kind and dotted name: all when *only* has none of the kind, but *never* these."""

    only: Mapping[str, Sequence[str]]
    never: Mapping[str, Sequence[str]]

    def takes(self, kind: str, name: str) -> bool:
        """Return whether a module is."""
        only = self.only.get(kind)
        return (not only or name in only) and name not in self.never.get(kind, ())


EVERYTHING = Choice({}, {})


class Sync:
    """Brings *places* up to date with *files*."""

    def __init__(self, files: FileServer, places: Places, children: Children) -> None:
        self._files = files
        self._places = places
        self._children = children
        self._alone = asyncio.Lock()

    async def take(
        self, kinds: Sequence[str], envs: Sequence[str], owner: str, choice: Choice = EVERYTHING
    ) -> dict[str, list[str]]:
        """Take *kinds* over from the environments *envs*, later ones winning; return by kind what changed.

        As ``runners.mymod``, and one line for each that was refused or left out. Raises ``FileServerError``, ``Busy``,
        ``CommandError``; then nothing of the kind was changed.
        """
        async with self._alone:
            return {kind: await self._take(kind, envs, owner, choice) for kind in kinds}

    async def _take(self, kind: str, envs: Sequence[str], owner: str, choice: Choice) -> list[str]:
        folder = os.path.join(self._places.synced, kind)
        wanted, left_out = await asyncio.to_thread(self._wanted, kind, envs, choice)
        with os_errors(FileServerError, folder, "modules can't be written"):
            await asyncio.to_thread(_prepare, folder)
            with tempfile.TemporaryDirectory(prefix=STAGING, dir=self._places.synced) as staged:
                fresh = await asyncio.to_thread(self._fetch, wanted, folder, staged)
                refused = await self._refused(staged, fresh, owner)
                fresh = [file for file in fresh if _unit(file) not in refused]
                await asyncio.to_thread(_put, fresh, staged, folder)
        kept = {*wanted, *(f"{unit}/" for unit in refused)}
        with os_errors(FileServerError, folder, "modules can't be removed"):
            await asyncio.to_thread(_remove_others, folder, kept)
        lines = [f"{kind}.{unit}: refused: {visible(why)}" for unit, why in sorted(refused.items())]
        lines += [f"{path}: left out: {why}" for path, why in sorted(left_out.items())]
        return [f"{kind}.{_dotted(file)}" for file in sorted(fresh)] + lines

    def _wanted(self, kind: str, envs: Sequence[str], choice: Choice) -> tuple[dict[str, Wanted], dict[str, str]]:
        wanted: dict[str, Wanted] = {}
        left_out: dict[str, str] = {}
        for env in envs:
            found = self._files.masters_modules(env)
            for path, facts in {**found["files"], **found["others"]}.items():
                top, _, file = path.partition("/")
                if FOLDERS[top] == kind and choice.takes(kind, _dotted(file)):
                    wanted[file] = Wanted(env, path, facts["hsum"])
            tops = tuple(f"{top}/" for top, of in FOLDERS.items() if of == kind)
            left_out |= {path: why for path, why in found["left_out"].items() if path.startswith(tops)}
        return wanted, left_out

    def _fetch(self, wanted: Mapping[str, Wanted], folder: str, staged: str) -> list[str]:
        """Write what isn't in *folder* already below *staged*, and return it."""
        fresh = []
        for file, one in wanted.items():
            if _digest_of(os.path.join(folder, file)) == one.hsum:
                continue
            data = b""
            while True:
                chunk = self._files.file_chunk(one.saltenv, one.path, one.hsum, len(data))
                data += chunk["data"]
                if len(data) >= chunk["size"] or not chunk["data"]:
                    break
            if sha256(data).hexdigest() != one.hsum:
                raise FileServerError(f"salt://{one.path} changed while being read: try again", path=one.path)
            place = os.path.join(staged, file)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            write_atomic(place, data)
            fresh.append(file)
        return fresh

    async def _refused(self, staged: str, fresh: Iterable[str], owner: str) -> dict[str, str]:
        """Return which of the modules in *staged* don't compile, and why."""
        files = [file for file in fresh if file.endswith(".py")]
        if not files:
            return {}
        child = await self._children.start(owner, "saltutil.sync")
        finished = False
        try:
            async with asyncio.timeout(CHECK_WITHIN_S):
                await child.send({"do": "check", "paths": [os.path.join(staged, file) for file in files]})
                told = (await child.receive())["refused"]
            finished = True
        except TimeoutError:
            raise CommandError(f"the files were not compiled within {CHECK_WITHIN_S:g} s: nothing was taken") from None
        finally:
            self._children.release(child, finished=finished)
        refused = {}
        for path, why in told.items():
            file = os.path.relpath(path, staged)
            refused[_unit(file)] = f"{file}: {why}" if "/" in file else why
        return refused


def choice_of(kinds: Sequence[str], only: Any, never: Any) -> Choice:
    """Return what *only* and *never* say, Salt's ``extmod_whitelist`` and ``extmod_blacklist``: maps, or names."""
    return Choice(*({kind: _names(given, kind) for kind in kinds} for given in (only, never)))


def _names(given: Any, kind: str) -> list[str]:
    named = given.get(kind) if isinstance(given, dict) else given
    if not isinstance(named, (str, list, type(None))):
        raise ArgumentError(f"names of modules are a list, or a text with commas, not {shown(named, 60)}")
    return named.split(",") if isinstance(named, str) else [str(one) for one in named or ()]


def _unit(file: str) -> str:
    """Return the module that a file belongs to."""
    top, inside, _ = file.partition("/")
    return top if inside else top.removesuffix(".py")


def _dotted(file: str) -> str:
    return os.path.splitext(file)[0].replace("/", ".")


def _prepare(folder: str) -> None:
    make_folder(os.path.dirname(folder), 0o755)
    foreign_aside(folder, folder=True)
    make_folder(folder, 0o755)
    for name in os.listdir(os.path.dirname(folder)):  # of a sync that was killed
        if name.startswith(STAGING):
            shutil.rmtree(os.path.join(os.path.dirname(folder), name), ignore_errors=True)


def _put(fresh: Iterable[str], staged: str, folder: str) -> None:
    """Put files in their places, each at once; the first file of a package last, so that it is never half there."""
    for file in sorted(fresh, key=lambda file: (file.endswith(PACKAGE_FILE), file)):
        place = os.path.join(folder, file)
        inside = folder
        for part in file.split("/")[:-1]:
            inside = os.path.join(inside, part)
            foreign_aside(inside, folder=True)
            make_folder(inside, 0o755)
        foreign_aside(place)
        with open(os.path.join(staged, file), "rb") as stream:
            write_atomic(place, stream.read())


def _remove_others(folder: str, kept: set[str]) -> None:
    """Remove what is in *folder* and not among *kept*: files, and folders (``pack/``) with all that is in them."""
    for place, _, names in os.walk(folder, topdown=False):
        inside = os.path.relpath(place, folder)
        for name in names:
            file = name if inside == "." else os.path.join(inside, name)
            if file not in kept and f"{_unit(file)}/" not in kept:
                os.unlink(os.path.join(place, name))
        if inside != "." and not os.listdir(place):
            os.rmdir(place)


def _digest_of(path: str) -> str:
    with contextlib.suppress(OSError), open(path, "rb") as stream:
        return sha256(stream.read()).hexdigest()
    return ""
