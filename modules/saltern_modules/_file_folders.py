"""Making folders for ``file``, with owner and mode. All raise ``OSError``."""

from __future__ import annotations

import os
import stat
from typing import Any

from saltern.errors import ArgumentError
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
    os.mkdir(name, FOLDER_MODE)
    os.chmod(name, stat.S_IMODE(os.stat(name).st_mode) & stat.S_ISGID | FOLDER_MODE)  # whatever the umask is
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


def dress(name: str, user: Any, group: Any, mode: Any, *, test: bool = False) -> None:
    """Give *name* what it should have; a *mode* is octal digits."""
    checked(name, None, Wanted(user, group, int(str(mode)) if mode else None), salt={}, test=test)
