"""The backups of files that this minion keeps: ``CACHEDIR/file_backup/FOLDER/NAME_Sun_Mar_01_10:20:30_123456_2026``."""

from __future__ import annotations

import datetime
import os
import stat
import time

from saltern.errors import CommandError
from saltern.files import make_folder, open_folder

FOLDER = "file_backup"
FOLDER_MODE = 0o700
"""They hold what was readable by few."""
STAMP = "%a_%b_%d_%H:%M:%S_%f_%Y"
SHOWN = "%a %b %d %Y %H:%M:%S.%f"


def root(cachedir: str) -> str:
    """Return where backups are. Raises ``CommandError`` when nothing says so."""
    if not cachedir:
        raise CommandError("file: the option cachedir is not set: it says where backups are kept")
    return os.path.join(cachedir, FOLDER)


def keep(path: str, source: int, cachedir: str) -> str:
    """Copy the open file *source*, which is at the absolute *path*; return where the copy is. Raises ``OSError``."""
    from saltern_modules._rewriting import Place, copy_whole, new_file

    folder = os.path.join(root(cachedir), os.path.dirname(path).lstrip("/"))
    make_folder(folder, FOLDER_MODE)
    now = datetime.datetime.fromtimestamp(time.time())
    status = os.fstat(source)
    at = open_folder(folder)
    try:
        name = f"{os.path.basename(path)}_{now.strftime(STAMP)}"
        with new_file(Place(at, name, path, None), stat.S_IMODE(status.st_mode) & 0o1777) as copy:
            copy_whole(source, copy)
    finally:
        os.close(at)
    return os.path.join(folder, name)
