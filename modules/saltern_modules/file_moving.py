"""Files and folders of this host: removing, copying, renaming and linking them."""

from __future__ import annotations

import os
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _file_moving, _file_status
from saltern_modules._file_errors import plainly

__virtualname__ = "file"

__powers__ = {
    "remove": "writes",
    "rmdir": "writes",
    "copy": "indirect",
    "move": "indirect",
    "rename": "indirect",
    "link": "indirect",
    "symlink": "indirect",
}


def remove(path: str, **kwargs: Any) -> bool:
    """Remove the file, link or whole folder *path*; ``False`` when nothing is there.

    Raises ``ArgumentError`` for a relative path, ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.remove /tmp/foo
    """
    path = os.path.expanduser(path)
    if not os.path.isabs(path):
        raise ArgumentError(f"File path must be absolute: {path}")
    try:
        return _file_moving.remove(path)
    except OSError as error:
        raise CommandError(f"Could not remove '{path}': {error}") from None


def rmdir(
    path: str, recurse: bool = False, verbose: bool = False, older_than: int | str | None = None
) -> bool | dict[str, Any]:
    """Remove the folder *path* if it is empty; return whether it is gone.

    With *recurse* empty folders below it are removed first, with *older_than* those alone that were changed more than
    so many days ago. With *verbose* returns ``{"deleted": [paths], "errors": [[path, reason]], "result": bool}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.rmdir /tmp/foo recurse=True older_than=30
    """
    path = os.path.expanduser(path)
    if not os.path.isabs(path):
        raise ArgumentError("File path must be absolute.")
    if not os.path.isdir(path):
        raise ArgumentError(f"A valid directory was not specified: {path}")
    if recurse and os.path.samefile(path, "/"):
        raise CommandError(f"{path} is the root folder: name the one whose empty folders are to go")
    told = _file_moving.remove_empty(path, recurse, older_than)
    return told if verbose else bool(told["result"])


def copy(src: str, dst: str, recurse: bool = False, remove_existing: bool = False) -> bool:
    """Copy the file *src* to *dst*, or with *recurse* the folder *src* over it; ``True``.

    Owner, group and mode are the source's; in a folder that of new files are ours. With *remove_existing* what is at
    *dst* gives way when the copy is whole. Raises ``ArgumentError``, ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.copy /path/to/src /path/to/dst
    """
    from saltern_modules._file_perms import Wanted, checked

    src, dst = os.path.expanduser(src), os.path.expanduser(dst)
    if not os.path.isabs(src):
        raise ArgumentError("File path must be absolute.")
    if not os.path.exists(src):
        raise CommandError(f"No such file or directory '{src}'")
    found = _file_status.stats(src)
    folders = os.path.isdir(dst) or os.path.isdir(src)
    if folders and not recurse:
        raise ArgumentError("Cannot copy overwriting a directory without recurse flag set to true!")
    try:
        if not folders:
            _file_moving.copy_file(src, dst, mode=0o600)  # until it has its owner and mode
        elif remove_existing:
            _file_moving.exchange_folder(src, dst)
        else:
            _file_moving.copy_into(src, dst)
    except OSError:
        raise CommandError(f"Could not copy '{src}' to '{dst}'") from None
    checked(dst, None, Wanted(found["user"], found["group"], found["mode"]), salt={})
    return True


def move(src: str, dst: str, disallow_copy_and_unlink: bool = False) -> dict[str, Any] | bool:
    """Move *src* to *dst*, into it if that is a folder; return ``{"result": True, "comment": "'a' moved to 'b'"}``.

    To another file system it is copied; with *disallow_copy_and_unlink* it is renamed or nothing, as ``file.rename``.
    Raises ``ArgumentError``, ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.move /path/to/src /path/to/dst
    """
    if disallow_copy_and_unlink:
        return rename(src, dst)
    src, dst = os.path.expanduser(src), os.path.expanduser(dst)
    if not os.path.isabs(src):
        raise ArgumentError("Source path must be absolute.")
    if not os.path.isabs(dst):
        raise ArgumentError("Destination path must be absolute.")
    try:
        _file_moving.move(src, dst)
    except OSError as error:
        raise CommandError(f"Unable to move '{src}' to '{dst}': {error}") from None
    return {"result": True, "comment": f"'{src}' moved to '{dst}'"}


def rename(src: str, dst: str) -> bool:
    """Rename *src* to *dst*; ``True``. Raises ``ArgumentError``, ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.rename /path/to/src /path/to/dst
    """
    src, dst = os.path.expanduser(src), os.path.expanduser(dst)
    if not os.path.isabs(src):
        raise ArgumentError("File path must be absolute.")
    try:
        _file_moving.rename(src, dst)
    except OSError:
        raise CommandError(f"Could not rename '{src}' to '{dst}'") from None
    return True


def link(src: str, path: str) -> bool:
    """Give the file *src* the further name *path* (a hard link); ``True``. Raises ``ArgumentError``, ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.link /path/to/file /path/to/link
    """
    src = os.path.expanduser(src)
    if not os.path.isabs(src):
        raise ArgumentError("File path must be absolute.")
    try:
        _file_moving.link(src, path)
    except OSError as error:
        raise CommandError(f"Could not create '{path}': {error}") from None
    return True


def symlink(src: str, path: str, force: bool = False, atomic: bool = False, follow_symlinks: bool = True) -> bool:
    """Make *path* a symbolic link to *src*, which may be relative to it; ``True``, also when it is that already.

    With *force* or *atomic* what is at *path* gives way, at once. Without *follow_symlinks* a link that leads nowhere
    is something there too. Raises ``ArgumentError`` for a relative path, ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.symlink /path/to/file /path/to/link
    """
    path = os.path.expanduser(path)
    if not os.path.isabs(path):
        raise ArgumentError(f"Link path must be absolute: {path}")
    if os.path.islink(path):
        with plainly():
            if os.path.normpath(os.readlink(path)) == os.path.normpath(src):
                return True
        if not force and not atomic:
            raise CommandError(f"Found existing symlink: {path}")
    there = os.path.exists(path) if follow_symlinks else os.path.lexists(path)
    if there and not force and not atomic:
        raise CommandError(f"Existing path is not a symlink: {path}")
    if os.path.isdir(path) and not os.path.islink(path) and not atomic:
        with plainly():
            os.unlink(path)  # says why not, in the system's words
    try:
        _file_moving.link_to(src, path, replacing=force or atomic)
    except OSError:
        raise CommandError(f"Could not create '{path}'") from None
    return True
