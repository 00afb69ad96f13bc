"""One bare repository of ours: a single ref of a remote at depth 1, and reading it without a work tree."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import IO, NamedTuple

from saltern.errors import IdError
from saltern.files import make_folder
from saltern.ids import check_path
from saltern_master.fileserver.backend import MAX_FILE_BYTES, MAX_FILES
from saltern_master.fileserver.gitfs.program import GitFault, run
from saltern_master.fileserver.gitfs.spec import RemoteSpec

LIST_TIMEOUT_S = 60.0
FETCH_TIMEOUT_S = 600.0

OURS = "refs/saltern/current"
"""The ref under which what was fetched is kept."""

_FILE_MODES = ("100644", "100755", "100664")
_LOCKS = ("shallow.lock", "config.lock", "packed-refs.lock", f"{OURS}.lock", "gc.pid.lock", "HEAD.lock")
_COLLECT = ("-c", "gc.auto=500", "-c", "gc.autoPackLimit=10", "-c", "gc.autoDetach=false", "-c", "gc.pruneExpire=now")


class Blob(NamedTuple):
    """One file's content in a repository: its object id, and its size in bytes."""

    oid: str
    size: int


class Tree(NamedTuple):
    """The files of one commit by path; ``skipped`` counts links, submodules, odd names and files over the limit."""

    commit: str
    files: dict[str, Blob]
    skipped: int


class Repository:
    """The bare repository at *path* for the ref that *spec* names; used by one thread at a time but for reading."""

    def __init__(self, path: str, spec: RemoteSpec, *, list_timeout_s: float = LIST_TIMEOUT_S) -> None:
        self.path = path
        self._spec = spec
        self._list_timeout_s = list_timeout_s

    def fetch(self) -> bool:
        """Bring the ref up to date and return whether it moved. Raises ``GitFault``; what there was then stays.

        The remote is only asked where the ref is; objects move when that differs from what is here.
        """
        here = self._resolve(OURS)
        if self._spec.is_commit:
            if here == self._spec.ref:
                return False
            wanted = self._spec.ref
        else:
            wanted, there = self._locate()
            if here == there:
                return False
        try:
            self._fetch_into(self.path, wanted)
        except GitFault:
            if here is None:
                raise
            self._fetch_afresh(wanted)
        with contextlib.suppress(GitFault):
            run(*_COLLECT, "gc", "--auto", "--quiet", git_dir=self.path)
        return True

    def commit(self) -> str | None:
        """Return the commit that is here, or ``None`` before the first fetch. Raises ``GitFault`` for a non-commit."""
        if self._resolve(OURS) is None:
            return None
        commit = self._resolve(f"{OURS}^{{commit}}")
        if commit is None:
            raise GitFault(f"{self._spec.ref} is not a commit")
        return commit

    def tree(self, commit: str) -> Tree:
        """Return the files of *commit*, paths as they appear in the environment. Raises ``GitFault``."""
        root = self._spec.root
        try:
            listed = run("ls-tree", "-r", "-z", "--long", f"{commit}:{root}", git_dir=self.path)
        except GitFault as error:
            if root and "valid object name" in str(error):
                raise GitFault(f"has no folder {root!r} at {commit[:12]}") from None
            raise
        return _parse_tree(commit, listed, self._spec.mountpoint)

    def extract(self, blob: Blob, output: IO[bytes]) -> None:
        """Write a blob's content to *output*. Raises ``GitFault``."""
        run("cat-file", "blob", blob.oid, git_dir=self.path, output=output)

    def _locate(self) -> tuple[str, str]:
        """Ask the remote for the ref; return its full name and object id. Raises ``GitFault``."""
        ref = self._spec.ref
        if not ref:
            names = ["refs/heads/main", "HEAD"]
        elif ref == "HEAD" or ref.startswith("refs/"):
            names = [ref]
        else:
            names = [f"refs/heads/{ref}", f"refs/tags/{ref}"]
        printed = run("ls-remote", "--quiet", "--", self._spec.url, *names, timeout_s=self._list_timeout_s)
        there: dict[str, str] = {}
        for line in printed.decode(errors="replace").splitlines():
            oid, _, name = line.partition("\t")
            there[name] = oid
        for name in names:
            if name in there:
                return name, there[name]
        raise GitFault(f"has no branch or tag {ref!r}" if ref else "has no branch 'main' and no HEAD: is it empty?")

    def _fetch_into(self, path: str, wanted: str) -> None:
        if not os.path.exists(os.path.join(path, "HEAD")):
            make_folder(os.path.dirname(path), 0o700)
            run("init", "--quiet", "--bare", "--template=", "--", path)
        for lock in _LOCKS:  # left by a git that was killed; no other one works here
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(path, lock))
        options = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
        run("fetch", *options, "--", self._spec.url, f"+{wanted}:{OURS}", git_dir=path, timeout_s=FETCH_TIMEOUT_S)

    def _fetch_afresh(self, wanted: str) -> None:
        """Fetch into a new repository beside the old one and take its place: the old one may be damaged."""
        fresh = f"{self.path}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            self._fetch_into(fresh, wanted)
            old = f"{self.path}.old"
            shutil.rmtree(old, ignore_errors=True)
            os.rename(self.path, old)
            os.rename(fresh, self.path)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _resolve(self, name: str) -> str | None:
        """Return the object id that *name* stands for here, or ``None``."""
        if not os.path.exists(os.path.join(self.path, "HEAD")):
            return None
        try:
            return run("rev-parse", "--verify", "--quiet", name, git_dir=self.path).decode().strip()
        except GitFault:
            return None


def _parse_tree(commit: str, listed: bytes, mountpoint: str) -> Tree:
    """Read ``<mode> SP <type> SP <oid> SP <size, padded> TAB <path> NUL …``, as ``git ls-tree -r -z --long`` prints."""
    files: dict[str, Blob] = {}
    skipped = 0
    for record in listed.split(b"\0")[:-1]:
        meta, _, name = record.partition(b"\t")
        mode, _, oid, size = meta.decode("ascii").split()
        try:
            path = check_path(f"{mountpoint}/{name.decode()}" if mountpoint else name.decode())
        except (IdError, UnicodeDecodeError):
            skipped += 1
            continue
        if mode not in _FILE_MODES or int(size) > MAX_FILE_BYTES:
            skipped += 1
        elif len(files) == MAX_FILES:
            raise GitFault(f"has over {MAX_FILES:,} files: serve a part of it with root")
        else:
            files[path] = Blob(oid, int(size))
    return Tree(commit, files, skipped)
