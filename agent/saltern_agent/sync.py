"""What was synced from the master: which modules, of which versions, and whether they are still there.

Modules land in ``cachedir/extmods/modules``, what is in ``_utils`` in ``cachedir/extmods/utils``, and so on;
``cachedir/extmods/index`` remembers their digests and commits. ``saltern-call`` syncs into the same folders: the agent
notices by the index. How they are fetched is in ``sync_run.py``, which an agent that has all does without.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from saltern.complaints import Complaints
from saltern.digest import sha256
from saltern.errors import ModuleError, os_errors
from saltern.named import NamedTuple
from saltern_agent.loader.source import GRAINS, KINDS, MODULES, PROXY, RETURNERS, UTILS
from saltern_agent.state_file import StateFile

if TYPE_CHECKING:
    from saltern_modules._agent import Synced

log = logging.getLogger(__name__)

NOTHING = sha256().hexdigest()
"""The digest of a tree without modules."""


class Version(NamedTuple):
    """A synced file: its SHA-256 and the git commit that it is from, if it is from git."""

    digest: str
    commit: str | None


Versions = dict[str, dict[str, dict[str, Version]]]
"""By kind, module, and file in the kind's folder."""

Taken = Callable[[list[str], dict[str, str]], Mapping[str, str]]
"""Is told the modules that changed, and why others aren't there; returns which of them are not used, and why."""


def module_folders(opts: Mapping[str, Any]) -> list[str]:
    """Return the folders that override the bundled modules, the strongest last."""
    return [*opts["module_dirs"], os.path.join(opts["cachedir"], "extmods", MODULES)]


def utils_folders(opts: Mapping[str, Any]) -> list[str]:
    """Return the folders of what modules share."""
    return [os.path.join(opts["cachedir"], "extmods", UTILS)]


def returners_folders(opts: Mapping[str, Any]) -> list[str]:
    """Return the folders whose returners override the bundled ones."""
    return [os.path.join(opts["cachedir"], "extmods", RETURNERS)]


def grains_folders(opts: Mapping[str, Any]) -> list[str]:
    """Return the folders of what adds grains."""
    return [os.path.join(opts["cachedir"], "extmods", GRAINS)]


def proxy_folders(opts: Mapping[str, Any]) -> list[str]:
    """Return the folders of what speaks with devices, which overrides the bundled ones."""
    return [os.path.join(opts["cachedir"], "extmods", PROXY)]


def folders_by_kind(opts: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the folders of every kind, the strongest last."""
    return {
        MODULES: module_folders(opts),
        UTILS: utils_folders(opts),
        RETURNERS: returners_folders(opts),
        GRAINS: grains_folders(opts),
        PROXY: proxy_folders(opts),
    }


def marks_file(opts: Mapping[str, Any]) -> str:
    """Return the file that says what is being loaded."""
    return os.path.join(opts["cachedir"], "loading")


class Sync:
    """Keeps the synced modules of one agent. *request* calls the master, *taken* hears what came of a sync."""

    def __init__(self, cachedir: str, request: Callable[..., Any], taken: Taken) -> None:
        self.folder = os.path.join(cachedir, "extmods")
        self.digest = "" if os.path.lexists(self.folder) else NOTHING
        """Of the module tree that was last taken over whole; empty when that isn't known."""
        self.index = StateFile(os.path.join(self.folder, "index"), "the index of modules")
        self.index.read_late = self._load_late
        self.by_kind: Versions = {}
        self.told: list[str] = []
        """What can't be taken or used, a line each, as the master was told last."""
        self._request = request
        self._taken = taken
        self.refusals = Complaints(log)
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._load_index()

    def versions(self) -> dict[str, dict[str, str | None]]:
        """Return the digest and commit of each synced module by name, of a package those of its first file."""
        return {name: self._main(name, files)._asdict() for name, files in self.by_kind.get(MODULES, {}).items()}

    @property
    def has_modules(self) -> bool:
        """Whether there are any, packages included."""
        return bool(self.by_kind.get(MODULES))

    def version(self, name: str) -> dict[str, str | None] | None:
        """Return the digest and commit of one synced module, or ``None``."""
        files = self.by_kind.get(MODULES, {}).get(name)
        return self._main(name, files)._asdict() if files else None

    def vanished(self) -> bool:
        """Return whether files of modules that were taken over are there no more."""
        if not self.digest:
            return False
        return not all(
            os.path.exists(os.path.join(self.folder, kind, file))
            for kind, units in list(self.by_kind.items())
            for files in list(units.values())
            for file in list(files)
        )

    def changed_by_others(self) -> list[str]:
        """Return the modules that another program has synced since this was last asked; it costs one look at a file."""
        if _stamp(self.index.path) == self._seen or not self._lock.acquire(blocking=False):
            return []
        try:
            before = self.by_kind
            self._load_index()
            names = {(kind, name) for units in (before, self.by_kind) for kind in units for name in units[kind]}
            return [name for kind, name in sorted(names) if _of(before, kind, name) != _of(self.by_kind, kind, name)]
        finally:
            self._lock.release()

    def run(self, kinds: Sequence[str] = KINDS) -> Synced:
        """Take over what the master has of *kinds*, and return what changed, and what could not be taken or used.

        Raises ``ChannelError`` when the master can't be asked, ``ModuleError`` when its answer makes no sense or
        nothing can be written.
        """
        with self._lock, os_errors(ModuleError, self.folder, "modules can't be written"):
            from saltern_agent.sync_run import SyncRun

            if self.index.unread:
                self._load_index()
            synced = SyncRun(self, self._request, self._taken).run(kinds)
            self._save_index()
            return synced

    def keep_told(self, told: list[str]) -> None:
        """Keep what the master is told, which holds after a restart of the agent too."""
        with self._lock:
            self.told = told
            self._save_index()

    @staticmethod
    def _main(name: str, files: Mapping[str, Version]) -> Version:
        return files.get(f"{name}.py") or next(iter(files.values()))

    def _load_index(self) -> None:
        self._seen = _stamp(self.index.path)
        index = self.index.read(_parse_index)
        if index is not None:
            self.digest, self.by_kind, self.told = index
        if self.vanished():
            self.digest = ""

    def _load_late(self) -> None:
        if self._lock.acquire(blocking=False):  # else a sync does
            try:
                self._load_index()
            finally:
                self._lock.release()

    def _save_index(self) -> None:
        kinds = {
            kind: {name: {file: list(version) for file, version in files.items()} for name, files in units.items()}
            for kind, units in self.by_kind.items()
        }
        self.index.write({"digest": self.digest, "kinds": kinds, "told": self.told})
        self._seen = _stamp(self.index.path)


def _parse_index(index: Any) -> tuple[str, Versions, list[str]]:
    if "kinds" not in index:  # of an earlier release: the next sync makes it anew
        return "", {}, []
    by_kind = {
        str(kind): {
            str(name): {str(file): Version(str(digest), commit) for file, (digest, commit) in files.items()}
            for name, files in units.items()
        }
        for kind, units in index["kinds"].items()
    }
    return str(index["digest"]), by_kind, [str(line) for line in index.get("told", ())]


def _of(versions: Versions, kind: str, name: str) -> dict[str, str]:
    return digests(versions.get(kind, {}).get(name, {}))


def digests(files: Mapping[str, Version]) -> dict[str, str]:
    """Return the digest of each file."""
    return {file: version.digest for file, version in files.items()}


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
