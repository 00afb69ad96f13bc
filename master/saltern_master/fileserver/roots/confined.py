"""Opening and listing files that must not lie outside a root.

A path is opened one segment at a time, relative to the descriptor of the folder before it and without following
links, so nobody who can write in the root can swap a folder for a link between a check and its use. One case is
let through: a file that is a link, when the place that it leads to is inside the same root (a mounted Kubernetes
ConfigMap is made of those). Links to folders are not followed.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import NamedTuple

from saltern.errors import FileServerError, IdError
from saltern.ids import check_path

HIDDEN = frozenset({".git", ".hg", ".svn", "__pycache__"})
"""Folders that are never served: a checkout's own records (they may hold credentials), and compiled files."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # NONBLOCK: a FIFO must not hold us


class Identity(NamedTuple):
    """What tells one content of a file from another without reading it; times in nanoseconds."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        """Return the identity in *status*."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class Listing(NamedTuple):
    """The files below a root by path; ``skipped`` counts names that can't be served, ``cut`` says there were more."""

    files: dict[str, Identity]
    skipped: int
    cut: bool


def open_inside(root: str, path: str) -> int:
    """Return a descriptor of the regular file *path* below the folder *root*.

    Raises ``FileNotFoundError`` when there is no such file and ``FileServerError`` when it may not be served.
    """
    if hidden(path):
        raise _missing(path)
    try:
        top = _open_root(root)
        try:
            descriptor = _open_file(root, top, path)
        finally:
            os.close(top)
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(path) from None
    except OSError as error:
        raise FileServerError(f"salt://{path}: can't be read: {error.strerror}", path=path) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _missing(path)
    return descriptor


def hidden(path: str) -> bool:
    """Return whether a segment of *path* names something that is never served."""
    return not HIDDEN.isdisjoint(path.split("/"))


def scan(root: str, folder: str, limit: int) -> Listing:
    """List the files below *folder* (``""``: everything) of *root*, at most *limit* of them.

    A root or folder that isn't there, or can't be read, is an empty one.
    """
    listing = Listing({}, 0, cut=False)
    waiting = [folder]
    while waiting and not listing.cut:
        current = waiting.pop()
        try:
            descriptor = _open_folder(root, current)
        except OSError:
            continue
        try:
            folders, listing = _scan_one(root, current, descriptor, listing, limit)
        finally:
            os.close(descriptor)
        waiting += folders
    return listing


def _scan_one(root: str, current: str, descriptor: int, listing: Listing, limit: int) -> tuple[list[str], Listing]:
    """Add the files of one open folder to *listing*; return the folders in it, and the new listing."""
    files, skipped = listing.files, listing.skipped
    folders: list[str] = []
    with os.scandir(descriptor) as entries:
        for entry in entries:
            path = f"{current}/{entry.name}" if current else entry.name
            if entry.name in HIDDEN:
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
                continue
            identity = _identity(root, path, entry)
            if identity is None:
                skipped += 1
            elif len(files) == limit:
                return [], Listing(files, skipped, cut=True)
            else:
                files[path] = identity
    return folders, Listing(files, skipped, cut=False)


def _identity(root: str, path: str, entry: os.DirEntry[str]) -> Identity | None:
    """Return the identity of a listed file; ``None`` when it can't be served."""
    try:
        check_path(path)
        path.encode()  # a name that isn't UTF-8 can't cross the wire as text
        if entry.is_symlink():
            _target_inside(root, path)
        status = entry.stat()
    except (IdError, UnicodeEncodeError, FileServerError, OSError):
        return None
    return Identity.of(status) if stat.S_ISREG(status.st_mode) else None


def _open_root(root: str) -> int:
    """Open the root itself, which may be a link: its owner chose it."""
    return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _open_folder(root: str, folder: str) -> int:
    """Open *folder* (``""``: the root itself) without following links below the root. Raises ``OSError``."""
    top = _open_root(root)
    if not folder:
        return top
    try:
        return _descend(top, folder, _FOLDER)
    finally:
        os.close(top)


def _open_file(root: str, top: int, path: str) -> int:
    """Open *path* from the open root *top*; a link is followed when it leads to a place inside."""
    try:
        return _descend(top, path, _FILE)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    return _descend(top, _target_inside(root, path), _FILE)


def _descend(top: int, path: str, flags: int) -> int:
    """Open *path* from the folder *top*, following no link. Raises ``OSError``; ``ELOOP`` when the last is a link."""
    *folders, name = path.split("/")
    current = os.dup(top)
    try:
        for folder in folders:
            below = os.open(folder, _FOLDER, dir_fd=current)
            os.close(current)
            current = below
        return os.open(name, flags, dir_fd=current)
    finally:
        os.close(current)


def _target_inside(root: str, path: str) -> str:
    """Return where the link *path* leads to, relative to *root*. Raises ``FileServerError`` when that is outside."""
    top = os.path.realpath(root)
    target = os.path.relpath(os.path.realpath(os.path.join(top, path)), top)
    if target == os.pardir or target.startswith(os.pardir + os.sep) or hidden(target):
        raise FileServerError(f"salt://{path} is a link that leads out of its root: it is not served", path=path)
    return target


def _missing(path: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
