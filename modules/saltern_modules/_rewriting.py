"""Giving a file another content: a reader, a full disk or a crash never leaves a part of it.

``rewrite`` writes beside the file and renames: whoever reads sees the old content or the new one, whole. ``overwrite``
writes into the file that is there, for those who hold on to the inode (hard links, a container's mount); meanwhile the
old content stands whole beside it as ``.NAME.saltern-kept-…``, put back when writing fails, left there by a kill.

Both follow a link at the path as an editor does, unless it is a stranger's that leads to what isn't theirs
(``saltern.files.open_folder``), and keep owner, mode (never set-id bits) and attributes such as access lists.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

from saltern.files import MAX_LINKS, open_folder
from saltern.named import NamedTuple

NEW_MODE = 0o644
KEPT_BITS = 0o1777
"""Of the old file's mode: who exchanges a file in a folder of theirs must not get a set-id program."""
COPY_BYTES = 1 << 18
MAX_EDITED_BYTES = 256 << 20
"""Of a file whose content is taken into memory."""

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DROPPED = frozenset({"security.capability", "security.ima", "security.evm"})
"""Attributes that speak of the old content."""
_KERNELS = ("/proc/", "/sys/")


class Place(NamedTuple):
    """Where a path leads to: *name* in the open folder *at*; *status* is ``None`` when nothing is there."""

    at: int
    name: str
    path: str
    status: os.stat_result | None


def rewrite(path: str, data: bytes | int, *, backup: str = "", cachedir: str = "", mode: int = NEW_MODE) -> None:
    """Have the file at *path*, there or new, hold *data*; a new one gets *mode* whatever the umask is.

    *data* may be the descriptor of an open file: what is in that, from its beginning on.
    *backup*: a suffix (``.bak``) for a copy of the old file beside it, or ``minion``: below *cachedir* as
    ``file.list_backups`` knows them. What can't be renamed over (a file that is mounted by itself, an owner that we
    can't give) is overwritten. Raises ``OSError``; the old content is there then.
    """
    with place_of(path) as place:
        if place.status is not None:
            if _is_direct(place):
                _write_directly(place, data)
                return
            _check(place)
            _back_up(place, backup, cachedir)
        try:
            with new_file(place, mode) as temporary:
                fill(temporary, data)
        except OSError as error:
            if place.status is None or error.errno not in (errno.EBUSY, errno.EPERM):
                raise
            _overwrite(place, data)


def overwrite(path: str, data: bytes | int, *, backup: str = "", cachedir: str = "") -> None:
    """Have the file at *path*, which is there, hold *data* and keep its inode; *backup* as for ``rewrite``.

    Raises ``OSError``; the old content is there then.
    """
    with place_of(path) as place:
        if place.status is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        _check(place)
        _back_up(place, backup, cachedir)
        _overwrite(place, data)


