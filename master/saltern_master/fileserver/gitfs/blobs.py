"""Contents taken out of a repository: one file per blob, written and hashed once, then read like any file.

A blob is checked against its own id while it is hashed, so a file that a crash left short is taken out again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
from collections.abc import Container

from saltern.errors import FileServerError, os_errors
from saltern.files import make_folder
from saltern_master.fileserver.gitfs.repository import Repository
from saltern_master.fileserver.gitfs.tree import Blob

READ_BYTES = 1024 * 1024


class BlobStore:
    """Blobs of *repository* as files in *folder*; any thread may use it.

    It holds at most the blobs of the tree that is served, because :meth:`keep` follows every change of it.
    """

    def __init__(self, folder: str, repository: Repository) -> None:
        self._folder = folder
        self._repository = repository
        self._hsums: dict[str, str] = {}
        self._lock = threading.Lock()

    def hsum(self, blob: Blob) -> str:
        """Return the SHA-256 in hex of a blob's content. Raises ``FileServerError`` when it can't be had."""
        with self._lock:
            known = self._hsums.get(blob.oid)
        if known is None:
            known = self._verified(blob)
            with self._lock:
                self._hsums[blob.oid] = known
        return known

    def read(self, blob: Blob, offset: int, size: int) -> bytes:
        """Return up to *size* bytes of a blob from *offset*. Raises ``FileServerError`` when it can't be had."""
        self.hsum(blob)
        with self._errors(blob, "read from the cache"):
            try:
                descriptor = os.open(self._path(blob), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:  # somebody cleaned the cache
                self._extract(blob)
                descriptor = os.open(self._path(blob), os.O_RDONLY | os.O_CLOEXEC)
            try:
                return os.pread(descriptor, size, offset)
            finally:
                os.close(descriptor)

    def keep(self, oids: Container[str]) -> None:
        """Forget every blob that is not in *oids*."""
        with self._lock:
            self._hsums = {oid: hsum for oid, hsum in self._hsums.items() if oid in oids}
        with contextlib.suppress(OSError):
            for name in os.listdir(self._folder):
                if name not in oids:
                    os.unlink(os.path.join(self._folder, name))

    def _verified(self, blob: Blob) -> str:
        """Return the SHA-256 of a blob that is, or has just been, taken out."""
        with self._errors(blob, "cached"):
            found = _hash(self._path(blob), blob)
            if found is None:
                self._extract(blob)
                found = _hash(self._path(blob), blob)
        if found is None:
            raise FileServerError(f"blob {blob.oid[:12]} is damaged in the repository's cache", path=self._path(blob))
        return found

    def _extract(self, blob: Blob) -> None:
        make_folder(self._folder, 0o700)
        descriptor, temporary = tempfile.mkstemp(dir=self._folder)
        try:
            with open(descriptor, "wb") as output:
                self._repository.extract(blob, output)
            os.replace(temporary, self._path(blob))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def _errors(self, blob: Blob, done: str) -> contextlib.AbstractContextManager[None]:
        return os_errors(FileServerError, self._path(blob), f"can't be {done}", called=f"blob {blob.oid[:12]}")

    def _path(self, blob: Blob) -> str:
        return os.path.join(self._folder, blob.oid)


def _hash(path: str, blob: Blob) -> str | None:
    """Return the SHA-256 of the file at *path*; ``None`` when it isn't there or isn't the blob's content.

    A blob's id is the SHA-1 of ``blob <size> NUL <content>`` (git-hash-object).
    """
    content = hashlib.sha256()
    identity = hashlib.sha1(b"blob %d\0" % blob.size, usedforsecurity=False)
    try:
        with open(path, "rb") as stream:
            while block := stream.read(READ_BYTES):
                content.update(block)
                identity.update(block)
    except FileNotFoundError:
        return None
    return content.hexdigest() if identity.hexdigest() == blob.oid else None
