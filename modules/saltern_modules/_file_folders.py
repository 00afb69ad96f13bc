"""Making folders for ``file``, with owner and mode. All raise ``OSError``."""

from __future__ import annotations

import errno
import os
from typing import Any

from saltern.errors import ArgumentError
from saltern.files import make_folder, open_folder
from saltern_modules._file_perms import Wanted, checked
from saltern_modules._file_status import mode_text

FOLDER_MODE = 0o755


def make(name: str, user: Any = None, group: Any = None, mode: Any = None) -> None:
    """Make the folder *name*, which isn't there, and those above it that are missing."""
    above, last = os.path.split(name)
    if not last:
        above, last = os.path.split(above)
    if above and last and not os.path.exists(above):
        make(above, user, group, mode)
        if last == os.curdir:
            return
    if above and not os.path.isdir(above):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
    if os.path.lexists(name):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
    try:
        make_folder(name, FOLDER_MODE)
    except OSError as error:
        error.filename = name
        raise
    dress(name, user, group, mode)


def make_above(path: str, user: Any = None, group: Any = None, mode: Any = None) -> str | None:
    """Make the folder that *path* is in; return a sentence when it is there. Raises ``ArgumentError`` too."""
    folder = os.path.normpath(os.path.dirname(path))
    if os.path.isdir(folder):
        return f"Directory '{folder}' already exists"
    if os.path.exists(folder):
        return f"The path '{folder}' already exists and is not a directory"
    missing: list[str] = []
    while not os.path.isdir(folder):
        missing.append(folder)
        above = os.path.dirname(folder)
        if above == folder:
            raise ArgumentError(
                f"Recursive creation for path '{above}' would result in an infinite loop. Please use an absolute path."
            )
        folder = above
    for one in reversed(missing):
        if not os.path.isdir(one):
            make(one, user, group, mode_text(mode) if mode else mode)
    return None


def make_node(path: str, mode: int, device: int) -> None:
    """Make the device or pipe *path*, whose kind is in *mode*."""
    folder, name = os.path.split(path)
    try:
        at = open_folder(folder or ".")
        try:
            os.mknod(name, mode, device, dir_fd=at)
        finally:
            os.close(at)
    except OSError as error:
        raise OSError(error.errno, error.strerror) from None


def dress(name: str, user: Any, group: Any, mode: Any, *, test: bool = False) -> None:
    """Give *name* what it should have; a *mode* is octal digits."""
    checked(name, None, Wanted(user, group, int(str(mode)) if mode else None), salt={}, test=test)
