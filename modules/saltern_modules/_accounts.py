"""Users and groups as a host's own files have them, for any root folder; and the programs that change them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern.named import NamedTuple

USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Looked through after ``$PATH``: an agent that a user started has no folders of administration in its own."""

TIMEOUT_S = 600
"""For a program that changes accounts: it may copy a home, and must not hang for ever."""

OF_A_ROOT = ("etc", "lib", "lib64", "usr", "usr/lib", "usr/lib64", "etc/passwd", "etc/group", "etc/shadow")
"""What is looked at of another root folder before anything is run or read there."""

OWN_GROUPS = (0, os.getegid())

PLAIN = {"LC_ALL": "C", "LANGUAGE": "C"}
"""The environment in which programs say what they say in one language, and so in words that can be looked for."""


class User(NamedTuple):
    """A line of ``/etc/passwd``, by the names of ``pwd.struct_passwd``."""

    pw_name: str
    pw_passwd: str
    pw_uid: int
    pw_gid: int
    pw_gecos: str
    pw_dir: str
    pw_shell: str


class Group(NamedTuple):
    """A line of ``/etc/group``, by the names of ``grp.struct_group``."""

    gr_name: str
    gr_passwd: str
    gr_gid: int
    gr_mem: list[str]


def program(name: str) -> str:
    """Return the path of the program *name*; raises ``CommandError`` when there is none."""
    found = found_program(name)
    if found is None:
        raise CommandError(f"Command '{name}' cannot be found")
    return found


def found_program(name: str) -> str | None:
    """Return the path of the program *name*, None when there is none."""
    for folder in (*os.environ.get("PATH", "").split(":"), *USUAL_PATH.split(":")):
        path = os.path.join(folder, name)
        if os.path.isabs(path) and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def parse_passwd(text: str) -> Iterator[User]:
    """Yield the users of a passwd(5) file; lines that aren't of its form are left out."""
    for line in text.splitlines():
        fields = line.strip().split(":")
        if len(fields) == len(User._fields) and _is_number(fields[2]) and _is_number(fields[3]):
            name, hashed, uid, gid, *rest = fields
            yield User(name, hashed, int(uid), int(gid), *rest)


def parse_group(text: str) -> Iterator[Group]:
    """Yield the groups of a group(5) file; lines that aren't of its form are left out."""
    for line in text.splitlines():
        fields = line.strip().split(":")
        if len(fields) >= len(Group._fields) and _is_number(fields[2]):
            yield Group(fields[0], fields[1], int(fields[2]), fields[3].split(",") if fields[3] else [])


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def read(root: object, name: str) -> str:
    """Return the text of the file *name* (``etc/passwd``) below *root*; raises ``OSError``."""
    path = os.path.join(own_root(root) if root else "/", name)
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def users(root: object = None) -> list[Any]:
    """Return all users: the host's, whoever keeps them, or those of the passwd file below *root*."""
    if root is None:
        import pwd

        return pwd.getpwall()
    return list(parse_passwd(_read(root, "etc/passwd")))


def groups(root: object = None) -> list[Any]:
    """Return all groups: the host's, or those of the group file below *root*."""
    if root is None:
        import grp

        return grp.getgrall()
    return list(parse_group(_read(root, "etc/group")))


def user(name: object, root: object = None) -> Any | None:
    """Return the user *name*, None when there is none."""
    if root is not None:
        return next((one for one in users(root) if one.pw_name == str(name)), None)
    import pwd

    try:
        return pwd.getpwnam(str(name))
    except (KeyError, ValueError):  # ValueError: a NUL in it
        return None


def group(name: object, root: object = None) -> Any | None:
    """Return the group *name*, None when there is none."""
    if root is not None:
        return next((one for one in groups(root) if one.gr_name == str(name)), None)
    import grp

    try:
        return grp.getgrnam(str(name))
    except (KeyError, ValueError):
        return None


def groups_of(name: object) -> list[str]:
    """Return the names of the groups that the user *name* is in, its primary group too, sorted."""
    found = user(name)
    if found is None:
        return sorted(one.gr_name for one in groups() if str(name) in one.gr_mem)
    gids = set(os.getgrouplist(found.pw_name, found.pw_gid))
    names = {one.gr_name for one in groups() if one.gr_gid in gids}
    return sorted(names | {name for gid in gids if (name := _name_of(gid))})


def _name_of(gid: int) -> str:
    import grp

    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""


def _read(root: object, name: str) -> str:
    try:
        return read(root, name)
    except OSError as error:
        raise CommandError(f"can't read {error.filename}: {error.strerror}") from None


def rooted(root: object, option: str = "-R") -> list[str]:
    """Return the words that make a program work below *root*. Raises ``CommandError`` for one of a stranger's."""
    return [] if root is None else [option, own_root(root)]


def own_root(root: object) -> str:
    """Return the path of a root folder. Raises ``CommandError`` when another user can change what is in it.

    Programs take themselves there by chroot(2), and run what libraries are in it; and a link in it leads anywhere.
    """
    path = os.path.realpath(str(root))
    for place in (*_above(path), *(os.path.join(path, name) for name in OF_A_ROOT)):
        try:
            status = os.lstat(place)
        except OSError:
            continue
        theirs = status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and status.st_gid not in OWN_GROUPS)
        theirs = theirs and not stat.S_ISLNK(status.st_mode) and not status.st_mode & stat.S_ISVTX
        if theirs or status.st_uid not in (0, os.geteuid()):
            raise CommandError(f"root={str(root)!r}: others than root can change {place}: nothing is run or read there")
    return path


def _above(path: str) -> Iterator[str]:
    while True:
        yield path
        if path == "/":
            return
        path = os.path.dirname(path)


def run(salt: Mapping[str, Any], argv: list[Any]) -> dict[str, Any]:
    """Run a program that changes accounts, and return as ``cmd.run_all`` does; how it ended is the job's retcode."""
    words = [str(word) for word in argv]
    done: dict[str, Any] = salt["cmd.run_all"](words, python_shell=False, env=PLAIN, timeout=TIMEOUT_S)
    return done
