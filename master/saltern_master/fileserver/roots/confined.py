"""Opening and listing files that must not lie outside a root.

A path is opened one segment at a time, relative to the descriptor of the folder before it and without following
links, so nobody who can write in the root can swap a folder for a link between a check and its use. A link, to a file
or to a folder, is let through when the place that it leads to is inside the same root (a mounted Kubernetes ConfigMap
is made of those): where that is is found out first, and then opened as any path is. Links in a circle end where they
come to a folder that they are in.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import NamedTuple

from saltern.errors import FileServerError, IdError
from saltern.ids import check_path
from saltern.visible import visible
from saltern_master.fileserver.backend import MAX_NAMED
from saltern_master.fileserver.ignored import NOTHING_MORE, Ignored

MAX_LINKED_FOLDERS = 1000
"""Folders below one root that are looked into by way of links: a few links could make them endless."""

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
    """The files below a root by path; names that can't be served, and why; ``cut`` says that there were more.

    ``folders`` are the folders, ``empty`` those with nothing in them, ``links`` where links that are served lead to.
    """

    files: dict[str, Identity]
    left_out: dict[str, str]
    cut: bool
    folders: set[str]
    empty: set[str]
    links: dict[str, str]


class _Folder(NamedTuple):
    """A folder to be looked into: where it appears, where it is, and the places of those that it appears in."""

    path: str
    place: str
    above: frozenset[str]
    linked: bool


def open_inside(root: str, path: str, ignored: Ignored = NOTHING_MORE) -> int:
    """Return a descriptor of the regular file *path* below the folder *root*.

    Raises ``FileNotFoundError`` when there is no such file and ``FileServerError`` when it may not be served.
    """
    if ignored(path):
        raise _missing(path)
    try:
        top = _open_root(root)
        try:
            descriptor = _open_file(root, top, path, ignored)
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


def scan(root: str, folder: str, limit: int, ignored: Ignored = NOTHING_MORE) -> Listing:
    """List the files below *folder* (``""``: everything) of *root*, at most *limit* of them.

    A root or folder that isn't there is an empty one, as is a folder that can't be read.
    """
    return _Scan(root, limit, ignored).below(folder)


class _Scan:
    """One look at the files below *root*."""

    def __init__(self, root: str, limit: int, ignored: Ignored) -> None:
        self._root = root
        self._limit = limit
        self._ignored = ignored
        self._files: dict[str, Identity] = {}
        self._left_out: dict[str, str] = {}
        self._linked = 0
        self._cut = False
        self._folders: set[str] = set()
        self._empty: set[str] = set()
        self._links: dict[str, str] = {}
        self._waiting: list[_Folder] = []

    def below(self, folder: str) -> Listing:
        """Return what is below *folder*."""
        try:
            place = _place(self._root, folder, self._ignored) if folder else ""
        except FileServerError as error:
            return Listing({}, {folder: _why(error)}, False, set(), set(), {})
        self._waiting = [_Folder(folder, place, frozenset({place}), linked=place != folder)]
        while self._waiting and not self._cut:
            self._look_into(self._waiting.pop())
        return Listing(self._files, self._left_out, self._cut, self._folders, self._empty, self._links)

    def _look_into(self, folder: _Folder) -> None:
        try:
            descriptor = _open_folder(self._root, folder.place)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self._leave_out(f"{folder.path}/", f"can't be read: {error.strerror}")
            return
        empty = True
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    empty = False
                    self._see(folder, entry, descriptor)
                    if self._cut:
                        return
            self._take_folder(folder.path, empty)
        finally:
            os.close(descriptor)

    def _take_folder(self, path: str, empty: bool) -> None:
        if len(self._folders) >= self._limit:
            self._cut = True
        elif path:
            with contextlib.suppress(UnicodeEncodeError, IdError):
                path.encode()
                self._folders.add(check_path(path))
                if empty:
                    self._empty.add(path)

    def _see(self, folder: _Folder, entry: os.DirEntry[str], at: int) -> None:
        path = f"{folder.path}/{entry.name}" if folder.path else entry.name
        place = f"{folder.place}/{entry.name}" if folder.place else entry.name
        if self._ignored(path):
            return
        try:
            target = ""
            if entry.is_symlink():
                target = os.readlink(entry.name, dir_fd=at)
                place = _place(self._root, place, self._ignored)
            elif entry.is_dir(follow_symlinks=False):
                self._waiting.append(_Folder(path, place, folder.above | {place}, folder.linked))
                return
            path.encode()  # a name that isn't UTF-8 can't cross the wire as text
            check_path(path)
            status = entry.stat()
        except IdError:
            self._leave_out(path, "no path of it can be asked for: its name has a backslash or a NUL")
        except UnicodeEncodeError:
            self._leave_out(path, "its name is not UTF-8")
        except FileServerError as error:
            self._leave_out(path, _why(error))
        except OSError as error:
            self._leave_out(path, _why_no_link(entry, error) or f"can't be read: {error.strerror}")
        else:
            self._take(folder, path, place, status)
            if target and path not in self._left_out and len(self._links) < self._limit:
                self._links[path] = visible(target)

    def _take(self, folder: _Folder, path: str, place: str, status: os.stat_result) -> None:
        if stat.S_ISDIR(status.st_mode):
            if place in folder.above:
                self._leave_out(path, f"it is a link in a circle, to {place or 'its root'}")
            elif self._linked == MAX_LINKED_FOLDERS:
                self._leave_out(path, f"over {MAX_LINKED_FOLDERS:,} folders are behind links")
            else:
                self._linked += 1
                self._waiting.append(_Folder(path, place, folder.above | {place}, linked=True))
        elif not stat.S_ISREG(status.st_mode):
            self._leave_out(path, "it is no file, but a device, a socket or a pipe")
        elif len(self._files) == self._limit:
            self._cut = True
        else:
            self._files[path] = Identity.of(status)

    def _leave_out(self, path: str, why: str) -> None:
        if len(self._left_out) < MAX_NAMED:
            self._left_out[visible(path)] = why


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


def _open_file(root: str, top: int, path: str, ignored: Ignored) -> int:
    """Open *path* from the open root *top*; links are followed when they lead to a place inside."""
    try:
        return _descend(top, path, _FILE)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):  # ENOTDIR: a folder of it is a link
            raise
        place = _place(root, path, ignored)
        if place == path:
            raise
    return _descend(top, place, _FILE)


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


def _place(root: str, path: str, ignored: Ignored) -> str:
    """Return where *path* leads to by its links, relative to *root* (itself: ``""``).

    Raises ``FileServerError`` when that is outside, or hidden.
    """
    top = os.path.realpath(root)
    real = os.path.realpath(os.path.join(top, path))
    place = os.path.relpath(real, top)
    if place == os.pardir or place.startswith(os.pardir + os.sep):
        raise FileServerError(f"salt://{path} is a link that leads out of its root: it is not served", path=real)
    if ignored(place):
        raise FileServerError(f"salt://{path} is a link to what is hidden: it is not served", path=real)
    return "" if place == os.curdir else place


def _why(error: FileServerError) -> str:
    """Return the reason in an error of ``_place``, with where the link leads to."""
    kind = "what is hidden" if "hidden" in str(error) else "a place out of its root"
    return f"it is a link to {kind}: {visible(str(error.path))[:200]}"


def _why_no_link(entry: os.DirEntry[str], error: OSError) -> str:
    """Return why a link leads nowhere, or an empty text for what is none."""
    if not entry.is_symlink():
        return ""
    return "it is a link in a circle" if error.errno == errno.ELOOP else "it is a link that leads nowhere"


def _missing(path: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
