"""What the system knows of a file beside its content, and names of users and groups, in ``file``'s shapes."""

from __future__ import annotations

import os
import stat
from typing import Any

from saltern.errors import CommandError

_KINDS = (
    (stat.S_IFDIR, "dir"),
    (stat.S_IFCHR, "char"),
    (stat.S_IFBLK, "block"),
    (stat.S_IFREG, "file"),
    (stat.S_IFLNK, "link"),
    (stat.S_IFIFO, "pipe"),
    (stat.S_IFSOCK, "socket"),
)


def stats(path: str, hash_type: str | None = None, follow_symlinks: bool = True) -> dict[str, Any]:
    """Return what is known of *path*, a link that leads nowhere for itself. Raises ``CommandError``."""
    path = os.path.expanduser(path)
    try:
        status = os.stat(path) if follow_symlinks else os.lstat(path)
    except OSError:
        try:
            status = os.lstat(path)
        except (OSError, ValueError):
            raise CommandError(f"Path not found: {path}") from None
    found: dict[str, Any] = {
        "inode": status.st_ino,
        "uid": status.st_uid,
        "gid": status.st_gid,
        "group": group_of(status.st_gid),
        "user": user_of(status.st_uid),
        "atime": status.st_atime,
        "mtime": status.st_mtime,
        "ctime": status.st_ctime,
        "size": status.st_size,
        "mode": mode_text(oct(stat.S_IMODE(status.st_mode))),
    }
    if hash_type:
        from saltern_modules._file_hashes import hash_of

        found["sum"] = hash_of(path, hash_type)
    kind = stat.S_IFMT(status.st_mode)
    found["type"] = next((name for number, name in _KINDS if number == kind), "file")
    found["target"] = os.path.realpath(path) if follow_symlinks else os.path.abspath(path)
    return found


def mode_text(mode: Any) -> Any:
    """Return *mode* as four octal digits, more if it has more: ``0644`` of ``644``, ``'0o644'``, ``"0644"``."""
    if mode is None:
        return None
    return str(mode).replace("0o", "0").strip('"').strip("'").lstrip("0").zfill(4)


def user_of(uid: Any) -> Any:
    """Return the name of the user with *uid*; *uid* when there is none. Raises ``TypeError`` for what is no number."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return uid


def uid_of(user: Any) -> Any:
    """Return the id of *user*, a number itself; our own for ``None``; ``''`` when there is no such user."""
    import pwd

    if user is None:
        return os.geteuid()
    if isinstance(user, int):
        return user
    try:
        return pwd.getpwnam(user).pw_uid
    except (KeyError, ValueError):
        return ""


def group_of(gid: Any) -> Any:
    """Return the name of the group *gid*, an id or a name; the id when there is none, ``''`` for no such name."""
    import grp

    number: Any
    try:
        number = int(gid)
    except ValueError:
        number = gid_of(gid)
    if number == "":
        return ""
    try:
        return grp.getgrgid(number).gr_name
    except (KeyError, OverflowError):
        return number


def gid_of(group: Any) -> Any:
    """Return the id of *group*, a number itself; ``''`` for ``None`` and for no such group."""
    import grp

    if group is None:
        return ""
    if isinstance(group, int):
        return group
    try:
        return grp.getgrnam(group).gr_gid
    except (KeyError, ValueError):
        return ""


def set_mode(path: str, mode: Any) -> str:
    """Give *path* the octal *mode*; return it, or what is wrong with it. Raises ``CommandError``, ``OSError``."""
    path = os.path.expanduser(path)
    digits = str(mode).lstrip("0Oo") or "0"
    if not os.path.exists(path):
        raise CommandError(f"{path}: File not found")
    from saltern_modules._rewriting import itself

    with itself(path) as place:
        try:
            os.chmod(place, int(digits, 8))
        except (OSError, ValueError, OverflowError):
            return f"Invalid Mode {digits}"
    return str(stats(path)["mode"])


def owners(user: Any, group: Any) -> tuple[Any, Any, str]:
    """Return the ids of *user* and *group*, ``-1`` for what isn't given, and what is wrong with them."""
    uid, gid, wrong = uid_of(user), gid_of(group), ""
    if uid == "":
        uid, wrong = (uid, wrong + "User does not exist\n") if user else (-1, wrong)
    if gid == "":
        gid, wrong = (gid, wrong + "Group does not exist\n") if group else (-1, wrong)
    return uid, gid, wrong


def chown(path: str, user: Any, group: Any) -> str | None:
    """Give *path*, or what it links to, to *user* and *group*; return what is wrong. Raises ``OSError``."""
    path = os.path.expanduser(path)
    uid, gid, wrong = owners(user, group)
    if not os.path.exists(path):
        if not wrong and os.path.islink(path):
            lchown(path, uid, gid)
            return None
        wrong += "File not found"
    if wrong:
        return wrong
    from saltern_modules._rewriting import itself

    with itself(path) as place:
        os.chown(place, uid, gid)
    return None


def lchown(path: str, uid: int, gid: int) -> None:
    """Give *path*, a link itself, to these. Raises ``OSError``."""
    from saltern.files import open_folder

    folder, name = os.path.split(path.rstrip("/"))
    at = open_folder(folder or ("/" if path.startswith("/") else "."))
    try:
        os.chown(name or ".", uid, gid, dir_fd=at, follow_symlinks=False)
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(at)
