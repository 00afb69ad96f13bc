"""The face of the file server: environments and paths in, listings, hashes and chunks out."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
from typing import Any

from saltern.config import MasterOptions
from saltern.errors import FileServerError
from saltern.ids import check_env, check_path
from saltern_master.fileserver.backend import BASE, CHUNK_BYTES, Backend, FileEntry
from saltern_master.fileserver.gitfs.backend import GitBackend
from saltern_master.fileserver.roots.backend import RootsBackend

log = logging.getLogger(__name__)

MODULES = "_modules"
HASH_TYPE = "sha256"
MAX_REFUSED = 1000
"""Modules that can't be read whose reason is remembered, so that it is logged once."""

_HSUM = re.compile(r"[0-9a-f]{64}")


class FileServer:
    """Serves the backends named in ``fileserver_backend``, the first that has a file winning.

    Any thread may call any method. All of them may touch the disk and :meth:`update` the network, so none belongs on
    an event loop.
    """

    def __init__(self, options: MasterOptions) -> None:
        """Set the backends up; nothing is read or fetched yet. Raises ``ConfigError``."""
        self._backends: list[Backend] = []
        self._git: GitBackend | None = None
        for name in dict.fromkeys(options["fileserver_backend"]):
            if name == GitBackend.name:
                self._git = GitBackend(options["gitfs_remotes"], os.path.join(options["cachedir"], "gitfs"))
                self._backends.append(self._git)
            else:
                self._backends.append(RootsBackend(options["file_roots"]))
        self._update_lock = threading.Lock()
        self._refused: dict[str, str] = {}

    def update(self) -> bool:
        """Look for changes at every source and return whether what is served changed; failures are logged.

        One update runs at a time; a second caller waits for it.
        """
        with self._update_lock:
            changed = [backend.update() for backend in self._backends]
        return any(changed)

    def update_one(self, remote: str) -> bool:
        """Update the one git remote with that name or URL and return whether its files changed.

        Raises ``FileServerError`` when there is none.
        """
        if self._git is None:
            raise FileServerError("no git remotes are served: add git to fileserver_backend")
        return self._git.update_one(remote)

    def faults(self) -> dict[str, str]:
        """Return the git remotes whose last update failed, by name, with the reason in one line."""
        remotes = self._git.remotes if self._git else []
        return {remote.spec.name: remote.fault for remote in remotes if remote.fault is not None}

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the backends' numbers for the master's metrics: ``{"git": {"files": 12, "failing": 0, …}, …}``."""
        return {backend.name: backend.counts() for backend in self._backends}

    def envs(self) -> list[str]:
        """Return the environments, sorted; ``base`` is always one."""
        return sorted({BASE, *(env for backend in self._backends for env in backend.envs())})

    def file_list(self, saltenv: str) -> list[str]:
        """Return the sorted paths of the files in *saltenv*. Raises ``IdError`` or ``FileServerError``."""
        return sorted({path for backend in self._serving(saltenv) for path in backend.paths(saltenv)})

    def file_hash(self, saltenv: str, path: str) -> dict[str, Any] | None:
        """Return ``hash_type``, ``hsum``, ``size`` (bytes) and ``commit`` (or ``None``) of a file.

        ``None`` when there is no such file. Raises ``IdError``, or ``FileServerError`` when it can't be served.
        """
        check_path(path)
        for backend in self._serving(saltenv):
            entry = backend.entry(saltenv, path)
            if entry is not None:
                return {"hash_type": HASH_TYPE, **_facts(entry)}
        return None

    def file_chunk(self, saltenv: str, path: str, hsum: str, offset: int) -> dict[str, Any]:
        """Return the next ``data`` of a file, up to 1 MiB from *offset*, and its whole ``size`` in bytes.

        *hsum* is what :meth:`file_hash` gave; ``data`` is empty at the end. Raises ``IdError``, or
        ``FileServerError`` when the file can't be served or has other content by now.
        """
        check_path(path)
        if not isinstance(hsum, str) or not _HSUM.fullmatch(hsum):
            raise FileServerError(f"hsum {hsum!r:.80} is not valid: a SHA-256 is 64 lower-case hex digits")
        if not isinstance(offset, int) or isinstance(offset, bool) or not 0 <= offset < 2**62:
            raise FileServerError(f"offset {offset!r:.40} is not valid: use a whole number from 0")
        for backend in self._serving(saltenv):
            entry = backend.entry(saltenv, path)
            if entry is None:
                continue
            data = backend.read(saltenv, path, hsum, offset, CHUNK_BYTES) if entry.hsum == hsum else None
            if data is None:
                raise FileServerError(f"salt://{path} ({saltenv}) changed while being read: ask again", path=path)
            return {"data": data, "size": entry.size}
        raise FileServerError(f"salt://{path} ({saltenv}) is not there", path=path)

    def modules(self, saltenv: str) -> dict[str, Any]:
        """Return the execution modules of *saltenv*: ``{"digest": …, "files": {path: {"hsum", "size", "commit"}}}``.

        Paths are those that ``file_chunk`` takes, ``_modules/mypkg.py``. ``digest`` is the SHA-256 of the sorted
        paths and hashes: it changes when, and only when, a module does. A module that can't be read is left out and
        logged. Raises ``IdError`` or ``FileServerError``.
        """
        files: dict[str, dict[str, Any]] = {}
        seen: set[str] = set()
        for backend in self._serving(saltenv):
            for path in backend.paths(saltenv, MODULES):
                if path.endswith(".py") and path.count("/") == 1 and path not in seen:
                    seen.add(path)
                    entry = self._readable(backend, saltenv, path)
                    if entry is not None:
                        files[path] = _facts(entry)
        digest = hashlib.sha256()
        for path in sorted(files):
            digest.update(f"{path}\0{files[path]['hsum']}\0".encode())
        return {"digest": digest.hexdigest(), "files": {path: files[path] for path in sorted(files)}}

    def module_texts(self, saltenv: str) -> dict[str, str]:
        """Return the sources of the modules of *saltenv*, by file name without ``.py``; unreadable ones left out.

        Raises ``IdError`` or ``FileServerError``.
        """
        texts: dict[str, str] = {}
        for path, facts in self.modules(saltenv)["files"].items():
            try:
                chunk = self.file_chunk(saltenv, path, facts["hsum"], 0)
            except FileServerError as error:
                log.warning("%s: its functions count as undeclared", error)
                continue
            whole = len(chunk["data"]) == chunk["size"]
            source = chunk["data"].decode("utf-8", "replace") if whole else ""
            texts[path.rpartition("/")[2].removesuffix(".py")] = source
        return texts

    def _serving(self, saltenv: str) -> list[Backend]:
        """Return the backends that serve *saltenv*. Raises ``IdError`` or ``FileServerError``."""
        check_env(saltenv)
        serving = [backend for backend in self._backends if saltenv in backend.envs()]
        if not serving and saltenv != BASE:
            raise FileServerError(f"environment {saltenv!r} is not served: there are {', '.join(self.envs())}")
        return serving

    def _readable(self, backend: Backend, saltenv: str, path: str) -> FileEntry | None:
        """Return the entry of a listed file; one that can't be read is logged once per reason."""
        key = f"{backend.name}:{saltenv}:{path}"
        try:
            entry = backend.entry(saltenv, path)
        except FileServerError as error:
            if self._refused.get(key) != str(error):
                log.warning("%s: %s: left out of the modules of %s", backend.name, error, saltenv)
            if len(self._refused) < MAX_REFUSED:
                self._refused[key] = str(error)
            return None
        self._refused.pop(key, None)
        return entry


def _facts(entry: FileEntry) -> dict[str, Any]:
    return {"hsum": entry.hsum, "size": entry.size, "commit": entry.commit}
