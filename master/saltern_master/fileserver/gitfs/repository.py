"""One bare repository of ours: a single ref of a remote at depth 1, and reading it without a work tree."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import IO

from saltern.files import make_folder
from saltern_master.fileserver.backend import MAX_FILES
from saltern_master.fileserver.gitfs.program import Bounds, GitFault, run
from saltern_master.fileserver.gitfs.spec import RemoteSpec
from saltern_master.fileserver.gitfs.tree import MAX_ENTRIES, Blob, Tree, read_tree
from saltern_master.fileserver.ignored import NOTHING_MORE, Ignored

LIST_TIMEOUT_S = 60.0
FETCH_TIMEOUT_S = 600.0

OURS = "refs/saltern/current"
"""The ref under which what was fetched is kept."""

MAX_PACK_BYTES = 4 * 1024**3
"""The largest file that a fetch may write: a repository without bounds must not fill the master's disk."""

_LOCKS = ("shallow.lock", "config.lock", "packed-refs.lock", f"{OURS}.lock", "gc.pid.lock", "HEAD.lock")
_COLLECT = ("-c", "gc.auto=500", "-c", "gc.autoPackLimit=10", "-c", "gc.autoDetach=false", "-c", "gc.pruneExpire=now")


class Repository:
    """The bare repository at *path* for the ref that *spec* names; used by one thread at a time but for reading."""

    def __init__(
        self,
        path: str,
        spec: RemoteSpec,
        *,
        list_timeout_s: float = LIST_TIMEOUT_S,
        ignored: Ignored = NOTHING_MORE,
    ) -> None:
        self.path = path
        self._ignored = ignored
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
            words = ("ls-tree", "-r", "-z", "--long", f"{commit}:{root}")
            listed = run(*words, git_dir=self.path, bounds=Bounds(records=MAX_ENTRIES))
        except GitFault as error:
            if root and "valid object name" in str(error):
                raise GitFault(f"has no folder {root!r} at {commit[:12]}") from None
            if "printed over" in str(error):
                raise GitFault(f"has over {MAX_FILES:,} files: serve a part of it with root") from None
            raise
        return read_tree(commit, listed, self._spec.mountpoint, self._contents, self._ignored)

    def size(self) -> int:
        """Return what the repository takes on disk, in bytes."""
        return _folder_bytes(self.path)

    def extract(self, blob: Blob, output: IO[bytes]) -> None:
        """Write a blob's content to *output*. Raises ``GitFault``."""
        run("cat-file", "blob", blob.oid, git_dir=self.path, output=output)

    def _contents(self, blobs: list[Blob]) -> dict[str, bytes]:
        """Return the contents of *blobs* by object id. Raises ``GitFault``."""
        wanted = {blob.oid: blob.size for blob in blobs}
        if not wanted:
            return {}
        feed = "".join(f"{oid}\n" for oid in wanted).encode()
        printed = run("cat-file", "--batch", git_dir=self.path, feed=feed)
        found: dict[str, bytes] = {}
        offset = 0
        while (end := printed.find(b"\n", offset)) >= 0:  # <oid> SP blob SP <size> LF <content> LF
            oid, *kind = printed[offset:end].decode().split()
            if len(kind) != 2:  # <oid> SP missing
                raise GitFault(f"blob {oid[:12]} is damaged in the repository's cache")
            start = end + 1
            found[oid] = printed[start : start + int(kind[1])]
            offset = start + int(kind[1]) + 1
        return found

    def _locate(self) -> tuple[str, str]:
        """Ask the remote for the ref; return its full name and object id. Raises ``GitFault``."""
        ref = self._spec.ref
        if not ref:
            names = ["refs/heads/main", "HEAD"]
        elif ref == "HEAD" or ref.startswith("refs/"):
            names = [ref]
        else:
            names = [f"refs/heads/{ref}", f"refs/tags/{ref}"]
        access = self._spec.access
        bounds = Bounds(time_s=self._list_timeout_s)
        printed = run("ls-remote", "--quiet", "--", access.url, *names, bounds=bounds, access=access)
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
        access = self._spec.access
        bounds = Bounds(time_s=FETCH_TIMEOUT_S, file_bytes=MAX_PACK_BYTES)
        run("fetch", *options, "--", access.url, f"+{wanted}:{OURS}", git_dir=path, bounds=bounds, access=access)

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


def _folder_bytes(folder: str) -> int:
    """Return what the files below *folder* have in bytes."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total
