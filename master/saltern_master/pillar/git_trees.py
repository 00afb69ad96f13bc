"""Pillar in git: the remotes of ``ext_pillar``'s ``git``, fetched by the master and laid out as folders.

Each commit is a folder of its own below ``<cachedir>/git_pillar/``, made whole before ``current`` leads to it, so that
no pillar is ever compiled from half of two commits.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from saltern.errors import ConfigError, FileServerError
from saltern_master.fileserver.backend import CHUNK_BYTES
from saltern_master.fileserver.gitfs.remote import GitRemote
from saltern_master.fileserver.gitfs.spec import RemoteSpec, parse_remote

log = logging.getLogger(__name__)

FOLDER = "git_pillar"
BASE_BRANCHES = ("main", "master")
"""Branches whose files are of the environment ``base``."""
MAX_TREE_BYTES = 256 * 1024 * 1024


class GitTree(NamedTuple):
    """One remote of pillar's: what is fetched, for which environment, and where it is kept."""

    spec: RemoteSpec
    env: str
    cache: str

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"{self.spec.ref} {self.spec.name}"

    def exported(self) -> str | None:
        """Return the folder of the commit in force, ``None`` before the first fetch."""
        try:
            return os.path.join(self.cache, os.readlink(os.path.join(self.cache, "current")))
        except OSError:
            return None


def git_trees(repos: Sequence[Any], cachedir: str) -> list[GitTree]:
    """Return the trees of the arguments of one ``git``. Raises ``ConfigError``."""
    trees = []
    for number, repo in enumerate(repos, 1):
        where, options = next(iter(repo.items())) if isinstance(repo, dict) and len(repo) == 1 else (repo, [])
        words = str(where).split()
        if len(words) != 2:
            raise ConfigError(
                f"ext_pillar: git: remote {number} must be 'BRANCH URL', as in main https://host/repo.git"
            )
        branch, url = words
        if branch == "__env__":
            raise ConfigError("ext_pillar: git: __env__ isn't here: name the branch, and env: for its environment")
        more: dict[str, Any] = {}
        for option in options or []:
            more.update(option)
        env = str(more.pop("env", "") or ("base" if branch in BASE_BRANCHES else branch))
        spec = parse_remote({"url": url, "ref": branch, **more}, number)
        trees.append(GitTree(spec, env, os.path.join(cachedir, FOLDER, spec.digest)))
    return trees


def configured_trees(ext: Iterable[Any], cachedir: str) -> list[GitTree]:
    """Return the trees of the option ``ext_pillar``. Raises ``ConfigError``."""
    found: list[GitTree] = []
    for one in ext:
        repos = one.get("git")
        if repos is not None:
            found += git_trees(repos if isinstance(repos, list) else [repos], cachedir)
    return found


class GitTrees:
    """Fetches all trees and lays them out; every method blocks."""

    def __init__(self, trees: Sequence[GitTree]) -> None:
        self._trees = trees
        self._remotes = [GitRemote(tree.spec, os.path.join(tree.cache, "repository")) for tree in trees]
        self.failures = 0

    def update(self, branch: str | None = None, repo: str | None = None) -> dict[str, bool]:
        """Fetch all, or those of *branch* and *repo* alone; return by name whether there is another commit now."""
        told: dict[str, bool] = {}
        for tree, remote in zip(self._trees, self._remotes, strict=True):
            if branch not in (None, tree.spec.ref) or repo not in (None, tree.spec.name, tree.spec.url):
                continue
            try:
                changed = remote.update() or tree.exported() is None
                told[tree.name] = bool(changed and self._export(tree, remote))
            except (OSError, FileServerError) as error:
                self.failures += 1
                told[tree.name] = False
                log.error("git_pillar: %s: %s", tree.name, error)
        return told

    def _export(self, tree: GitTree, remote: GitRemote) -> bool:
        """Lay out what the remote has now; return whether that is another commit."""
        entries = [entry for path in remote.paths() if (entry := remote.entry(path)) is not None]
        if not entries:
            return False
        if sum(entry.size for entry in entries) > MAX_TREE_BYTES:
            raise FileServerError(f"over {MAX_TREE_BYTES:,} bytes: too large for pillar")
        commit = str(entries[0].commit)
        folder = os.path.join(tree.cache, commit)
        if tree.exported() == folder:
            return False
        half = f"{folder}.part"
        shutil.rmtree(half, ignore_errors=True)
        for entry in entries:
            place = os.path.join(half, entry.path)
            os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
            with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                offset = 0
                while offset < entry.size:
                    data = remote.read(entry.path, entry.hsum, offset, CHUNK_BYTES)
                    if not data:
                        raise FileServerError(f"{entry.path}: changed while it was read")
                    stream.write(data)
                    offset += len(data)
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(half, folder)
        link = os.path.join(tree.cache, "current.part")
        if os.path.lexists(link):
            os.unlink(link)
        before = tree.exported()
        os.symlink(commit, link)
        os.replace(link, os.path.join(tree.cache, "current"))
        if before is not None and before != folder:
            shutil.rmtree(before, ignore_errors=True)
        return True
