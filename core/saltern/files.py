"""Making files and folders: a reader, or a crash, never sees half of one, and no stranger turns a write elsewhere.

After a file is made only its descriptor is used, and names are looked up in the folder that was opened at first. A
name in a folder that belongs to somebody else may mean another file a moment later.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import os
import stat
from collections.abc import Iterator
from typing import IO

log = logging.getLogger(__name__)

UMASK = 0o027
"""What every daemon sets first: what it makes without saying for whom is no business of others."""

PARENT_MODE = 0o755
"""Of folders above the one that is asked for."""

MAX_LINKS = 40  # the kernel's own bound

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_atomic(path: str, data: bytes, mode: int = 0o644) -> None:
    """Write *data* to *path*, with *mode* whatever the umask is. Raises ``OSError``; the old file then stays."""
    with replacement(path, mode) as stream:
        stream.write(data)


def write_private(path: str, data: bytes) -> None:
    """Write *data* to *path*, readable by its owner alone from the first moment on. Raises ``OSError``.

    What root writes into the folder of another user is that user's: it is about a daemon's secrets, and the daemon
    must read what the command line wrote for it.
    """
    with replacement(path, 0o600, inherit=True) as stream:
        stream.write(data)


@contextlib.contextmanager
def replacement(path: str, mode: int, *, keep_mode: bool = False, inherit: bool = False) -> Iterator[IO[bytes]]:
    """Yield a file to write that takes the place of *path* when the block ends well; else the old one stays.

    It is its owner's alone until it is whole; then it gets *mode*, or with *keep_mode* the permissions of the file
    that is at *path* (never its set-id bits), and with *inherit*, when root writes it, the owner of its folder.
    Raises ``OSError``.
    """
    folder, name = os.path.split(path)
    temporary = f".saltern-{os.urandom(8).hex()}.tmp"
    at = open_folder(folder or ".")
    try:
        with open(os.open(temporary, _NEW, 0o600, dir_fd=at), "wb") as stream:
            try:
                yield stream
                stream.flush()
                os.fchmod(stream.fileno(), _mode_of(name, at, mode) if keep_mode else mode)
                if inherit:
                    _give(stream.fileno(), at)
                os.replace(temporary, name, src_dir_fd=at, dst_dir_fd=at)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=at)
                raise
    except OSError as error:
        if error.filename == temporary:
            error.filename = path
        raise
    finally:
        os.close(at)


def _mode_of(name: str, at: int, default: int) -> int:
    try:
        return os.stat(name, dir_fd=at).st_mode & 0o777
    except OSError:
        return default


def _give(descriptor: int, folder: int) -> None:
    """Give a file or folder, which nobody writes to any more, to the owner of the *folder* that it is in, as root."""
    above = os.fstat(folder)
    if os.geteuid() == 0 and above.st_uid != 0:
        os.fchown(descriptor, above.st_uid, above.st_gid)


def make_private_folder(path: str) -> None:
    """Make the folder *path* for its owner alone; what root makes in the folder of another user is that user's.

    Raises ``OSError``.
    """
    make_folder(path, 0o700, inherit=True)


def make_folder(path: str, mode: int, *, inherit: bool = False) -> None:
    """Make the folder *path* with *mode*, and missing ones above it with 0755, whatever the umask is.

    With *inherit*, when root makes it, its owner is that of the folder that it is in.

    One that is there stays as it is; when anybody may write into it, the log has a warning. Raises ``OSError``.
    """
    if os.path.isdir(path):
        found = os.stat(path).st_mode
        if found & stat.S_IWOTH and not found & stat.S_ISVTX:
            _warn_of(os.path.abspath(path))
        return
    above, name = os.path.split(path.rstrip("/"))
    if above and not os.path.isdir(above):
        make_folder(above, PARENT_MODE)
    at = open_folder(above or ".")
    try:
        try:
            os.mkdir(name, 0o700, dir_fd=at)
        except FileExistsError:
            if not os.path.isdir(path):
                raise
            return  # somebody was quicker
        made = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
        try:
            own = os.fstat(made)
            if own.st_uid == os.geteuid():  # else its parent's owner has put another in its place
                os.fchmod(made, mode | own.st_mode & stat.S_ISGID)
                if inherit:
                    _give(made, at)
        finally:
            os.close(made)
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(at)


@functools.lru_cache(64)
def _warn_of(path: str) -> None:
    """Warn once: some folders are looked at whenever a file in them is written."""
    log.warning("%s: every user of this host may write here: run chmod o-w %s", path, path)


def open_folder(path: str) -> int:
    """Return a descriptor of the folder *path* that serves as ``dir_fd``. Raises ``OSError``.

    A link on the way is followed when it is root's or our own, or when it leads to something of the link's owner:
    nobody else may turn what we write, or read for somebody, to files that are not theirs.
    """
    found = _look_up(path)
    if not stat.S_ISDIR(os.fstat(found).st_mode):
        os.close(found)
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    return found


def open_file(path: str) -> int:
    """Return a descriptor of the regular file *path*, to be read; links are followed as ``open_folder`` does.

    Raises ``OSError``.
    """
    found = _look_up(path)
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", path)
        return os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(found)


def open_appended(path: str, mode: int) -> int:
    """Return a descriptor of the regular file *path*, to be appended to, made with *mode* less the umask if it isn't.

    Links are followed as ``open_folder`` does. Raises ``OSError``.
    """
    folder, name = os.path.split(path)
    at = open_folder(folder or ".")
    try:
        return os.open(name, _NEW | os.O_APPEND, mode, dir_fd=at)
    except FileExistsError:
        found = _look_up(path)
    finally:
        os.close(at)
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", path)
        return os.open(f"/proc/self/fd/{found}", os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    finally:
        os.close(found)


def _look_up(path: str) -> int:
    """Return an ``O_PATH`` descriptor of what is at *path*, looked up name by name."""
    at = os.open("/" if path.startswith("/") else ".", _LOOK | os.O_DIRECTORY)
    try:
        todo = _names(path)
        links = 0
        strangers: set[int] = set()
        while todo:
            found = os.open(todo.pop(), _LOOK, dir_fd=at)
            status = os.fstat(found)
            if not stat.S_ISLNK(status.st_mode):
                os.close(at)
                at = found
                continue
            try:
                target = os.readlink("", dir_fd=found)
            finally:
                os.close(found)
            links += 1
            if links > MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            if status.st_uid not in (0, os.geteuid()):
                strangers.add(status.st_uid)
            if target.startswith("/"):
                os.close(at)
                at = os.open("/", _LOOK | os.O_DIRECTORY)
            todo += _names(target)
        if strangers - {os.fstat(at).st_uid}:
            raise PermissionError(errno.EPERM, "a link of another user's leads to what is not that user's", path)
    except OSError as error:
        os.close(at)
        error.filename = path
        raise
    return at


def _names(path: str) -> list[str]:
    """Return the names in *path*, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def is_at(descriptor: int, path: str) -> bool:
    """Return whether *path* is still the open file *descriptor*: it wasn't removed, renamed or replaced."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False
