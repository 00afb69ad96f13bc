"""Fetching the master's execution modules: by digest, only what changed, never half a file.

Files land in ``cachedir/extmods/modules``; ``cachedir/extmods/index`` remembers their digests and commits. A file
that does not compile is refused by name, and the one before it stays.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from saltern.complaints import Complaints
from saltern.digest import sha256
from saltern.errors import ChannelError, ModuleError, SalternError, os_errors
from saltern.files import make_folder, write_atomic
from saltern.set_aside import foreign_aside
from saltern_agent.loader.module import reason
from saltern_agent.state_file import StateFile

log = logging.getLogger(__name__)

MAX_MODULE_BYTES = 8 * 1024 * 1024


class Version(NamedTuple):
    """A synced file: its SHA-256 and the git commit that it is from, if it is from git."""

    digest: str
    commit: str | None


def module_folders(opts: Mapping[str, Any]) -> list[str]:
    """Return the folders that override the bundled modules, the strongest last."""
    return [*opts["module_dirs"], os.path.join(opts["cachedir"], "extmods", "modules")]


class Sync:
    """Keeps the synced modules of one agent.

    *request* calls the master; *changed* is told the names of files that changed, and why others were refused.
    """

    def __init__(
        self,
        cachedir: str,
        request: Callable[..., Any],
        changed: Callable[[list[str], dict[str, str]], None],
    ) -> None:
        self.digest = ""  # of the module tree that was last taken over whole
        self._folder = os.path.join(cachedir, "extmods", "modules")
        self.index = StateFile(os.path.join(cachedir, "extmods", "index"), "the index of modules")
        self._request = request
        self._changed = changed
        self._lock = threading.Lock()
        self._refusals = Complaints(log)
        self._versions: dict[str, Version] = {}
        self._load_index()

    def versions(self) -> dict[str, dict[str, str | None]]:
        """Return the digest and commit of each synced module, by file name without ``.py``."""
        return {name: version._asdict() for name, version in self._versions.items()}

    def version(self, name: str) -> dict[str, str | None] | None:
        """Return the digest and commit of one synced module, or ``None``."""
        version = self._versions.get(name)
        return version._asdict() if version else None

    def vanished(self) -> bool:
        """Return whether files of modules that were taken over are there no more."""
        if not self.digest:
            return False
        return not all(os.path.exists(os.path.join(self._folder, f"{name}.py")) for name in list(self._versions))

    def run(self, saltenv: str = "base") -> list[str]:
        """Take over the master's modules; return those that changed as ``modules.<name>``, refusals with a reason.

        Raises ``ChannelError`` when the master can't be asked, ``ModuleError`` when its answer makes no sense or
        nothing can be written.
        """
        with self._lock, os_errors(ModuleError, self._folder, "modules can't be written"):
            return self._run(saltenv)

    def _run(self, saltenv: str) -> list[str]:
        listing = self._request("modules", saltenv=saltenv)
        files = listing.get("files") if isinstance(listing, dict) else None
        if not isinstance(files, dict):
            raise ModuleError("the master's list of modules makes no sense")
        foreign_aside(os.path.dirname(self._folder), folder=True)
        foreign_aside(self._folder, folder=True)
        make_folder(self._folder, 0o755)
        wanted = {name: (path, info) for path, info in files.items() if (name := _module_name(path))}
        changed = self._remove_others(set(wanted))
        refused: dict[str, str] = {}
        complete = True
        for name, (path, info) in sorted(wanted.items()):
            try:
                if self._take(name, path, info, saltenv):
                    changed.append(name)
            except ChannelError:
                raise
            except SalternError as error:
                refused[name] = f"refused: {error}"
                complete = complete and isinstance(error, Unusable)
        self.digest = str(listing.get("digest") or "") if complete else ""
        self._save_index()
        self._changed(changed, refused)
        for name, why in refused.items():
            self._refusals.say(f"{name} {why}", f"module {name}: {why}; the version before it stays")
        if changed:
            log.info("modules changed: %s", ", ".join(changed))
        return [*(f"modules.{name}" for name in changed), *(f"modules.{n}: {why}" for n, why in refused.items())]

    def _take(self, name: str, path: str, info: Any, saltenv: str) -> bool:
        """Fetch one file unless it is here already; return whether it changed."""
        if not isinstance(info, dict) or not isinstance(info.get("hsum"), str):
            raise ModuleError("the master does not tell its digest")
        hsum, commit = info["hsum"], info.get("commit")
        target = os.path.join(self._folder, f"{name}.py")
        here = _digest_of(target) == hsum
        if not here:
            data = self._fetch(path, hsum, saltenv)
            _check_compiles(data, target)
            foreign_aside(target)
            write_atomic(target, data)
        self._versions[name] = Version(hsum, str(commit) if commit else None)
        return not here

    def _fetch(self, path: str, hsum: str, saltenv: str) -> bytes:
        data = b""
        while True:
            chunk = self._request("file_chunk", path=path, saltenv=saltenv, hsum=hsum, offset=len(data))
            if not isinstance(chunk, dict) or not isinstance(chunk.get("data"), bytes):
                raise ModuleError("the master has it no more")
            data += bytes(chunk["data"])
            size = chunk.get("size")
            if not isinstance(size, int) or size > MAX_MODULE_BYTES:
                raise ModuleError(f"it has {size!r} bytes: a module has at most {MAX_MODULE_BYTES:,}")
            if len(data) >= size or not chunk["data"]:
                break
        if sha256(data).hexdigest() != hsum:
            raise ModuleError("what came does not match its digest")
        return data

    def _remove_others(self, wanted: set[str]) -> list[str]:
        removed = []
        for file in sorted(os.listdir(self._folder)):
            name = file.removesuffix(".py")
            if name != file and name not in wanted:
                foreign_aside(os.path.join(self._folder, file))
                with contextlib.suppress(FileNotFoundError):  # it was none, and is set aside
                    os.unlink(os.path.join(self._folder, file))
                removed.append(name)
        self._versions = {name: version for name, version in self._versions.items() if name in wanted}
        return removed

    def _load_index(self) -> None:
        index = self.index.read(_parse_index)
        if index is not None:
            self.digest, self._versions = index
        if self.vanished():
            self.digest = ""

    def _save_index(self) -> None:
        files = {name: list(version) for name, version in self._versions.items()}
        self.index.write({"digest": self.digest, "files": files})


class Unusable(ModuleError):
    """A file that arrived whole but is no module; asking again would not help."""


def _parse_index(index: Any) -> tuple[str, dict[str, Version]]:
    files = {str(name): Version(str(digest), commit) for name, (digest, commit) in index["files"].items()}
    return str(index["digest"]), files


def _module_name(path: Any) -> str | None:
    """Return the module's name for a path as the master lists it (``_modules/mypkg.py``), or ``None``."""
    if not isinstance(path, str) or not path.endswith(".py"):
        return None
    name = path.rpartition("/")[2][: -len(".py")]
    return name if name.isidentifier() and not name.startswith("_") else None


def _check_compiles(data: bytes, path: str) -> None:
    try:
        compile(data, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise Unusable(reason(error, path)) from None


def _digest_of(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return sha256(stream.read()).hexdigest()
    except OSError:
        return ""
