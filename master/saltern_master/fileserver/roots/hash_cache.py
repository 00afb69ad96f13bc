"""SHA-256 of files, computed once for each content."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import OrderedDict

from saltern_master.fileserver.roots.confined import Identity

MAX_HASHES = 100_000  # about 30 MB
SETTLED_NS = 2_000_000_000
"""A file touched less long ago may change again within one tick of its file system's clock (FAT: 2 s)."""

READ_BYTES = 1024 * 1024


class HashCache:
    """SHA-256 by path, valid while the file's identity stays the same; the least recently used go first."""

    def __init__(self, limit: int = MAX_HASHES) -> None:
        self._limit = limit
        self._known: OrderedDict[str, tuple[Identity, str]] = OrderedDict()
        self._lock = threading.Lock()
        self.hashed = 0
        """Files read to hash them, since the start."""

    def __len__(self) -> int:
        return len(self._known)

    def hsum(self, path: str, descriptor: int, identity: Identity) -> str:
        """Return the SHA-256 in hex of the open file, whose name is *path* and whose identity was *identity*.

        Raises ``OSError`` when it can't be read.
        """
        with self._lock:
            known = self._known.get(path)
            if known is not None and known[0] == identity:
                self._known.move_to_end(path)
                return known[1]
        hsum = _hash(descriptor, identity.size)
        settled = time.time_ns() - max(identity.modified_ns, identity.changed_ns) > SETTLED_NS
        with self._lock:
            self.hashed += 1
            if settled and Identity.of(os.fstat(descriptor)) == identity:
                self._known[path] = (identity, hsum)
                self._known.move_to_end(path)
                if len(self._known) > self._limit:
                    self._known.popitem(last=False)
        return hsum


def _hash(descriptor: int, size: int) -> str:
    """Hash the first *size* bytes: a file that something appends to without end must not hold us."""
    digest = hashlib.sha256()
    offset = 0
    while block := os.pread(descriptor, min(READ_BYTES, size - offset), offset):
        digest.update(block)
        offset += len(block)
    return digest.hexdigest()
