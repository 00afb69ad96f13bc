"""The backups of files that this minion keeps: ``CACHEDIR/file_backup/FOLDER/NAME_Sun_Mar_01_10:20:30_123456_2026``."""

from __future__ import annotations

import datetime
import os
import time
from typing import Any

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
    from saltern_modules._rewriting import Place, copy_whole, mode_of, new_file

    folder = os.path.join(root(cachedir), os.path.dirname(path).lstrip("/"))
    make_folder(folder, FOLDER_MODE)
    now = datetime.datetime.fromtimestamp(time.time())
    at = open_folder(folder)
    try:
        name = f"{os.path.basename(path)}_{now.strftime(STAMP)}"
        with new_file(Place(at, name, path, None), mode_of(source)) as copy:
            copy_whole(source, copy)
    finally:
        os.close(at)
    return os.path.join(folder, name)


def keep_file(path: str, cachedir: str) -> None:
    """Copy the file *path*. Raises ``OSError``."""
    source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        keep(os.path.abspath(path), source, cachedir)
    finally:
        os.close(source)


def listed(bkroot: str, path: str, limit: Any = None) -> dict[int, dict[str, Any]]:
    """Return the copies of the file *path* by number, the newest first."""
    folder, name = os.path.split(path)
    place = os.path.join(bkroot, folder[1:])
    if not os.path.isdir(place):
        return {}
    found = [_copy(place, one, name) for one in os.listdir(place) if os.path.isfile(os.path.join(place, one))]
    return _numbered([one for one in found if one], _number(limit))


def listed_folder(bkroot: str, path: str, limit: Any = None) -> dict[str, dict[int, dict[str, Any]]]:
    """Return the copies of the files of a folder by their names up to the first ``_``."""
    place = os.path.join(bkroot, os.path.split(path)[0][1:])
    if not os.path.isdir(place):
        return {}
    by_name: dict[str, list[tuple[datetime.datetime, dict[str, Any]]]] = {}
    for one in sorted(os.listdir(place)):
        name = one.split("_")[0]
        copies = by_name.setdefault(name, [])
        if found := _copy(place, one, name):
            copies.append(found)
    return {name: _numbered(copies, _number(limit)) for name, copies in by_name.items()}


def _copy(folder: str, file: str, name: str) -> tuple[datetime.datetime, dict[str, Any]] | None:
    """Return when the copy *file* was made, and what is told of it; ``None`` when it is of another file."""
    stamp = file.removeprefix(f"{name}_")
    if stamp == file:
        return None
    try:
        then = datetime.datetime.strptime(stamp, STAMP)
        size = os.stat(place := os.path.join(folder, file)).st_size
    except (ValueError, OSError):
        return None
    return then, {"Backup Time": then.strftime(SHOWN), "Size": size, "Location": place}


def _numbered(copies: list[tuple[datetime.datetime, dict[str, Any]]], limit: int | None) -> dict[int, dict[str, Any]]:
    newest = sorted(copies, key=lambda copy: copy[0], reverse=True)[:limit]
    return dict(enumerate(told for _, told in newest))


def _number(limit: Any) -> int | None:
    try:
        return int(limit)
    except (TypeError, ValueError):
        return None
