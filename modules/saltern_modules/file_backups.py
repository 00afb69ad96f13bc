"""Files and folders of this host: the copies that were kept of files before they were changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern_modules import _file_backups
from saltern_modules._file_errors import plainly
from saltern_modules._file_moving import copy_file

__salt__: Mapping[str, Callable[..., Any]]

__virtualname__ = "file"

__powers__ = {
    "list_backups": "reads",
    "list_backup": "reads",
    "list_backups_dir": "reads",
    "restore_backup": "indirect",
    "delete_backup": "writes",
    "remove_backup": "writes",
}


def list_backups(path: str, limit: int | str | None = None) -> dict[int, dict[str, Any]]:
    """Return the copies of the file *path* that are kept, the newest as 0, up to *limit* of them.

    ``{0: {"Backup Time": "Sun Mar 01 2026 10:20:30.123456", "Location": path, "Size": bytes}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.list_backups /foo/bar/baz.txt
    """
    with plainly():
        return _file_backups.listed(_root(), os.path.expanduser(path), limit)


def list_backup(path: str, limit: int | str | None = None) -> dict[int, dict[str, Any]]:
    """Return what ``file.list_backups`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.list_backup /foo/bar/baz.txt
    """
    return list_backups(path, limit)


def list_backups_dir(path: str, limit: int | str | None = None) -> dict[str, dict[int, dict[str, Any]]]:
    """Return the copies that are kept of the files of a folder (*path* ends in ``/``): ``{name: as list_backups}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.list_backups_dir /foo/bar/
    """
    with plainly():
        return _file_backups.listed_folder(_root(), os.path.expanduser(path), limit)


def restore_backup(path: str, backup_id: int | str) -> dict[str, Any]:
    """Have the file *path* hold what the copy number *backup_id* holds; what it held is kept as another copy.

    Returns ``{"result": bool, "comment": sentence}``. Raises ``OSError`` when *path* isn't there.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.restore_backup /foo/bar/baz.txt 0
    """
    path = os.path.expanduser(path)
    found, wrong = _chosen(path, backup_id)
    if found is None:
        return {"result": False, "comment": wrong}
    place = found["Location"]
    with plainly():
        _file_backups.keep_file(path, _cachedir())
    try:
        copy_file(place, path)
    except OSError as error:
        return {"result": False, "comment": f"Unable to restore {place} to {path}: {error}"}
    return {"result": True, "comment": f"Successfully restored {place} to {path}"}


def delete_backup(path: str, backup_id: int | str) -> dict[str, Any]:
    """Remove the copy number *backup_id* of the file *path*; return ``{"result": bool, "comment": sentence}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.delete_backup /foo/bar/baz.txt 0
    """
    found, wrong = _chosen(os.path.expanduser(path), backup_id)
    if found is None:
        return {"result": False, "comment": wrong}
    place = found["Location"]
    try:
        os.remove(place)
    except OSError as error:
        return {"result": False, "comment": f"Unable to remove {place}: {error}"}
    return {"result": True, "comment": f"Successfully removed {place}"}


def remove_backup(path: str, backup_id: int | str) -> dict[str, Any]:
    """Do what ``file.delete_backup`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.remove_backup /foo/bar/baz.txt 0
    """
    return delete_backup(path, backup_id)


def _chosen(path: str, backup_id: int | str) -> tuple[dict[str, Any] | None, str]:
    """Return the copy that is meant, or why there is none."""
    try:
        number = int(backup_id)
    except (TypeError, ValueError):
        number = -1
    if str(number) != str(backup_id):
        return None, f"Invalid backup_id '{backup_id}'"
    found = list_backups(path).get(number)
    return found, "" if found else f"backup_id '{backup_id}' does not exist for {path}"


def _cachedir() -> str:
    return str(__salt__["config.get"]("cachedir"))


def _root() -> str:
    return _file_backups.root(_cachedir())
