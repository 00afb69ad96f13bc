"""The ``roots`` backend: ``file_roots: {base: [/srv/saltern], dev: […]}``, looked at afresh on every call."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from saltern.errors import ConfigError, FileServerError, IdError, os_errors
from saltern.ids import check_env
from saltern_master.fileserver.backend import MAX_FILE_BYTES, MAX_FILES, FileEntry, Folders
from saltern_master.fileserver.ignored import NOTHING_MORE, Ignored
from saltern_master.fileserver.roots.confined import Identity, Listing, open_inside, scan
from saltern_master.fileserver.roots.hash_cache import HashCache

log = logging.getLogger(__name__)

NAMED_AT_ONCE = 20
"""In one line of the log, of what is not served."""


class RootsBackend:
    """Serves the folders of each environment, the first that has a file winning."""

    name = "roots"

    def __init__(
        self, file_roots: dict[str, Any], *, max_files: int = MAX_FILES, ignored: Ignored = NOTHING_MORE
    ) -> None:
        """*file_roots* is the option as it was written. Raises ``ConfigError`` naming the environment at fault."""
        self._ignored = ignored
        self._roots = {env: _folders(env, folders) for env, folders in file_roots.items()}
        self._max_files = max_files
        self._hashes = HashCache()
        self._update_lock = threading.Lock()
        self._signatures: dict[str, str] = {}
        self._said: dict[str, dict[str, str]] = {}
        self._files = 0
        self._skipped = 0

    def update(self) -> bool:
        """Look at every file's status (none is read) and return whether any came, went or changed."""
        with self._update_lock:
            signatures: dict[str, str] = {}
            files = skipped = 0
            for env, roots in self._roots.items():
                digest = hashlib.sha256()
                for root in roots:
                    listing = scan(root, "", self._max_files, self._ignored)
                    files += len(listing.files)
                    skipped += len(listing.left_out)
                    self._complain(env, root, listing)
                    for path in sorted(listing.files):
                        digest.update(f"{root}\0{path}\0{listing.files[path]}\0".encode(errors="surrogateescape"))
                signatures[env] = digest.hexdigest()
            self._files, self._skipped = files, skipped
            before, self._signatures = self._signatures, signatures
            return signatures != before if before else files > 0

    def envs(self) -> list[str]:
        """Return the environments of ``file_roots``."""
        return list(self._roots)

    def paths(self, saltenv: str, folder: str = "") -> list[str]:
        """Return the sorted paths of the files in *saltenv*, or only those below *folder*."""
        found: set[str] = set()
        for root in self._roots.get(saltenv, ()):
            found.update(scan(root, folder, self._max_files, self._ignored).files)
        return sorted(found)

    def folders(self, saltenv: str) -> Folders:
        """Return the folders of *saltenv*, and the links in it that are served."""
        found = Folders(set(), set(), {})
        for root in self._roots.get(saltenv, ()):
            listing = scan(root, "", self._max_files, self._ignored)
            found.folders.update(listing.folders)
            found.empty.update(listing.empty)
            found.links.update(listing.links | found.links)
        return found

    def left_out(self, saltenv: str, folder: str = "") -> dict[str, str]:
        """Return what is in *saltenv*, or only below *folder*, and can't be served, by path, each with the reason."""
        found: dict[str, str] = {}
        for root in self._roots.get(saltenv, ()):
            found.update(scan(root, folder, self._max_files, self._ignored).left_out)
        return found

    def entry(self, saltenv: str, path: str) -> FileEntry | None:
        """Return the file at *path*, or ``None``. Raises ``FileServerError`` for one that can't be served."""
        with self._opened(saltenv, path) as opened:
            if opened is None:
                return None
            descriptor, hsum, identity = opened
            return FileEntry(path, hsum, identity.size, None, os.fstat(descriptor).st_mode)

    def read(self, saltenv: str, path: str, hsum: str, offset: int, size: int) -> bytes | None:
        """Return up to *size* bytes of the content *hsum* from *offset*; ``None`` when it has changed or gone."""
        with self._opened(saltenv, path) as opened:
            if opened is None:
                return None
            descriptor, current, identity = opened
            if current != hsum:
                return None
            data = os.pread(descriptor, size, offset)
            return data if Identity.of(os.fstat(descriptor)) == identity else None

    def counts(self) -> dict[str, float]:
        """Return files seen and names skipped at the last update, and files hashed since the start."""
        return {"files": self._files, "skipped": self._skipped, "hashed": self._hashes.hashed}

    @contextmanager
    def _opened(self, saltenv: str, path: str) -> Iterator[tuple[int, str, Identity] | None]:
        """Give the descriptor, hash and identity of the first file at *path*; ``None`` when no root has it."""
        for root in self._roots.get(saltenv, ()):
            try:
                descriptor = open_inside(root, path, self._ignored)
            except FileNotFoundError:
                continue
            try:
                with os_errors(FileServerError, path, "can't be read", called=f"salt://{path}"):
                    identity = Identity.of(os.fstat(descriptor))
                    if identity.size > MAX_FILE_BYTES:
                        text = f"salt://{path} is over {MAX_FILE_BYTES:,} bytes: too large to be served"
                        raise FileServerError(text, path=path)
                    yield descriptor, self._hashes.hsum(f"{root}/{path}", descriptor, identity), identity
            finally:
                os.close(descriptor)
            return
        yield None

    def _complain(self, env: str, root: str, listing: Listing) -> None:
        """Say what of *root* is left out, each name once until its reason changes."""
        said = self._said.get(root, {})
        now = dict(listing.left_out)
        if listing.cut:
            now["…"] = f"over {self._max_files:,} files are there: the rest is not listed"
        fresh = [f"{path}: {why}" for path, why in sorted(now.items()) if said.get(path) != why]
        if fresh:
            more = f"; and {len(fresh) - NAMED_AT_ONCE} more" if len(fresh) > NAMED_AT_ONCE else ""
            log.warning("file_roots: %s: %s: not served: %s%s", env, root, "; ".join(fresh[:NAMED_AT_ONCE]), more)
        self._said[root] = now


def _folders(env: str, folders: object) -> list[str]:
    """Return the folders of one environment. Raises ``ConfigError``."""
    try:
        check_env(env)
    except IdError as error:
        raise ConfigError(f"file_roots: {error}") from None
    if not isinstance(folders, list) or not all(isinstance(folder, str) and folder for folder in folders):
        raise ConfigError(f"file_roots: {env}: must be a list of folders, as in [/srv/saltern], not {folders!r:.60}")
    for folder in folders:
        if not os.path.isabs(folder) or "\0" in folder:
            raise ConfigError(f"file_roots: {env}: {folder!r} must be an absolute path, as in /srv/saltern")
    return [os.path.normpath(folder) for folder in folders]
