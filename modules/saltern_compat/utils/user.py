"""``salt.utils.user``: users and their groups."""

from __future__ import annotations

import grp
import os
import pwd
from typing import Any


def get_user() -> str:
    """Return the name of the user that this runs as."""
    return pwd.getpwuid(os.geteuid()).pw_name


def get_specific_user() -> str:
    """Return the name of the user that this runs as; by ``sudo``, with whose rights in front."""
    user = get_user()
    return f"sudo_{os.environ['SUDO_USER']}" if user == "root" and os.environ.get("SUDO_USER") else user


def get_uid(user: str | None = None) -> int | None:
    """Return a user's number, by default this one's; ``None`` when there is no such user."""
    if user is None:
        return os.geteuid()
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


def get_gid(group: str | None = None) -> int | None:
    """Return a group's number, by default this one's; ``None`` when there is no such group."""
    if group is None:
        return os.getegid()
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def get_default_group(user: str) -> str:
    """Return the name of the user's own group. Raises ``KeyError``."""
    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name


def get_group_list(user: str, include_default: bool = True) -> list[str]:
    """Return the names of the groups of a user, in order; none when there is no such user."""
    try:
        own = pwd.getpwnam(user).pw_gid
    except KeyError:
        return []
    found = set()
    for number in os.getgrouplist(user, own):
        try:
            name = grp.getgrgid(number).gr_name
        except KeyError:
            continue
        if include_default or number != own:
            found.add(name)
    return sorted(found)


def get_group_dict(user: str | None = None, include_default: bool = True) -> dict[str, int]:
    """Return the numbers of the groups of a user, by name; of all groups without one."""
    names = [one.gr_name for one in grp.getgrall()] if user is None else get_group_list(user, include_default)
    return {name: grp.getgrnam(name).gr_gid for name in names}


def get_gid_list(user: str, include_default: bool = True) -> list[int]:
    """Return the numbers of the groups of a user, in order."""
    return sorted(set(get_group_dict(user, include_default).values()))


def chugid(runas: str, group: Any = None) -> None:
    """Have this process run as the user *runas* from now on. Raises ``CommandError``."""
    from saltern.errors import CommandError

    try:
        known = pwd.getpwnam(runas)
        os.initgroups(runas, known.pw_gid)
        os.setgid(known.pw_gid if group is None else grp.getgrnam(group).gr_gid)
        os.setuid(known.pw_uid)
    except (KeyError, OSError) as error:
        raise CommandError(f"this can't run as {runas}: {error}") from None


def chugid_and_umask(runas: str | None, umask: int | None, group: Any = None) -> None:
    """Have this process run as the user *runas*, with a mask of modes, from now on."""
    if runas is not None and runas != get_user():
        chugid(runas, group)
    if umask is not None:
        os.umask(umask)
