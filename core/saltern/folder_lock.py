"""One process a folder: whoever comes second is told who has it, and changes nothing.

The lock is the kernel's, on the file ``.lock`` in the folder, which its owner alone can open: it ends with the
process, however that ends. What is in the file, the pid, is only for the one who comes second.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import stat
from collections.abc import Iterator

from saltern.errors import FolderInUse
from saltern.files import make_folder

log = logging.getLogger(__name__)

NAME = ".lock"
MAX_PID_CHARS = 20
NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EBADF, errno.ENOSYS})
"""Of a file system that has none; whoever works in the folder complains of the others itself."""
_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextlib.contextmanager
def locked(folder: str, mode: int) -> Iterator[None]:
    """Have *folder*, which is made with *mode*, to ourselves until the block ends. Raises ``FolderInUse``.

    Where there is no lock to be had (a full disk, a file system without locks) the block runs without: whoever works
    in the folder says what is wrong with it, and may wait for it.
    """
    descriptor = _take(folder, mode)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _take(folder: str, mode: int) -> int | None:
    path = os.path.join(folder, NAME)
    descriptor = -1
    try:
        make_folder(folder, mode)
        descriptor = _open(folder, path)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(descriptor, MAX_PID_CHARS, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        user = f"pid {pid}" if pid.isdigit() else "another process"
        raise FolderInUse(
            f"{folder} is in use by {user}: end that first, or choose another folder", path=folder
        ) from None
    except OSError as error:
        if descriptor >= 0:
            os.close(descriptor)
        told = log.warning if error.errno in NO_LOCKS else log.debug
        told("%s: can't be locked: %s: nothing keeps a second process from it", path, error.strerror)
        return None
    with contextlib.suppress(OSError):  # it holds without the pid, too
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    return descriptor


def _open(folder: str, path: str) -> int:
    """Return a descriptor of the lock's file; one that root makes in another user's folder is that user's."""
    above = os.stat(folder)
    try:
        descriptor = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
        if os.geteuid() == 0 and above.st_uid != 0:
            os.fchown(descriptor, above.st_uid, above.st_gid)
    except FileExistsError:
        descriptor = os.open(path, _FLAGS)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:  # a stranger's way to have another file cut
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is no file of ours", path) from None
    return descriptor
