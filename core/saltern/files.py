"""Writing files so that a reader, or a crash, never sees half of one."""

from __future__ import annotations

import contextlib
import os


def write_atomic(path: str, data: bytes, mode: int = 0o644) -> None:
    """Write *data* to *path* by way of a temporary name beside it. Raises ``OSError``; the old file then stays."""
    _replace(path, data, mode, None)


def write_private(path: str, data: bytes) -> None:
    """Write *data* to *path*, readable by its owner alone from the first moment on. Raises ``OSError``.

    What root writes into the folder of another user is that user's: it is about a daemon's secrets, and the daemon
    must read what the command line wrote for it.
    """
    _replace(path, data, 0o600, _heir(os.path.dirname(path)))


def make_private_folder(path: str) -> None:
    """Make the folder *path*, and those above it, unless it is there: as ``write_private`` makes a file."""
    if os.path.isdir(path):
        return
    os.makedirs(path, mode=0o700, exist_ok=True)
    heir = _heir(os.path.dirname(path))
    if heir is not None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            os.fchown(descriptor, *heir)
        finally:
            os.close(descriptor)


def _replace(path: str, data: bytes, mode: int, owner: tuple[int, int] | None) -> None:
    temporary = f"{path}.{os.getpid()}.tmp"
    descriptor = _create(temporary, mode)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(data)
            if owner is not None:
                stream.flush()  # nothing is written to what isn't ours any more
                os.fchown(descriptor, *owner)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _create(path: str, mode: int) -> int:
    """Open a new file: whatever stands at *path*, of an earlier process or put there by another user, goes first."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        return os.open(path, flags, mode)
    except FileExistsError:
        os.unlink(path)
        return os.open(path, flags, mode)


def _heir(folder: str) -> tuple[int, int] | None:
    """Return who owns *folder* (user, group) when that is not this process's user but root may give files away."""
    if os.geteuid() != 0:
        return None
    status = os.stat(folder or ".")
    return (status.st_uid, status.st_gid) if status.st_uid != 0 else None
