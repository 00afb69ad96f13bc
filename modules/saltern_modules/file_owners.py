"""Files and folders of this host: whose they are, and who may do what with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError
from saltern_modules import _file_status, _keywords
from saltern_modules._file_errors import plainly

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]

__virtualname__ = "file"

__powers__ = {
    "gid_to_group": "reads",
    "group_to_gid": "reads",
    "uid_to_user": "reads",
    "user_to_uid": "reads",
    "get_gid": "reads",
    "get_group": "reads",
    "get_uid": "reads",
    "get_user": "reads",
    "get_mode": "reads",
    "set_mode": "indirect",
    "chown": "indirect",
    "lchown": "indirect",
    "chgrp": "indirect",
    "check_perms": "indirect",
    "lsattr": "reads",
    "chattr": "indirect",
}


def gid_to_group(gid: int | str) -> str | int:
    """Return the name of the group *gid*; the id itself when there is none, ``''`` for a name of no group.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.gid_to_group 0
    """
    name: str | int = _file_status.group_of(gid)
    return name


def group_to_gid(group: str | int | None) -> int | str:
    """Return the id of *group*, a number as it is; ``''`` when there is no such group.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.group_to_gid root
    """
    gid: int | str = _file_status.gid_of(group)
    return gid


def uid_to_user(uid: int) -> str | int:
    """Return the name of the user *uid*; the id itself when there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.uid_to_user 0
    """
    name: str | int = _file_status.user_of(uid)
    return name


def user_to_uid(user: str | int | None) -> int | str:
    """Return the id of *user*, a number as it is, the agent's own for null; ``''`` when there is no such user.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.user_to_uid root
    """
    uid: int | str = _file_status.uid_of(user)
    return uid


def get_gid(path: str, follow_symlinks: bool = True) -> int:
    """Return the id of the group of *path*. Raises ``CommandError`` when there is nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.get_gid /etc/passwd
    """
    return int(_file_status.stats(path, follow_symlinks=follow_symlinks)["gid"])


def get_group(path: str, follow_symlinks: bool = True) -> str | int:
    """Return the name of the group of *path*, its id when it has none. Raises ``CommandError`` when there is nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.get_group /etc/passwd
    """
    group: str | int = _file_status.stats(path, follow_symlinks=follow_symlinks)["group"]
    return group


def get_uid(path: str, follow_symlinks: bool = True) -> int:
    """Return the id of the owner of *path*. Raises ``CommandError`` when there is nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.get_uid /etc/passwd
    """
    return int(_file_status.stats(path, follow_symlinks=follow_symlinks)["uid"])


def get_user(path: str, follow_symlinks: bool = True) -> str | int:
    """Return the name of the owner of *path*, the id when it has none. Raises ``CommandError`` when there is nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.get_user /etc/passwd
    """
    user: str | int = _file_status.stats(path, follow_symlinks=follow_symlinks)["user"]
    return user


def get_mode(path: str, follow_symlinks: bool = True) -> str:
    """Return the permissions of *path* in octal: ``0644``. Raises ``CommandError`` when there is nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.get_mode /etc/passwd
    """
    return str(_file_status.stats(path, follow_symlinks=follow_symlinks)["mode"])


def set_mode(path: str, mode: str | int) -> str:
    """Give *path* the octal *mode* (``0644``, 644); return the mode that it has then, or ``Invalid Mode …``.

    Raises ``CommandError`` when there is nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.set_mode /etc/passwd 0644
    """
    with plainly():
        return _file_status.set_mode(path, mode)


def chown(path: str, user: str | int | None, group: str | int | None) -> str | None:
    """Give *path*, or what it links to, to *user* and *group*; ``None`` when done, else what is wrong as a text.

    An empty one stays. Raises ``OSError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.chown /etc/passwd root root
    """
    with plainly():
        return _file_status.chown(path, user, group)


def lchown(path: str, user: str | int | None, group: str | int | None) -> None:
    """Give *path*, a link itself, to *user* and *group*. Raises ``OSError``, ``ArgumentError`` for unknown ones.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.lchown /etc/alternatives/editor root root
    """
    uid, gid, wrong = _file_status.owners(user, group)
    if wrong:
        raise ArgumentError(wrong.strip().replace("\n", "; "))
    with plainly():
        _file_status.lchown(os.path.expanduser(path), uid, gid)


def chgrp(path: str, group: str | int) -> str | None:
    """Give *path*, or what it links to, to *group*; ``None`` when done, else what is wrong as a text.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.chgrp /etc/passwd root
    """
    return chown(path, get_user(path), group)


def check_perms(
    name: str,
    ret: dict[str, Any] | None,
    user: str | int | None,
    group: str | int | None,
    mode: str | int | None,
    attrs: str | None = None,
    follow_symlinks: bool = False,
    seuser: str | None = None,
    serole: str | None = None,
    setype: str | None = None,
    serange: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give *name* the owner, group, octal mode and attributes (``chattr``'s letters) that it doesn't have yet.

    What is null stays. Returns *ret*, or ``{name, changes, comment, result}`` when it is empty, with what was changed;
    and what was found, ``{luser, lgroup, lmode}``, and set, ``{cuser, cgroup, cmode}``. The ``se…`` parts of an SELinux
    context are set where the host has one. Raises ``CommandError`` when there is nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.check_perms /etc/sudoers '{}' root root 400
    """
    from saltern_modules._file_perms import Wanted, checked

    wanted = Wanted(user, group, mode, attrs, (seuser, serole, setype, serange))
    with plainly():
        return checked(name, ret, wanted, follow_symlinks, salt=__salt__, test=bool(__opts__.get("test")))


def lsattr(path: str) -> dict[str, list[str]] | None:
    """Return ``{path: [letters]}``, the attributes that ``chattr`` sets; of a folder's members for a folder.

    ``None`` where ``lsattr`` isn't installed. Raises ``ArgumentError`` when there is nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.lsattr /etc/resolv.conf
    """
    from saltern_modules._file_perms import attributes

    return attributes(path, salt=__salt__)


def chattr(*files: str, **kwargs: Any) -> bool:
    """Add or remove attributes of *files*: ``operator=add`` or ``remove``, ``attributes=aAcCdDeijPsStTu``.

    *flags* are ``chattr``'s options ``RVf``, *version* the file's generation number. Returns whether it worked.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.chattr /etc/resolv.conf operator=add attributes=i
    """
    from saltern_modules._file_perms import change_attributes

    return change_attributes(files, _keywords.own(kwargs), salt=__salt__)
