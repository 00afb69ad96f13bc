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
from saltern.visible import shown
from saltern_master.fileserver.backend import BASE, CHUNK_BYTES, Backend, FileEntry
from saltern_master.fileserver.gitfs.backend import GitBackend
from saltern_master.fileserver.ignored import Ignored
from saltern_master.fileserver.module_tree import (
    FOLDERS,
    MASTERS_FOLDERS,
    MAX_PACKAGE_BYTES,
    MAX_PACKAGE_FILES,
    bounded,
    module_tree,
    package_of,
    stem_of,
    too_large,
)
from saltern_master.fileserver.roots.backend import RootsBackend

log = logging.getLogger(__name__)

HASH_TYPE = "sha256"

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
        ignored = Ignored(options["file_ignore_glob"])
        for name in dict.fromkeys(options["fileserver_backend"]):
            if name == GitBackend.name:
                cache = os.path.join(options["cachedir"], "gitfs")
                self._git = GitBackend(options["gitfs_remotes"], cache, ignored=ignored)
                self._backends.append(self._git)
            else:
                self._backends.append(RootsBackend(options["file_roots"], ignored=ignored))
        self._update_lock = threading.Lock()
        self._said: dict[str, dict[str, str]] = {}

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

    @property
    def remotes(self) -> int:
        """Number of git remotes."""
        return len(self._git.remotes) if self._git else 0

    def faults(self, one: str = "") -> dict[str, str]:
        """Return the git remotes whose last update failed, by name, with the reason in one line; or of *one* alone."""
        remotes = self._git.remotes if self._git else []
        return {
            remote.spec.name: remote.fault
            for remote in remotes
            if remote.fault is not None and (not one or one in (remote.spec.name, remote.spec.url))
        }

    def metrics(self) -> dict[str, float]:
        """Return the backends' numbers: ``{"git.files": 12, "git.failing": 0, "git.<remote>.failures": 3, …}``."""
        return {
            f"{backend.name}.{name}": value for backend in self._backends for name, value in backend.counts().items()
        }

    def envs(self) -> list[str]:
        """Return the environments, sorted; ``base`` is always one."""
        return sorted({BASE, *(env for backend in self._backends for env in backend.envs())})

    def file_list(self, saltenv: str) -> list[str]:
        """Return the sorted paths of the files in *saltenv*. Raises ``IdError`` or ``FileServerError``."""
        return sorted({path for backend in self._serving(saltenv) for path in backend.paths(saltenv)})

    def file_dirs(self, saltenv: str) -> dict[str, Any]:
        """Return ``dirs`` and ``empty`` ones of *saltenv*, sorted, and where its ``links`` lead to, by path.

        Raises ``IdError`` or ``FileServerError``.
        """
        folders: set[str] = set()
        empty: set[str] = set()
        links: dict[str, str] = {}
        for backend in self._serving(saltenv):
            found = backend.folders(saltenv)
            folders |= found.folders
            empty |= found.empty
            links.update(found.links | links)
        return {"dirs": sorted(folders), "empty": sorted(empty), "links": dict(sorted(links.items()))}

    def file_hash(self, saltenv: str, path: str) -> dict[str, Any] | None:
        """Return ``hash_type``, ``hsum``, ``size`` (bytes), ``commit`` (or ``None``) and ``mode`` of a file.

        ``None`` when there is no such file. Raises ``IdError``, or ``FileServerError`` when it can't be served.
        """
        check_path(path)
        for backend in self._serving(saltenv):
            entry = backend.entry(saltenv, path)
            if entry is not None:
                return {"hash_type": HASH_TYPE, **_facts(entry), "mode": entry.mode}
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
        """Return what minions sync of *saltenv*: ``{"digest", "files", "others", "left_out"}``.

        ``files`` are the modules that are one file, ``{path: {"hsum", "size", "commit"}}``, with paths that
        ``file_chunk`` takes, ``_modules/mypkg.py``; ``others`` likewise what is in ``_utils`` and ``_returners``, and
        the files of packages. ``digest`` is the SHA-256 of the sorted paths and hashes of both: it changes when, and
        only when, one of them does. ``left_out`` says by path why files there are no modules; each is logged once.
        Raises ``IdError`` or ``FileServerError``.
        """
        return self._modules(saltenv, FOLDERS)

    def origin(self, saltenv: str, path: str) -> dict[str, str] | None:
        """Return where a file is from: ``backend``, and of git ``remote``, its name, and ``commit``.

        ``None`` when there is no such file, or it can't be served. Raises ``IdError`` or ``FileServerError``.
        """
        check_path(path)
        for backend in self._serving(saltenv):
            if isinstance(backend, GitBackend):
                found = backend.origin(saltenv, path)
                if found is not None:
                    return {"backend": backend.name, "remote": found[0], "commit": found[1]}
            elif path in backend.paths(saltenv, path.rpartition("/")[0]):
                return {"backend": backend.name}
        return None

    def masters_modules(self, saltenv: str) -> dict[str, Any]:
        """Return likewise what the master itself may sync of *saltenv*: runners, outputters and what they share."""
        return self._modules(saltenv, MASTERS_FOLDERS)

    def _modules(self, saltenv: str, folders: tuple[str, ...]) -> dict[str, Any]:
        places: dict[str, Backend] = {}
        unserved: dict[str, str] = {}
        for backend in self._serving(saltenv):
            for folder in folders:
                for path in backend.paths(saltenv, folder):
                    places.setdefault(path, backend)
                unserved.update(backend.left_out(saltenv, folder))
        tree = module_tree(places, {path: why for path, why in unserved.items() if path not in places})
        facts: dict[str, dict[str, Any]] = {}
        for path in (*tree.plain, *tree.inside):
            try:
                entry = places[path].entry(saltenv, path)
            except FileServerError as error:
                tree.left_out[path] = str(error)
                continue
            why = too_large(path, entry.size) if entry is not None else "it is gone"
            if entry is None or why:
                tree.left_out[path] = why
            else:
                facts[path] = _facts(entry)
        self._whole_packages(tree.inside, facts, tree.left_out)
        if folders is FOLDERS:  # who syncs the others is told
            self._say_left_out(saltenv, {path: why for path, why in tree.left_out.items() if unserved.get(path) != why})
        digest = hashlib.sha256()
        for path in sorted(facts):
            digest.update(f"{path}\0{facts[path]['hsum']}\0".encode())
        plain = {path for path in tree.plain if path.startswith(f"{FOLDERS[0]}/")}
        return {
            "digest": digest.hexdigest(),
            "files": {path: facts[path] for path in sorted(facts) if path in plain},
            "others": {path: facts[path] for path in sorted(facts) if path not in plain},
            "left_out": bounded(tree.left_out),
        }

    def module_texts(self, saltenv: str) -> dict[str, str]:
        """Return the sources of the modules of *saltenv*, by name; of packages their first file.

        Raises ``IdError`` or ``FileServerError``.
        """
        texts: dict[str, str] = {}
        found = self.modules(saltenv)
        for path, facts in {**found["files"], **found["others"]}.items():
            stem = stem_of(path) if path.startswith(f"{FOLDERS[0]}/") else ""
            if not stem or stem.startswith("_"):
                continue
            try:
                chunk = self.file_chunk(saltenv, path, facts["hsum"], 0)
            except FileServerError as error:
                log.warning("%s: its functions count as undeclared", error)
                continue
            whole = len(chunk["data"]) == chunk["size"]
            source = chunk["data"].decode("utf-8", "replace") if whole else ""
            texts[stem] = source
        return texts

    def _serving(self, saltenv: str) -> list[Backend]:
        """Return the backends that serve *saltenv*. Raises ``IdError`` or ``FileServerError``."""
        check_env(saltenv)
        serving = [backend for backend in self._backends if saltenv in backend.envs()]
        if not serving and saltenv != BASE:
            raise FileServerError(f"environment {saltenv!r} is not served: there are {', '.join(self.envs())}")
        return serving

    def _whole_packages(self, inside: list[str], facts: dict[str, dict[str, Any]], left_out: dict[str, str]) -> None:
        """Take out of *facts* every package of which a file is missing, or that is too much: half of one is none."""
        packages: dict[str, list[str]] = {}
        for path in inside:
            packages.setdefault(package_of(path), []).append(path)
        for package, paths in packages.items():
            size = sum(facts[path]["size"] for path in paths if path in facts)
            why = ""
            if any(path not in facts for path in paths):
                why = "a file of it can't be served"
            elif len(paths) > MAX_PACKAGE_FILES or size > MAX_PACKAGE_BYTES:
                why = (
                    f"it has {len(paths):,} files of {size:,} bytes: a package has at most {MAX_PACKAGE_FILES:,} of "
                    f"{MAX_PACKAGE_BYTES:,}"
                )
            if why:
                left_out[f"{package}/"] = why
                for path in paths:
                    facts.pop(path, None)

    def _say_left_out(self, saltenv: str, left_out: dict[str, str]) -> None:
        """Log what is no module, each name once until its reason changes. Backends say themselves what isn't served."""
        said = self._said.get(saltenv, {})
        fresh = {path: why for path, why in bounded(left_out).items() if said.get(path) != why}
        for path, why in fresh.items():
            log.warning("environment %s: %s is not synced to minions: %s", saltenv, shown(path, 200), why)
        self._said[saltenv] = bounded(left_out)


def _facts(entry: FileEntry) -> dict[str, Any]:
    return {"hsum": entry.hsum, "size": entry.size, "commit": entry.commit}
