"""Files and folders of this host: of what kind something is."""

from __future__ import annotations

import os
import stat

from saltern.errors import ArgumentError
from saltern_modules._file_errors import plainly

__virtualname__ = "file"

__powers__ = {
    "directory_exists": "reads",
    "file_exists": "reads",
    "path_exists_glob": "reads",
    "is_link": "reads",
    "is_hardlink": "reads",
    "is_chrdev": "reads",
    "is_blkdev": "reads",
    "is_fifo": "reads",
    "get_devmm": "reads",
}


def directory_exists(path: str) -> bool:
    """Return whether *path* is a folder, or a link to one.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.directory_exists /etc
    """
    return os.path.isdir(os.path.expanduser(path))


def file_exists(path: str) -> bool:
    """Return whether *path* is a regular file, or a link to one.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.file_exists /etc/passwd
    """
    return os.path.isfile(os.path.expanduser(path))


def path_exists_glob(path: str) -> bool:
    """Return whether anything is called like the glob *path*.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.path_exists_glob '/etc/pam*/pass*'
    """
    import glob

    return next(glob.iglob(os.path.expanduser(path)), None) is not None


def is_link(path: str, nostat: bool = False) -> bool:
    """Return whether *path* is a symbolic link; with *nostat* told from its folder, without asking for the file.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.is_link /path/to/link
    """
    if not nostat:
        return os.path.islink(os.path.expanduser(path))
    with plainly(), os.scandir(os.path.dirname(path)) as entries:
        return any(entry.is_symlink() for entry in entries if entry.path == path)


def is_hardlink(path: str) -> bool | dict[str, object]:
    """Return whether the file *path* has more than one name; ``{}`` when there is nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.is_hardlink /path/to/link
    """
    path = os.path.expanduser(path)
    if not os.path.isabs(path):
        raise ArgumentError("Path to file must be absolute.")
    try:
        return os.lstat(path).st_nlink > 1
    except (OSError, ValueError):
        return {}


def is_chrdev(name: str) -> bool:
    """Return whether *name* is a character device.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.is_chrdev /dev/null
    """
    return stat.S_ISCHR(_mode(name))


def is_blkdev(name: str) -> bool:
    """Return whether *name* is a block device.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.is_blkdev /dev/sda
    """
    return stat.S_ISBLK(_mode(name))


def is_fifo(name: str) -> bool:
    """Return whether *name* is a named pipe.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.is_fifo /run/initctl
    """
    return stat.S_ISFIFO(_mode(name))


def _mode(name: str) -> int:
    """Return the mode of what is at *name*, 0 when nothing is. Raises ``OSError`` when that can't be told."""
    with plainly():
        try:
            return os.stat(os.path.expanduser(name)).st_mode
        except FileNotFoundError:
            return 0


def get_devmm(name: str) -> tuple[int, int]:
    """Return the major and minor number of the device *name*, ``(0, 0)`` when it is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.get_devmm /dev/null
    """
    mode = _mode(name)
    if not stat.S_ISCHR(mode) and not stat.S_ISBLK(mode):
        return (0, 0)
    device = os.stat(os.path.expanduser(name)).st_rdev
    return (os.major(device), os.minor(device))
