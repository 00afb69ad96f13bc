"""Groups of this host, by the programs of shadow-utils (``groupadd``, ``groupmod``, ``groupdel``, ``gpasswd``).

*root*, where a function takes it, is another root folder: its files are read, and the programs work in it. *local*
takes libuser's programs (``lgroupadd``), which never ask a directory service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern_modules import _accounts

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "group"

__powers__ = {
    "add": "writes",
    "delete": "writes",
    "info": "reads",
    "getent": "reads",
    "chgid": "indirect",
    "adduser": "indirect",
    "deluser": "writes",
    "members": "indirect",
}


def __virtual__() -> str | tuple[bool, str]:
    """Groups are as here on Linux alone."""
    if __grains__.get("kernel", "Linux") == "Linux":
        return __virtualname__
    return (False, "The groupadd execution module cannot be loaded: only available on Linux")


def add(
    name: str,
    gid: int | str | None = None,
    system: bool = False,
    root: str | None = None,
    non_unique: bool = False,
    local: bool = False,
) -> bool:
    """Make the group *name* and return whether that went well; ``False`` when there is one of this name or *gid*.

    *system*: from the numbers for services. *non_unique*: *gid* may be another group's too.

    CLI Example:

    .. code-block:: bash

        saltern '*' group.add editors 3456
    """
    argv: list[Any] = [_accounts.program("lgroupadd" if local else "groupadd")]
    if gid:
        argv += ["-g", gid, *(["-o"] if non_unique and not local else [])]
    argv += ["-r"] if system else []
    argv += [] if local else _accounts.rooted(root)
    return not _accounts.run(__salt__, [*argv, "--", name])["retcode"]


def delete(name: str, root: str | None = None, local: bool = False) -> bool:
    """Remove the group *name* and return whether that went well; ``False`` when it isn't there, or is a primary one.

    CLI Example:

    .. code-block:: bash

        saltern '*' group.delete editors
    """
    argv: list[Any] = [_accounts.program("lgroupdel" if local else "groupdel")]
    argv += [] if local else _accounts.rooted(root)
    return not _accounts.run(__salt__, [*argv, "--", name])["retcode"]


def info(name: str, root: str | None = None) -> dict[str, Any]:
    """Return ``{'name', 'passwd', 'gid': int, 'members': [names]}`` of the group *name*, ``{}`` when there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' group.info editors
    """
    found = _accounts.group(name, root)
    return {} if found is None else _shown(found)


def getent(refresh: bool = False, root: str | None = None) -> list[dict[str, Any]]:
    """Return of every group what ``group.info`` does. *refresh* is taken: they are always looked up anew.

    CLI Example:

    .. code-block:: bash

        saltern '*' group.getent
    """
    return [_shown(found) for found in _accounts.groups(root)]


def _shown(found: Any) -> dict[str, Any]:
    return {"name": found.gr_name, "passwd": found.gr_passwd, "gid": found.gr_gid, "members": found.gr_mem}


def chgid(name: str, gid: int, root: str | None = None, non_unique: bool = False) -> bool:
    """Give the group *name* the number *gid*, an int, and return whether it has it then; ``False`` without a group.

    CLI Example:

    .. code-block:: bash

        saltern '*' group.chgid editors 4376
    """
    found = info(name, root)
    if not found:
        return False
    if gid == found["gid"]:
        return True
    options = ["-o", "-g"] if non_unique else ["-g"]
    _accounts.run(__salt__, [_accounts.program("groupmod"), *_accounts.rooted(root), *options, gid, "--", name])
    return bool(info(name, root).get("gid") == gid)


def adduser(name: str, username: str, root: str | None = None) -> bool:
    """Put the user *username* into the group *name*, and return whether that went well.

    CLI Example:

    .. code-block:: bash

        saltern '*' group.adduser editors fred
    """
    return _gpasswd("--add", username, name, root)


def deluser(name: str, username: str, root: str | None = None) -> bool:
    """Take the user *username* out of the group *name*; ``True`` too when he isn't in it, or there is no group.

    CLI Example:

    .. code-block:: bash

        saltern '*' group.deluser editors fred
    """
    if username not in info(name).get("members", ()):
        return True
    return _gpasswd("--del", username, name, root)


def members(name: str, members_list: str, root: str | None = None) -> bool:
    """Make *members_list*, comma text, the members of the group *name*, and return whether that went well.

    CLI Example:

    .. code-block:: bash

        saltern '*' group.members editors fred,anna
    """
    return _gpasswd("--members", members_list, name, root)


def _gpasswd(action: str, who: object, name: str, root: str | None) -> bool:
    argv = [_accounts.program("gpasswd"), action, who, *_accounts.rooted(root, "--root"), "--", name]
    return not _accounts.run(__salt__, argv)["retcode"]
