"""What is changed of a user that is there, by ``usermod``; a part of the module ``user``.

The functions return whether the user is then as was asked for: ``True`` too when there was nothing to change. *root*
is another root folder to work in. They raise ``CommandError`` for a user that isn't there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _accounts

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "user"

__powers__ = {
    "chuid": "indirect",
    "chgid": "indirect",
    "chshell": "indirect",
    "chhome": "indirect",
    "chgroups": "indirect",
    "rename": "indirect",
    "chfullname": "writes",
    "chroomnumber": "writes",
    "chworkphone": "writes",
    "chhomephone": "writes",
    "chother": "writes",
    "chloginclass": "writes",
}


def __virtual__() -> str | tuple[bool, str]:
    """Users are as here on Linux alone."""
    if __grains__.get("kernel", "Linux") == "Linux":
        return __virtualname__
    return (False, "useradd execution module not loaded: this system isn't Linux")


def chuid(name: str, uid: int, root: str | None = None) -> bool:
    """Give the user *name* the number *uid*, an int: his files in his home follow.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.chuid fred 4376
    """
    return _change(name, "uid", uid, "-u", root)


def chgid(name: str, gid: int, root: str | None = None) -> bool:
    """Give the user *name* the primary group of the number *gid*, an int.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.chgid fred 4376
    """
    return _change(name, "gid", gid, "-g", root)


def chshell(name: str, shell: str, root: str | None = None) -> bool:
    """Give the user *name* another *shell*.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.chshell fred /bin/zsh
    """
    return _change(name, "shell", shell, "-s", root)


def chhome(name: str, home: str, persist: bool = False, root: str | None = None) -> bool:
    """Give the user *name* another *home*; with *persist* what is in the old one is moved there.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.chhome fred /srv/fred persist=True
    """
    return _change(name, "home", home, "-d", root, ["--move-home"] if persist else [])


def rename(name: str, new_name: str, root: str | None = None) -> bool:
    """Call the user *name* *new_name*. Raises ``CommandError`` when there is one of that name already.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.rename fred frederic
    """
    if _accounts.user(new_name, root) is not None:
        raise CommandError(f"User '{new_name}' already exists")
    return _change(name, "name", new_name, "-l", root)


def chgroups(name: str, groups: str | Sequence[str], append: bool = False, root: str | None = None) -> bool:
    """Put the user *name* into *groups* (a list or comma text), and with *append* leave him in those he is in.

    ``False`` when a group or the user isn't there.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.chgroups fred adm,users append=True
    """
    wanted = groups.split(",") if isinstance(groups, str) else [str(group) for group in groups]
    if set(_accounts.groups_of(name)) == set(wanted):
        return True
    argv: list[Any] = [_accounts.program("usermod"), *(["-a"] if append else []), "-G", ",".join(wanted)]
    done = _accounts.run(__salt__, [*argv, *_accounts.rooted(root), "--", name])
    if done["retcode"] and "not found in" in done["stderr"]:  # a user of a directory: his local groups still can be
        added = [_accounts.run(__salt__, ["gpasswd", "-a", name, "--", group])["retcode"] for group in wanted]
        return not any(added)
    return not done["retcode"]


def chfullname(name: str, fullname: str, root: str | None = None) -> bool:
    """Change the full name in the comment of the user *name*.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.chfullname fred 'Fred Foo'
    """
    return _change_comment(name, "fullname", fullname, root)


def chroomnumber(name: str, roomnumber: str, root: str | None = None) -> bool:
    """Change the room number in the comment of the user *name*.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.chroomnumber fred 123
    """
    return _change_comment(name, "roomnumber", roomnumber, root)


def chworkphone(name: str, workphone: str, root: str | None = None) -> bool:
    """Change the work's telephone number in the comment of the user *name*.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.chworkphone fred 7735550123
    """
    return _change_comment(name, "workphone", workphone, root)


def chhomephone(name: str, homephone: str, root: str | None = None) -> bool:
    """Change the home's telephone number in the comment of the user *name*.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.chhomephone fred 7735551234
    """
    return _change_comment(name, "homephone", homephone, root)


def chother(name: str, other: str, root: str | None = None) -> bool:
    """Change what else stands in the comment of the user *name*.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.chother fred 'until May'
    """
    return _change_comment(name, "other", other, root)


def chloginclass(name: str, loginclass: str, root: str | None = None) -> bool:
    """Return ``False``: Linux has no login classes.

    CLI Example:

    .. code-block:: bash

        saltern '*' user.chloginclass fred staff
    """
    return False


def _change(name: str, key: str, value: Any, option: str, root: str | None, more: Sequence[str] = ()) -> bool:
    """Change what ``user.info`` calls *key*."""
    found = __salt__["user.info"](name, root=root)
    if not found:
        raise CommandError(f"User '{name}' does not exist")
    if value == found[key]:
        return True
    argv = [_accounts.program("usermod"), *_accounts.rooted(root), *more, option, value, "--", name]
    _accounts.run(__salt__, argv)
    return bool(__salt__["user.info"](name, root=root).get(key) == value)


def _change_comment(name: str, key: str, value: object, root: str | None) -> bool:
    """Change a part of the comment."""
    text = "" if value is None else str(value)
    found = __salt__["user.info"](name, root=root)
    if not found:
        raise KeyError(f"getpwnam(): name not found: {str(name)!r}")
    if text == found[key]:
        return True
    parts = [text if part == key else found[part] for part in _PARTS]
    argv = [_accounts.program("usermod"), *_accounts.rooted(root), "-c", ",".join(parts).rstrip(","), "--", name]
    _accounts.run(__salt__, argv)
    return bool(__salt__["user.info"](name, root=root).get(key) == text)


_PARTS = ("fullname", "roomnumber", "workphone", "homephone", "other")
