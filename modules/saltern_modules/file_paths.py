"""Files and folders of this host: what is there, and what it is."""

from __future__ import annotations

import os
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _file_status
from saltern_modules._file_errors import plainly

__virtualname__ = "file"

__powers__ = {
    "stats": "reads",
    "lstat": "reads",
    "statvfs": "reads",
    "access": "reads",
    "readdir": "reads",
    "readlink": "reads",
    "diskusage": "reads",
    "open_files": "reads",
    "pardir": "reads",
    "normpath": "reads",
    "basename": "reads",
    "dirname": "reads",
    "join": "reads",
}

LSTAT = ("st_atime", "st_ctime", "st_gid", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid")
STATVFS = (
    "f_bavail",
    "f_bfree",
    "f_blocks",
    "f_bsize",
    "f_favail",
    "f_ffree",
    "f_files",
    "f_flag",
    "f_frsize",
    "f_namemax",
)
MODES = {"f": os.F_OK, "r": os.R_OK, "w": os.W_OK, "x": os.X_OK}


def stats(path: str, hash_type: str | None = None, follow_symlinks: bool = True) -> dict[str, Any]:
    """Return what is known of *path*, or of what it links to.

    ``{inode, uid, gid, user, group, atime, mtime, ctime, size, mode, type, target}``: times in seconds since 1970, size
    in bytes, mode as ``"0644"``, type ``file dir link char block pipe socket``; with *hash_type* (``sha256``) the
    digest is in ``sum``. Raises ``CommandError`` when there is nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.stats /etc/passwd
    """
    with plainly():
        return _file_status.stats(path, hash_type, follow_symlinks)


def lstat(path: str) -> dict[str, Any]:
    """Return ``{st_atime, st_ctime, st_gid, st_mode, st_mtime, st_nlink, st_size, st_uid}`` of *path*, a link itself.

    ``{}`` when there is nothing. Raises ``ArgumentError`` for a relative path.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.lstat /path/to/file
    """
    path = _absolute(path, "Path to file must be absolute.")
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return {}
    return {key: getattr(status, key) for key in LSTAT}


def statvfs(path: str) -> dict[str, int]:
    """Return what ``statvfs(3)`` says of the file system of *path*: sizes in blocks of ``f_frsize`` bytes.

    Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.statvfs /var/lib
    """
    path = _absolute(path, "File path must be absolute.")
    try:
        status = os.statvfs(path)
    except OSError:
        raise CommandError(f"Could not statvfs '{path}'") from None
    return {key: getattr(status, key) for key in STATVFS}


def access(path: str, mode: str | int) -> bool:
    """Return whether *path* is there (*mode* ``f``), and may be read, written or executed (``r``, ``w``, ``x``) by us.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.access /path/to/file r
    """
    path = _absolute(path, "Path to link must be absolute.")
    if mode in MODES:
        return os.access(path, MODES[str(mode)])
    if mode in MODES.values():
        return os.access(path, int(mode))
    raise ArgumentError("Invalid mode specified.")


def readdir(path: str) -> list[str]:
    """Return the names in the folder *path*, in no order, after ``.`` and ``..``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.readdir /etc/cron.d
    """
    path = _absolute(path, "Dir path must be absolute.")
    if not os.path.isdir(path):
        raise ArgumentError(f"A valid directory was not specified: {path}")
    with plainly():
        return [".", "..", *os.listdir(path)]


def readlink(path: str, canonicalize: bool = False) -> str:
    """Return where the link *path* leads, as it says it; with *canonicalize* the real path. ``$NAME`` is expanded.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.readlink /etc/localtime canonicalize=True
    """
    path = os.path.expandvars(os.path.expanduser(path))
    path = _absolute(path, f"Path to link must be absolute: {path}")
    if not os.path.islink(path):
        raise ArgumentError(f"A valid link was not specified: {path}")
    if canonicalize:
        return os.path.realpath(path)
    try:
        return os.readlink(path)
    except OSError as error:
        raise CommandError(str(error)) from None


def _absolute(path: str, wrong: str) -> str:
    path = os.path.expanduser(path)
    if not os.path.isabs(path):
        raise ArgumentError(wrong)
    return path


def diskusage(path: str) -> int:
    """Return the bytes of the file *path*, or of all files below it, each once however many names it has.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.diskusage /path/to/check
    """
    if os.path.isfile(path):
        return os.stat(path).st_size
    sizes: dict[tuple[int, int], int] = {}
    for top, _, names in os.walk(path):
        for name in names:
            try:
                status = os.stat(os.path.join(top, name))
            except OSError:
                continue
            sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values())


def open_files(by_pid: bool = False) -> dict[Any, list[Any]]:
    """Return the files that processes have open, ``{path: [pids]}``; with *by_pid* ``{pid: [paths]}``, ``[]`` too.

    Processes of others are left out where we may not look into them.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.open_files by_pid=True
    """
    from saltern_modules._file_open import open_files as found

    return found(by_pid)


def pardir() -> str:
    """Return the name of the folder above: ``..``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.pardir
    """
    return os.path.pardir


def normpath(path: str) -> str:
    """Return *path* without ``.``, ``..`` and doubled slashes.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.normpath '/var/./lib/../cache'
    """
    return os.path.normpath(path)


def basename(path: str) -> str:
    """Return what comes after the last slash of *path*.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.basename /etc/passwd
    """
    return os.path.basename(path)


def dirname(path: str) -> str:
    """Return what comes before the last slash of *path*.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.dirname /etc/passwd
    """
    return os.path.dirname(path)


def join(*args: str) -> str:
    """Return *args* as one path; an absolute one begins anew.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.join / usr local bin
    """
    return os.path.join(*args)