def content_of(path: str) -> bytes:
    """Return what is in the file at *path*, found as ``rewrite`` finds it. Raises ``OSError``."""
    with place_of(path) as place:
        if place.status is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if stat.S_ISDIR(place.status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        with open(opened(place, os.O_RDONLY), "rb") as stream:
            data = stream.read(MAX_EDITED_BYTES + 1)
        if len(data) > MAX_EDITED_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        return data


@contextlib.contextmanager
def itself(path: str) -> Iterator[str]:
    """Yield a path that means what is at *path*, found as ``rewrite`` finds it, whatever comes to its name meanwhile.

    Raises ``OSError``.
    """
    with place_of(path) as place:
        fd = os.open(place.name or ".", os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place.at)
        try:
            if stat.S_ISLNK(os.fstat(fd).st_mode):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            yield f"/proc/self/fd/{fd}"
        finally:
            os.close(fd)


@contextlib.contextmanager
def place_of(path: str) -> Iterator[Place]:
    """Yield where *path* leads to when links at its end are followed. Raises ``OSError``."""
    strangers: set[int] = set()
    where, at = path, -1
    try:
        for _ in range(MAX_LINKS):
            folder, name = os.path.split(where)
            at = open_folder(folder or ".")
            status = _status(name, at)
            if status is None or not stat.S_ISLNK(status.st_mode):
                break
            if status.st_uid not in (0, os.geteuid()):
                strangers.add(status.st_uid)
            where = os.path.join(folder, os.readlink(name, dir_fd=at))
            os.close(at)
            at = -1
        else:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        owner = (status or os.fstat(at)).st_uid
        if strangers - {owner}:
            raise PermissionError(errno.EPERM, "a link of another user's leads to what is not that user's", path)
    except OSError as error:
        if at >= 0:
            os.close(at)
        error.filename = path
        raise
    try:
        yield Place(at, name, where, status)
    finally:
        os.close(at)


def _status(name: str, at: int) -> os.stat_result | None:
    try:
        return os.stat(name or ".", dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _is_direct(place: Place) -> bool:
    """Return whether what is written there goes to the kernel, or to who reads: nothing is kept of it."""
    if place.status is None or stat.S_ISDIR(place.status.st_mode):
        return False
    return not stat.S_ISREG(place.status.st_mode) or os.readlink(f"/proc/self/fd/{place.at}").startswith(_KERNELS)


def _write_directly(place: Place, data: bytes | int) -> None:
    fd = opened(place, os.O_WRONLY)
    try:
        fill(fd, data)
    finally:
        os.close(fd)


def _check(place: Place) -> None:
    """Raise ``OSError`` unless a regular file, or nothing, is there."""
    if place.status is not None and not stat.S_ISREG(place.status.st_mode):
        kind = errno.EISDIR if stat.S_ISDIR(place.status.st_mode) else errno.EINVAL
        raise OSError(kind, os.strerror(kind), place.path)


@contextlib.contextmanager
def new_file(place: Place, mode: int = NEW_MODE) -> Iterator[int]:
    """Yield a descriptor of a file that takes *place* when the block ends well, as its owner's and with its mode."""
    temporary = f".saltern-{os.urandom(8).hex()}.tmp"
    new = os.open(temporary, _NEW, 0o600, dir_fd=place.at)
    try:
        try:
            yield new
            if place.status is not None:
                _dress(new, place)
            else:
                os.fchmod(new, mode)
            os.fsync(new)
            os.replace(temporary, place.name, src_dir_fd=place.at, dst_dir_fd=place.at)
        except OSError as error:
            error.filename = place.path
            raise
        finally:
            os.close(new)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=place.at)
        raise


def write_all(fd: int, data: bytes) -> None:
    """Write all of *data*."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def fill(fd: int, data: bytes | int) -> None:
    """Write *data*, or what the open file *data* holds from its beginning on."""
    if isinstance(data, int):
        copied(data, fd)
    else:
        write_all(fd, data)


def copied(source: int, fd: int) -> None:
    """Write what the file *source* holds from its beginning on."""
    at = 0
    while data := os.pread(source, COPY_BYTES, at):
        write_all(fd, data)
        at += len(data)


def _dress(new: int, place: Place) -> None:
    """Give *new* the owner, mode and attributes of what it takes the place of."""
    old = place.status
    assert old is not None
    made = os.fstat(new)
    if (made.st_uid, made.st_gid) != (old.st_uid, old.st_gid):
        os.fchown(new, old.st_uid, old.st_gid)
    os.fchmod(new, old.st_mode & KEPT_BITS)
    with contextlib.suppress(OSError):
        source = os.open(place.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place.at)
        try:
            if os.path.samestat(os.fstat(source), old):
                copy_attributes(source, new)
        finally:
            os.close(source)


def copy_attributes(source: int, new: int) -> None:
    """Copy access lists, labels and users' attributes, those that we may."""
    with contextlib.suppress(OSError):
        for name in os.listxattr(source):
            if name not in _DROPPED:
                with contextlib.suppress(OSError):
                    os.setxattr(new, name, os.getxattr(source, name))


def opened(place: Place, flags: int) -> int:
    """Return a descriptor of the file that was looked at, and no other that has come to its name since."""
    try:
        fd = os.open(place.name or ".", flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place.at)
    except OSError as error:
        error.filename = place.path
        raise
    if place.status is None or not os.path.samestat(os.fstat(fd), place.status):
        os.close(fd)
        raise OSError(errno.ESTALE, "somebody has put another file in its place: try again", place.path)
    return fd


def _overwrite(place: Place, data: bytes | int) -> None:
    """Write into the file; its old content is beside it until that has gone well, and is put back when it hasn't."""
    file = opened(place, os.O_RDWR)
    try:
        kept = f".{place.name[:200]}.saltern-kept-{os.urandom(4).hex()}"
        copy = os.open(kept, _NEW, 0o600, dir_fd=place.at)
        try:
            try:
                copied(file, copy)
                os.fsync(copy)
            except OSError:
                os.unlink(kept, dir_fd=place.at)
                raise
            try:
                os.lseek(file, 0, os.SEEK_SET)
                fill(file, data)
                os.ftruncate(file, os.lseek(file, 0, os.SEEK_CUR))
                os.fsync(file)
            except BaseException:
                os.lseek(file, 0, os.SEEK_SET)
                copied(copy, file)  # over blocks that are its own: a full disk has those
                os.ftruncate(file, os.fstat(copy).st_size)
                os.unlink(kept, dir_fd=place.at)
                raise
            os.unlink(kept, dir_fd=place.at)
        finally:
            os.close(copy)
    finally:
        os.close(file)


def _back_up(place: Place, backup: str, cachedir: str) -> None:
    """Copy the file that is there, with its owner, mode and times, as *backup* says."""
    if not backup:
        return
    source = opened(place, os.O_RDONLY)
    try:
        if backup == "minion":
            from saltern_modules._file_backups import keep

            keep(os.path.abspath(place.path), source, cachedir)
            return
        name = place.name + backup
        if "/" in backup:
            raise OSError(errno.EINVAL, "a backup's suffix has no slash in it", backup)
        target = place._replace(name=name, status=None)
        with new_file(target, mode_of(source)) as copy:
            copy_whole(source, copy)
    finally:
        os.close(source)


def mode_of(fd: int) -> int:
    """Return the mode of an open file as a copy has it: without set-id bits."""
    return os.fstat(fd).st_mode & KEPT_BITS


def copy_whole(source: int, copy: int) -> None:
    """Have *copy* hold what *source* holds, with its owner where we may, its times and attributes; not its mode."""
    copied(source, copy)
    status = os.fstat(source)
    with contextlib.suppress(OSError):
        os.fchown(copy, status.st_uid, status.st_gid)
    copy_attributes(source, copy)
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
