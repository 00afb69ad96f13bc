"""Files that can't be read, and bytes cut out of others: kept beside, for whoever can make something of them.

``X.unreadable`` is a whole file, ``X.damaged-<offset>`` a copy of some of its bytes; nothing there is ever written
over. They are bounded by bytes for each folder, the oldest first.
"""

from __future__ import annotations

import itertools
import logging
import os
import re
import stat
from collections.abc import Iterator

log = logging.getLogger(__name__)

COPY_BYTES = 256 * 1024
_ASIDE = re.compile(r"\.(?:unreadable|damaged-\d+)(?:-\d+)?\Z")


def set_aside(path: str, why: str) -> None:
    """Rename the file to ``….unreadable``. Raises ``OSError``."""
    for name in _names(f"{path}.unreadable"):
        if not os.path.lexists(name):
            os.rename(path, name)
            log.error("%s: %s: set aside as %s", path, why, os.path.basename(name))
            return


def foreign_aside(path: str, *, folder: bool = False) -> None:
    """Set aside what is at *path* when it is no regular file, or with *folder* no folder, so that one can be made.

    Whether it could be is left to whoever makes it.
    """
    try:
        mode = os.stat(path, follow_symlinks=folder).st_mode
        if not (stat.S_ISDIR(mode) if folder else stat.S_ISREG(mode)):
            set_aside(path, "it is no folder" if folder else "it is no file")
    except OSError:
        return


def copy_aside(fd: int, path: str, start: int, end: int) -> bool:
    """Copy the bytes *start* … *end* of the file; ``False`` when they lie there already. Raises ``OSError``."""
    for name in _names(f"{path}.damaged-{start}"):
        try:
            copy = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            if os.stat(name, follow_symlinks=False).st_size == end - start:
                return False
            continue
        with open(copy, "wb") as stream:
            while start < end and (block := os.pread(fd, min(COPY_BYTES, end - start), start)):
                stream.write(block)
                start += len(block)
        break
    return True


def bound_aside(folder: str, max_bytes: int) -> None:
    """Delete the oldest of what was set aside in *folder* while there is more than *max_bytes* of it."""
    found = []
    for entry in os.scandir(folder):
        if _ASIDE.search(entry.name) and entry.is_file(follow_symlinks=False):
            status = entry.stat(follow_symlinks=False)
            found.append((status.st_mtime, entry.path, status.st_size))
    left = sum(size for _, _, size in found)
    for _, path, size in sorted(found):
        if left <= max_bytes:
            return
        os.unlink(path)
        left -= size
        log.error("%s: deleted: more than %d bytes were set aside in this folder", path, max_bytes)


def _names(name: str) -> Iterator[str]:
    yield name
    for number in itertools.count(2):
        yield f"{name}-{number}"
