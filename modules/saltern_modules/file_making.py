"""Files and folders of this host: making folders, devices and pipes."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any

from saltern.errors import ArgumentError
from saltern_modules import _file_folders
from saltern_modules._file_errors import plainly

__opts__: Mapping[str, Any]

__virtualname__ = "file"

__func_alias__ = {"makedirs_": "makedirs"}

__powers__ = {
    "mkdir": "indirect",
    "makedirs": "indirect",
    "makedirs_perms": "indirect",
    "mknod": "indirect",
    "mknod_chrdev": "indirect",
    "mknod_blkdev": "indirect",
    "mknod_fifo": "indirect",
}

_KINDS = {
    stat.S_IFCHR: "Character device",
    stat.S_IFBLK: "Block device",
    stat.S_IFIFO: "Fifo pipe",
}


def mkdir(
    dir_path: str, user: str | int | None = None, group: str | int | None = None, mode: str | int | None = None
) -> bool:
    """Make the folder *dir_path*, and those above it that are missing; ``True``, also when it is there.

    They are ours with 0755, or get *user*, *group* and the octal *mode*. Raises ``OSError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.mkdir /opt/app/releases
    """
    folder = os.path.normpath(os.path.expanduser(dir_path))
    if not os.path.isdir(folder):
        with plainly():
            _file_folders.make(folder, user, group, mode)
    return True


def makedirs_(
    path: str, user: str | int | None = None, group: str | int | None = None, mode: str | int | None = None
) -> str | None:
    """Make the folder that *path* is in (*path* itself when it ends in ``/``), and those above that are missing.

    Returns ``None``, or a sentence when it is there. Raises ``ArgumentError`` for a relative path, ``OSError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.makedirs /opt/code/
    """
    with plainly():
        return _file_folders.make_above(os.path.expanduser(path), user, group, mode)


def makedirs_perms(
    name: str, user: str | int | None = None, group: str | int | None = None, mode: str | int = "0755"
) -> None:
    """Make the folder *name*, and those above it that are missing, with *user*, *group* and the octal *mode*.

    Raises ``OSError``, also when it is there.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.makedirs_perms /opt/code
    """
    with plainly():
        _file_folders.make(os.path.expanduser(name), user, group, mode)


def mknod(
    name: str,
    ntype: str,
    major: int = 0,
    minor: int = 0,
    user: str | int | None = None,
    group: str | int | None = None,
    mode: str | int = "0600",
) -> dict[str, Any]:
    """Make the device or pipe *name*, and missing folders above it: *ntype* ``c``, ``b`` or ``p``.

    Returns ``{name, changes: {new: sentence}, comment, result}``. Raises ``ArgumentError`` for another type.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.mknod /dev/chr c 180 31
        saltern '*' file.mknod /dev/fifo p
    """
    makedirs_(name, user, group)
    if ntype == "c":
        return mknod_chrdev(name, major, minor, user, group, mode)
    if ntype == "b":
        return mknod_blkdev(name, major, minor, user, group, mode)
    if ntype == "p":
        return mknod_fifo(name, user, group, mode)
    raise ArgumentError(
        f"Node type unavailable: '{ntype}'. Available node types are character ('c'), block ('b'), and pipe ('p')."
    )


def mknod_chrdev(
    name: str,
    major: int,
    minor: int,
    user: str | int | None = None,
    group: str | int | None = None,
    mode: str | int = "0660",
) -> dict[str, Any]:
    """Make the character device *name*; returns what ``file.mknod`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.mknod_chrdev /dev/chr 180 31
    """
    return _node(name, stat.S_IFCHR, user, group, mode, (major, minor))


def mknod_blkdev(
    name: str,
    major: int,
    minor: int,
    user: str | int | None = None,
    group: str | int | None = None,
    mode: str | int = "0660",
) -> dict[str, Any]:
    """Make the block device *name*; returns what ``file.mknod`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.mknod_blkdev /dev/blk 8 999
    """
    return _node(name, stat.S_IFBLK, user, group, mode, (major, minor))


def mknod_fifo(
    name: str, user: str | int | None = None, group: str | int | None = None, mode: str | int = "0660"
) -> dict[str, Any]:
    """Make the named pipe *name*; returns what ``file.mknod`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.mknod_fifo /dev/fifo
    """
    return _node(name, stat.S_IFIFO, user, group, mode)


def _node(name: str, kind: int, user: Any, group: Any, mode: Any, device: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    name = os.path.expanduser(name)
    ret: dict[str, Any] = {"name": name, "changes": {}, "comment": "", "result": False}
    made = {"new": f"{_KINDS[kind]} {name} created."}
    with plainly():
        if __opts__.get("test"):
            return {**ret, "changes": made, "result": None}
        try:
            _file_folders.make_node(name, int(str(mode).lstrip("0Oo") or "0", 8) | kind, os.makedev(*device))
            ret.update(changes=made, result=True)
        except FileExistsError:
            ret["comment"] = f"File {name} exists and cannot be overwritten"
        _file_folders.dress(name, user, group, mode)
    return ret
