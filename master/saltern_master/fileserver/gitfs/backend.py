"""The ``git`` backend: every remote of ``gitfs_remotes``, updated side by side."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from saltern.errors import FileServerError
from saltern.metric_segment import clean
from saltern_master.fileserver.backend import FileEntry, Folders
from saltern_master.fileserver.gitfs.remote import GitRemote
from saltern_master.fileserver.gitfs.repository import LIST_TIMEOUT_S
from saltern_master.fileserver.gitfs.spec import parse_remotes
from saltern_master.fileserver.ignored import NOTHING_MORE, Ignored

UPDATE_THREADS = 4
"""Remotes updated at once: one that hangs must not hold up the others."""

_CACHE_NAME = re.compile(r"[0-9a-f]{32}")


class GitBackend:
    """Serves the remotes of each environment, the first that has a file winning."""

    name = "git"

    def __init__(
        self,
        gitfs_remotes: Iterable[Any],
        cache: str,
        *,
        list_timeout_s: float = LIST_TIMEOUT_S,
        ignored: Ignored = NOTHING_MORE,
    ) -> None:
        """*gitfs_remotes* is the option as it was written; repositories are kept in the folder *cache*.

        Raises ``ConfigError`` naming the remote and the key at fault. Nothing is run or fetched yet.
        """
        self._cache = cache
        self.remotes = [
            GitRemote(spec, os.path.join(cache, spec.digest), list_timeout_s=list_timeout_s, ignored=ignored)
            for spec in parse_remotes(gitfs_remotes)
        ]
        self._restore_lock = threading.Lock()
        self._restored = False

    def update(self) -> bool:
        """Update every remote and return whether any tree changed."""
        restored = self._restore()
        return self._each(GitRemote.update, self.remotes) or restored

    def update_one(self, name: str) -> bool:
        """Update the remotes whose name or URL is *name* and return whether a tree changed.

        Raises ``FileServerError`` when there is none.
        """
        chosen = [remote for remote in self.remotes if name in (remote.spec.name, remote.spec.url)]
        if not chosen:
            known = ", ".join(remote.spec.name for remote in self.remotes) or "none"
            raise FileServerError(f"gitfs has no remote {name!r:.80}: there are {known}")
        restored = self._restore()
        return self._each(GitRemote.update, chosen) or restored

    def envs(self) -> list[str]:
        """Return the environments that a remote serves."""
        return sorted({remote.spec.saltenv for remote in self.remotes})

    def paths(self, saltenv: str, folder: str = "") -> list[str]:
        """Return the sorted paths of the files in *saltenv*, or only those below *folder*."""
        below = f"{folder}/" if folder else ""
        return sorted({path for remote in self._of(saltenv) for path in remote.paths() if path.startswith(below)})

    def folders(self, saltenv: str) -> Folders:
        """Return the folders of *saltenv*, none of them empty: git has no such, and the links in it."""
        found = Folders(set(), set(), {})
        for path in self.paths(saltenv):
            while (path := path.rpartition("/")[0]) and path not in found.folders:
                found.folders.add(path)
        for remote in self._of(saltenv):
            found.links.update(remote.links() | found.links)
        return found

    def left_out(self, saltenv: str, folder: str = "") -> dict[str, str]:
        """Return what is in *saltenv*, or only below *folder*, and isn't served, by path, each with the reason."""
        below = f"{folder}/" if folder else ""
        found: dict[str, str] = {}
        for remote in self._of(saltenv):
            found.update((path, why) for path, why in remote.left_out().items() if path.startswith(below))
        return found

    def entry(self, saltenv: str, path: str) -> FileEntry | None:
        """Return the file at *path*, or ``None``. Raises ``FileServerError`` when its content can't be had."""
        for remote in self._of(saltenv):
            entry = remote.entry(path)
            if entry is not None:
                return entry
        return None

    def origin(self, saltenv: str, path: str) -> tuple[str, str] | None:
        """Return the name of the remote that a file is from, and the commit; ``None`` when there is none."""
        for remote in self._of(saltenv):
            commit = remote.commit_of(path)
            if commit is not None:
                return remote.spec.name, commit
        return None

    def read(self, saltenv: str, path: str, hsum: str, offset: int, size: int) -> bytes | None:
        """Return up to *size* bytes of the content *hsum* from *offset*; ``None`` when it has changed or gone."""
        for remote in self._of(saltenv):
            data = remote.read(path, hsum, offset, size)
            if data is not None:
                return data
        return None

    def counts(self) -> dict[str, float]:
        """Return the numbers of files, of remotes, of failing ones and of failures; and each remote's, by its name.

        Names that look the same to Graphite are numbered.
        """
        numbers: dict[str, float] = {
            "files": sum(remote.files for remote in self.remotes),
            "remotes": len(self.remotes),
            "failing": sum(remote.fault is not None for remote in self.remotes),
            "failures": sum(remote.failures for remote in self.remotes),
        }
        taken: set[str] = set()
        for remote in self.remotes:
            segment = clean(remote.spec.name)
            number = 1
            while segment.lower() in taken:
                number += 1
                segment = clean(f"{remote.spec.name}_{number}")
            taken.add(segment.lower())
            numbers.update((f"remotes.{segment}.{name}", value) for name, value in remote.counts().items())
        return numbers

    def _of(self, saltenv: str) -> list[GitRemote]:
        return [remote for remote in self.remotes if remote.spec.saltenv == saltenv]

    def _each(self, action: Callable[[GitRemote], bool], remotes: list[GitRemote]) -> bool:
        """Do *action* to the remotes, a few at once; return whether any said yes."""
        with ThreadPoolExecutor(UPDATE_THREADS, thread_name_prefix="gitfs") as pool:
            return any(list(pool.map(action, remotes)))

    def _restore(self) -> bool:
        """At the first update: drop the folders of remotes no longer configured, serve what the others kept."""
        with self._restore_lock:
            if self._restored:
                return False
            self._restored = True
            wanted = {remote.spec.digest for remote in self.remotes}
            if os.path.isdir(self._cache):
                for name in os.listdir(self._cache):
                    if _CACHE_NAME.fullmatch(name) and name not in wanted:
                        shutil.rmtree(os.path.join(self._cache, name), ignore_errors=True)
            return self._each(GitRemote.restore, self.remotes)
