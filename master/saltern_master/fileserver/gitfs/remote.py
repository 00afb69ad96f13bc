"""One remote of ``gitfs_remotes``: its repository, the tree that is served, and what is wrong with it."""

from __future__ import annotations

import logging
import os
import threading

from saltern.errors import FileServerError
from saltern_master.fileserver.backend import FileEntry
from saltern_master.fileserver.gitfs.blobs import BlobStore
from saltern_master.fileserver.gitfs.repository import LIST_TIMEOUT_S, Repository, Tree
from saltern_master.fileserver.gitfs.spec import PLAINTEXT, RemoteSpec

log = logging.getLogger(__name__)


class GitRemote:
    """Serves one ref of one repository from the folder *cache*, the last good tree while the remote is away."""

    def __init__(self, spec: RemoteSpec, cache: str, *, list_timeout_s: float = LIST_TIMEOUT_S) -> None:
        self.spec = spec
        self.fault: str | None = None
        """Why the last update failed; ``None`` when it didn't."""
        self._repository = Repository(os.path.join(cache, "repo.git"), spec, list_timeout_s=list_timeout_s)
        self._blobs = BlobStore(os.path.join(cache, "blobs"), self._repository)
        self._tree: Tree | None = None
        self._update_lock = threading.Lock()
        if spec.url.startswith(tuple(f"{scheme}://" for scheme in PLAINTEXT)):
            log.warning("gitfs: %s: anyone on the way can change what arrives: prefer https:// or ssh", spec.name)

    @property
    def files(self) -> int:
        """Number of files that are served."""
        tree = self._tree
        return len(tree.files) if tree else 0

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
            if self.fault is not None:
                log.info("gitfs: %s: works again", self.spec.name)
                self.fault = None
            return changed

    def paths(self) -> list[str]:
        """Return the paths of the files that are served."""
        tree = self._tree
        return list(tree.files) if tree else []

    def entry(self, path: str) -> FileEntry | None:
        """Return the file at *path*, or ``None``. Raises ``FileServerError`` when its content can't be had."""
        tree = self._tree
        blob = tree.files.get(path) if tree else None
        if tree is None or blob is None:
            return None
        return FileEntry(path, self._blobs.hsum(blob), blob.size, tree.commit)

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
        tree = self._repository.tree(commit)
        self._tree = tree
        self._blobs.keep({blob.oid for blob in tree.files.values()})
        log.info("gitfs: %s: at commit %s, %d files", self.spec.name, commit[:12], len(tree.files))
        if tree.skipped:
            log.info("gitfs: %s: %d entries are not served: links, submodules, odd names", self.spec.name, tree.skipped)
        return True

    def _failed(self, cause: str) -> None:
        if cause != self.fault:
            kept = f"; commit {self._tree.commit[:12]} stays" if self._tree else ""
            log.warning("gitfs: %s: %s%s", self.spec.name, cause, kept)
        self.fault = cause
