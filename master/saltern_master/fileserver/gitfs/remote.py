"""One remote of ``gitfs_remotes``: its repository, the tree that is served, and what is wrong with it."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

from saltern.errors import FileServerError
from saltern_master.fileserver.backend import PLAIN_MODE, FileEntry
from saltern_master.fileserver.gitfs.blobs import BlobStore
from saltern_master.fileserver.gitfs.repository import LIST_TIMEOUT_S, Repository
from saltern_master.fileserver.gitfs.spec import PLAINTEXT, RemoteSpec
from saltern_master.fileserver.gitfs.tree import Tree
from saltern_master.fileserver.ignored import NOTHING_MORE, Ignored

log = logging.getLogger(__name__)

NAMED_AT_ONCE = 20
"""In one line of the log, of what is not served."""


class GitRemote:
    """Serves one ref of one repository from the folder *cache*, the last good tree while the remote is away."""

    def __init__(
        self,
        spec: RemoteSpec,
        cache: str,
        *,
        list_timeout_s: float = LIST_TIMEOUT_S,
        ignored: Ignored = NOTHING_MORE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spec = spec
        self.fault: str | None = None
        """Why the last update failed; ``None`` when it didn't."""
        self.failures = 0
        """Updates that failed, since the start."""
        path = os.path.join(cache, "repo.git")
        self._repository = Repository(path, spec, list_timeout_s=list_timeout_s, ignored=ignored)
        self._blobs = BlobStore(os.path.join(cache, "blobs"), self._repository)
        self._tree: Tree | None = None
        self._refused: tuple[str, str] = ("", "")
        self._said: dict[str, str] = {}
        self._clock = clock
        self._succeeded = clock()
        self._bytes = 0
        self._update_lock = threading.Lock()
        if spec.url.startswith(tuple(f"{scheme}://" for scheme in PLAINTEXT)):
            log.warning("gitfs: %s: anyone on the way can change what arrives: prefer https:// or ssh", spec.name)

    @property
    def files(self) -> int:
        """Number of files that are served."""
        tree = self._tree
        return len(tree.files) if tree else 0

    def counts(self) -> dict[str, float]:
        """Return its own numbers: ``files``, ``left_out``, ``bytes`` on disk, ``failing`` (0, 1), ``failures``.

        And ``success_age_s``: seconds since an update succeeded, or since the start.
        """
        return {
            "files": self.files,
            "left_out": len(self.left_out()),
            "bytes": self._bytes,
            "failing": int(self.fault is not None),
            "failures": self.failures,
            "success_age_s": round(self._clock() - self._succeeded, 1),
        }

    def restore(self) -> bool:
        """Serve what an earlier run fetched, without asking the remote; return whether there was anything."""
        with self._update_lock:
            try:
                return self._tree is None and self._take()
            except FileServerError as error:
                log.info("gitfs: %s: what was kept can't be used: %s", self.spec.name, error)
                return False

    def update(self) -> bool:
        """Ask the remote, fetch what is new and return whether the tree changed; a failure is logged, not raised."""
        with self._update_lock:
            try:
                self._repository.fetch()
                changed = self._take()
            except (FileServerError, OSError) as error:
                self._failed(" ".join(str(error).split()))
                return False
            self._succeeded = self._clock()
            if self.fault is not None:
                log.info("gitfs: %s: works again", self.spec.name)
                self.fault = None
            return changed

    def paths(self) -> list[str]:
        """Return the paths of the files that are served."""
        tree = self._tree
        return list(tree.files) if tree else []

    def links(self) -> dict[str, str]:
        """Return where links that are served lead to, by path."""
        tree = self._tree
        return tree.links if tree else {}

    def left_out(self) -> dict[str, str]:
        """Return what is in the tree and isn't served, by path, each with the reason."""
        tree = self._tree
        return tree.left_out if tree else {}

    def entry(self, path: str) -> FileEntry | None:
        """Return the file at *path*, or ``None``. Raises ``FileServerError`` when its content can't be had."""
        tree = self._tree
        blob = tree.files.get(path) if tree else None
        if tree is None or blob is None:
            return None
        mode = 0o100755 if blob.executable else PLAIN_MODE
        return FileEntry(path, self._blobs.hsum(blob), blob.size, tree.commit, mode)

    def commit_of(self, path: str) -> str | None:
        """Return the commit that the file at *path* is from, or ``None`` when there is none."""
        tree = self._tree
        return tree.commit if tree is not None and path in tree.files else None

    def read(self, path: str, hsum: str, offset: int, size: int) -> bytes | None:
        """Return up to *size* bytes of the content *hsum* from *offset*; ``None`` when *path* has another by now."""
        tree = self._tree
        blob = tree.files.get(path) if tree else None
        if blob is None or self._blobs.hsum(blob) != hsum:
            return None
        return self._blobs.read(blob, offset, size)

    def _take(self) -> bool:
        """Serve the commit that is in the repository; return whether that is a change."""
        commit = self._repository.commit()
        if commit is None or (self._tree is not None and self._tree.commit == commit):
            return False
        refused, why = self._refused
        if commit == refused:  # it costs to find that out, and it can't change
            raise FileServerError(why)
        try:
            tree = self._repository.tree(commit)
        except FileServerError as error:
            self._refused = (commit, str(error))
            raise
        self._tree = tree
        self._blobs.keep({blob.oid for blob in tree.files.values()})
        self._bytes = self._repository.size()
        log.info("gitfs: %s: at commit %s, %d files", self.spec.name, commit[:12], len(tree.files))
        self._say_left_out(tree)
        return True

    def _say_left_out(self, tree: Tree) -> None:
        """Log what of *tree* isn't served, each name once until its reason changes."""
        fresh = [f"{path}: {why}" for path, why in sorted(tree.left_out.items()) if self._said.get(path) != why]
        if fresh:
            more = f"; and {len(fresh) - NAMED_AT_ONCE} more" if len(fresh) > NAMED_AT_ONCE else ""
            log.warning("gitfs: %s: not served: %s%s", self.spec.name, "; ".join(fresh[:NAMED_AT_ONCE]), more)
        self._said = tree.left_out

    def _failed(self, cause: str) -> None:
        self.failures += 1
        if cause != self.fault:
            kept = f"; commit {self._tree.commit[:12]} stays" if self._tree else ""
            log.warning("gitfs: %s: %s%s", self.spec.name, cause, kept)
        self.fault = cause
