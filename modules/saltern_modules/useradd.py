"""Users of this host, by the programs of shadow-utils (``useradd``, ``usermod``, ``userdel``).

*root*, where a function takes it, is another root folder: its files are read, and the programs work in it. *local*
takes libuser's programs (``luseradd``), which never ask a directory service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltern_modules import _accounts

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "user"

__powers__ = {
    "add": "indirect",
    "delete": "writes",
    "info": "reads",
    "getent": "reads",
    "list_users": "reads",
    "list_groups": "reads",
    "primary_group": "reads",
    "get_loginclass": "reads",
}

GECOS = ("fullname", "roomnumber", "workphone", "homephone", "other")

MAIL_SPOOL_MISSING = 12
"""What ``userdel -r`` ends with where a user has no mail."""


def __virtual__() -> str | tuple[bool, str]:
    """Users are as here on Linux alone."""
    if __grains__.get("kernel", "Linux") == "Linux":
        return __virtualname__
    return (False, "useradd execution module not loaded: this system isn't Linux")


def add(
    name: str,
    uid: int | str | None = None,
    gid: int | str | None = None,
    groups: str | Sequence[str] | None = None,
    home: str | None = None,
    shell: str | None = None,
    unique: bool = True,
    system: bool = False,
    fullname: str = "",
    roomnumber: str = "",
    workphone: str = "",
    homephone: str = "",
    other: str = "",
    createhome: bool = True,
    loginclass: str | None = None,
    nologinit: bool = False,
    root: str | None = None,
    usergroup: bool | None = None,
    local: bool = False,
) -> bool:
    """Make the user *name* and return whether that went well; ``False`` when there is one of this name or *uid*.

    *gid*: the primary group, a name or number. *usergroup*: make a group of the user's name for it, or don't; as the
    host is configured by default. *groups*: others, a list or comma text. *unique*: whether *uid* must be free.
    *system*: from the numbers for services. *createhome*: make the *home*. *nologinit*: leave it out of the
    databases of logins. *fullname* to *other*: the parts of the comment. *loginclass* is taken, and does nothing.
    Raises ``CommandError`` when the program isn't installed.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.add fred 1201 groups=adm,users shell=/bin/bash
    """
    argv: list[Any] = [_accounts.program("luseradd" if local else "useradd")]
    argv += ["-s", shell] if shell else []
    argv += ["-u", uid] if uid not in (None, "") else []
    argv += _primary(name, gid, groups, usergroup, local)
    if usergroup is False:
        argv.append("-n" if local else "-N")
    if not createhome:
        argv.append("-M")
    elif not local:
        argv.append("-m")
    argv += ["-l"] if nologinit else []
    argv += ["-d", home] if home is not None else []
    argv += ["-o"] if not unique else []
    argv += ["-r"] if system else []
    argv += [] if local else _accounts.rooted(root)
    if _accounts.run(__salt__, [*argv, "--", name])["retcode"]:
        return False
    # The user is there: what else fails is seen by who looks, and the next call can't add it again.
    if groups:
        __salt__["user.chgroups"](name, groups, root=root)
    for key, value in zip(GECOS, (fullname, roomnumber, workphone, homephone, other), strict=True):
        if value:
            __salt__[f"user.ch{key}"](name, value, root=root)
    return True


def _primary(name: str, gid: object, groups: Any, usergroup: bool | None, local: bool) -> list[Any]:
    """Return the words that say which primary group a new user gets."""
    if gid not in (None, ""):
        return ["-g", gid]
    if usergroup:
        return [] if local else ["-U"]
    if groups is not None and name in groups and _own_groups():
        found = _accounts.group(name)  # it is there already: useradd would refuse to make it
        return ["-g", found.gr_gid if found else ""]
    return []


def _own_groups() -> bool:
    """Return whether ``/etc/login.defs`` gives each user a group of his own."""
    try:
        text = _accounts.read(None, "etc/login.defs")
    except OSError:
        return False
    return any(line.startswith("USERGROUPS_ENAB") and "yes" in line for line in text.splitlines())


def delete(name: str, remove: bool = False, force: bool = False, root: str | None = None, local: bool = False) -> bool:
    """Remove the user *name* and return whether that went well; ``False`` when there is none.

    *remove*: with home and mail. *force*: also when he is logged in.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.delete fred remove=True force=True
    """
    argv: list[Any] = [_accounts.program("luserdel" if local else "userdel")]
    argv += ["-r"] if remove else []
    argv += ["-f"] if force and not local else []
    argv += [] if local else _accounts.rooted(root)
    done = _accounts.run(__salt__, [*argv, "--", name])
    if done["retcode"] == MAIL_SPOOL_MISSING and __grains__.get("os_family") == "Debian":
        return "var/mail" in done["stderr"] or "var/spool/mail" in done["stderr"]
    return bool(done["retcode"] == 0)


def info(name: str, root: str | None = None) -> dict[str, Any]:
    """Return what is known of the user *name*, ``{}`` when there is none.

    ``{'name', 'uid': int, 'gid': int, 'groups': [names, sorted], 'home', 'shell', 'passwd', 'fullname',
    'roomnumber', 'workphone', 'homephone', 'other'}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.info root
    """
    found = _accounts.user(name, root)
    return {} if found is None else _shown(found)


def getent(refresh: bool = False, root: str | None = None) -> list[dict[str, Any]]:
    """Return of every user what ``user.info`` does. *refresh* is taken: they are always looked up anew.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.getent
    """
    return [_shown(found) for found in _accounts.users(root)]


def _shown(found: Any) -> dict[str, Any]:
    parts = found.pw_gecos.split(",", len(GECOS) - 1)
    return {
        "gid": found.pw_gid,
        "groups": _accounts.groups_of(found.pw_name),
        "home": found.pw_dir,
        "name": found.pw_name,
        "passwd": found.pw_passwd,
        "shell": found.pw_shell,
        "uid": found.pw_uid,
        **dict(zip(GECOS, [*parts, *[""] * len(GECOS)], strict=False)),
    }


def list_users(root: str | None = None) -> list[str]:
    """Return the names of all users, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.list_users
    """
    return sorted(found.pw_name for found in _accounts.users(root))


def list_groups(name: str) -> list[str]:
    """Return the groups that the user *name* is in, the primary one too, sorted; ``[]`` for an unknown one.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.list_groups fred
    """
    return _accounts.groups_of(name)


def primary_group(name: str) -> str:
    """Return the name of the user's primary group, as ``id`` tells it.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.primary_group fred
    """
    argv = ["id", "-g", "-n", "--", str(name)]
    return str(__salt__["cmd.run"](argv, python_shell=False, env=_accounts.PLAIN, timeout=_accounts.TIMEOUT_S))


def get_loginclass(name: str) -> bool:
    """Return ``False``: Linux has no login classes.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.get_loginclass fred
    """
    return False
